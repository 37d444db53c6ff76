"""Templates of an account: chosen, mapped, counted, tried, and gone at WeChat."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat import bindings, notices
from zhanggui.channels.wechat.models import (
    BindingState,
    ChannelAccount,
    Follower,
    OutgoingMessage,
    TemplateBinding,
)
from zhanggui.channels.wechat.notices import Field, Notice
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/templates/"
LIST = "/cgi-bin/template/get_all_private_template"
CONTENT = "门店：{{thing1.DATA}}\n时间：{{time2.DATA}}\n备注：{{thing3.DATA}}"
STAMPED = Notice(
    "tests.stamped",
    "集章通知",
    (
        Field("store", "门店", "湖滨店"),
        Field("at", "时间", "2026年3月1日 12:00", "time"),
        Field("reward", "奖励", "招牌茶一杯"),
    ),
)


def listed(*ids: str) -> dict[str, Any]:
    return {
        LIST: {
            "template_list": [
                {"template_id": one, "title": "集章成功", "content": CONTENT, "example": ""}
                for one in ids
            ]
        }
    }


@pytest.fixture(autouse=True)
def notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_known", {STAMPED.name: STAMPED})


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def owner(client: Client, tea: Merchant, account: ChannelAccount) -> Client:
    assert account.pk
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


FORM = {
    "template_id": "tm-1",
    "number": "43216",
    "place-thing1": "store",
    "place-time2": "at",
    "place-thing3": "=",
    "fixed-thing3": "凭短信到店",
}


def choose(owner: Client, **change: str) -> int:
    with fake_wechat(**listed("tm-1", "tm-2")):
        return owner.post(f"{HERE}{STAMPED.name}/", FORM | change).status_code


class TestChoosing:
    def test_places_are_guessed_by_kind_and_previewed(self, owner: Client) -> None:
        with fake_wechat(**listed("tm-1")):
            answer = owner.get(f"{HERE}{STAMPED.name}/?template_id=tm-1")
        values = {row["place"].key: row["value"] for row in answer.context["rows"]}
        assert values == {"thing1": "store", "time2": "at", "thing3": "reward"}
        assert answer.context["preview"].startswith("门店：湖滨店\n时间：2026年3月1日")

    def test_chosen_it_can_be_looked_up(self, owner: Client, account: ChannelAccount) -> None:
        assert choose(owner) == 302
        binding = bindings.lookup(account.pk, STAMPED.name)
        assert binding is not None
        assert bindings.filled(binding, {"store": "湖滨店", "at": "12:00"}) == {
            "thing1": "湖滨店",
            "time2": "12:00",
            "thing3": "凭短信到店",
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"template_id": "tm-9"},
            {"place-thing1": ""},
            {"place-thing1": "x"},
            {"fixed-thing3": ""},
        ],
        ids=["unknown-id", "nothing", "unknown-field", "empty-text"],
    )
    def test_a_wrong_choice_is_refused(self, owner: Client, change: dict[str, str]) -> None:
        assert choose(owner, **change) == 422
        assert not TemplateBinding.objects.exists()

    def test_one_number_counts_once_of_25(self, owner: Client, account: ChannelAccount) -> None:
        for place in range(25):
            TemplateBinding.objects.create(
                account=account,
                template_key=f"other.{place}",
                template_id=f"id-{place}",
                number=str(place) if place < 24 else "23",
            )
        assert bindings.used(account) == 24
        assert choose(owner) == 302
        assert bindings.used(account) == 25
        TemplateBinding.objects.filter(template_key=STAMPED.name).delete()
        TemplateBinding.objects.create(account=account, template_key="one.more", template_id="z")
        assert choose(owner) == 409
        assert choose(owner, number="5") == 302


class TestAfterwards:
    def test_gone_at_wechat_is_told_and_not_used(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        choose(owner)
        with fake_wechat(**listed("tm-2")):
            owner.post(f"{HERE}check")
        assert TemplateBinding.objects.get().state == BindingState.GONE
        assert bindings.lookup(account.pk, STAMPED.name) is None
        assert "已在微信删除" in owner.get(HERE).content.decode()
        assert "消息模板" in owner.get("/m/tea/").content.decode()

    def test_a_test_goes_to_one_follower(self, owner: Client, account: ChannelAccount) -> None:
        choose(owner)
        follower = Follower.objects.create(account=account, openid="o-1")
        answer = owner.post(f"{HERE}{STAMPED.name}/test", {"follower": str(follower.pk)})
        assert answer.status_code == 302
        message = OutgoingMessage.objects.get()
        assert (message.openid, message.kind) == ("o-1", "template")
        other = Follower.objects.create(account=make_account(), openid="o-2")
        sent = owner.post(f"{HERE}{STAMPED.name}/test", {"follower": str(other.pk)})
        assert sent.status_code == 404
        assert OutgoingMessage.objects.count() == 1

    def test_taken_away(self, owner: Client) -> None:
        choose(owner)
        owner.post(f"{HERE}{STAMPED.name}/unbind")
        assert not TemplateBinding.objects.exists()
        assert owner.get(f"{HERE}unknown.notice/").status_code == 404
