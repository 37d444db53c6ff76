"""What followers see of an account's menus and pictures, as another program reads the documents."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.channels.conftest import Stage
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.wechat import api
from zhanggui.channels.wechat.client.menus import Button
from zhanggui.channels.wechat.errors import ChannelRefused
from zhanggui.channels.wechat.models import AutoReply, ChannelAccount, Occasion, ReplyKind
from zhanggui.channels.wechat.replies import pictures, services
from zhanggui.channels.wechat.replies.rules import Word
from zhanggui.channels.wechat.replies.services import ReplyInput
from zhanggui.channels.wechat.tests.factories import run_jobs
from zhanggui.core import clock


@pytest.fixture
def tea(stage: Stage) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(stage: Stage, tea: Merchant) -> ChannelAccount:
    stage.add_people("lin", "chen")
    account = stage.add_account(tea)
    for slug in ("lin", "chen"):
        stage.control("POST", f"people/{slug}/follow", {"appid": account.app_id})
    return account


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "#C2362B").save(out, format="PNG")
    return out.getvalue()


def last(stage: Stage, account: ChannelAccount) -> Any:
    """The newest line of Lin's chat."""
    return stage.control("GET", f"people/lin/chats/{account.app_id}")[-1]


class TestPictures:
    @pytest.fixture
    def rule(self, account: ChannelAccount) -> AutoReply:
        values = ReplyInput(
            Occasion.KEYWORD,
            ReplyKind.PICTURE,
            words=[Word("菜单", is_whole=False)],
            text="图片稍后就到",
            picture=png(),
        )
        return services.add_reply(account=account, values=values, actor=ACTOR)

    def ask(self, stage: Stage, account: ChannelAccount) -> Any:
        stage.control("POST", "people/lin/messages", {"appid": account.app_id, "text": "看看菜单"})
        return last(stage, account)

    def test_stands_in_the_chat_once_wechat_has_it(
        self, stage: Stage, account: ChannelAccount, rule: AutoReply
    ) -> None:
        assert self.ask(stage, account)["content"] == "图片稍后就到"
        run_jobs()
        line = self.ask(stage, account)
        assert line["kind"] == "image"
        rule.refresh_from_db()
        assert line["media_id"] == rule.media_id
        kept = api.for_account(account).media_get(rule.media_id)
        assert not isinstance(kept, str)
        assert Image.open(BytesIO(kept.content)).size == (40, 30)

    def test_is_handed_over_again_before_wechat_forgets_it(
        self, stage: Stage, account: ChannelAccount, rule: AutoReply
    ) -> None:
        run_jobs()
        rule.refresh_from_db()
        first, start = rule.media_id, clock.now()
        pictures.renew()
        rule.refresh_from_db()
        assert rule.media_id == first
        for hours, later in ((50, 50), (80, 30)):  # WeChat forgets the first one after 72
            stage.control("POST", "clock", {"advance_s": later * 3600})
            with clock.at(start + timedelta(hours=hours)):
                pictures.renew()
                assert self.ask(stage, account)["kind"] == "image"
        rule.refresh_from_db()
        assert rule.media_id != first


class TestMenusForSome:
    def test_a_tag_or_a_kind_of_phone_has_its_own(
        self, stage: Stage, account: ChannelAccount
    ) -> None:
        calls = api.for_account(account)
        openid = stage.openid(account, "lin")
        with pytest.raises(ChannelRefused) as refused:
            calls.menu_add_conditional([Button("贵宾", "click", key="vip")], {"tag_id": "1"})
        assert refused.value.code == 65303  # there must be one for everybody first
        calls.menu_create([Button("茶单", "click", key="menu")])
        for slug, platform in (("lin", "android"), ("chen", "ios")):
            values = {"slug": slug, "nickname": slug.upper(), "platform": platform}
            stage.control("PUT", "people", [values])
        menu_id = calls.menu_add_conditional(
            [Button("安卓", "click", key="a")], {"client_platform_type": "2"}
        )
        state = calls.menu_get()
        assert state is not None
        [special] = state.conditional
        assert (special.menu_id, special.rule) == (menu_id, {"client_platform_type": "2"})
        assert [one.name for one in calls.menu_of_follower(openid)] == ["安卓"]
        assert [one.name for one in calls.menu_of_follower(stage.openid(account, "chen"))] == [
            "茶单"
        ]
        calls.menu_delete_conditional(menu_id)
        assert [one.name for one in calls.menu_of_follower(openid)] == ["茶单"]
