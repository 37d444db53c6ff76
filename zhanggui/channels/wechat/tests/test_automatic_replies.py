"""Automatic replies and tracked codes, through WeChat's own door and the printed address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_staff
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.menus import rules as menu_rules
from zhanggui.channels.wechat.models import (
    AutoReply,
    ChannelAccount,
    CodeScan,
    MenuVersion,
    Occasion,
    PushMode,
    SceneCode,
    ServingPeriod,
    TrackedCode,
)
from zhanggui.channels.wechat.replies import rules
from zhanggui.channels.wechat.replies.rules import Word
from zhanggui.channels.wechat.services import effective_account
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    PHONE_AGENT,
    QR_PATH,
    fake_wechat,
    make_account,
    run_jobs,
)
from zhanggui.channels.wechat.tests.test_hooks import OPENID, event, post, text
from zhanggui.contacts.models import Customer
from zhanggui.contacts.tests.factories import make_tag
from zhanggui.core import clock, tenancy
from zhanggui.ui import qr

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    account = make_account(merchant=tea)
    account.push_mode = PushMode.SAFE
    account.save()
    return account


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def rule(account: ChannelAccount, *words: str, whole: bool = False, **more: Any) -> AutoReply:
    values: dict[str, Any] = {"occasion": Occasion.KEYWORD, "kind": "text", "text": "答"} | more
    stored = rules.stored([Word(word, whole) for word in words])
    return AutoReply.objects.create(account=account, words=stored, **values)


def answered(account: ChannelAccount, body: str) -> str:
    """What the chat shows at once; empty for silence."""
    content = post(Client(), account, body).content.decode()
    if content == "success":
        return ""
    sealed = fromstring(content).findtext("Encrypt") or ""
    return MessageBox(AES_KEY, account.app_id).decrypt(sealed)


class TestWords:
    @pytest.mark.parametrize(
        ("heard", "is_answered"),
        [
            ("营业时间", True),
            ("请问 营业时间 ？", True),
            ("ＷＩＦＩ", True),
            ("地址", False),
            ("", False),
        ],
    )
    def test_contained_ones(self, account: ChannelAccount, heard: str, is_answered: bool) -> None:
        made = rule(account, "营业时间", "wifi")
        assert (rules.answering([made], heard) is not None) == is_answered

    def test_whole_ones_hear_nothing_else(self, account: ChannelAccount) -> None:
        made = rule(account, "1", whole=True)
        assert rules.answering([made], " 1 ")
        assert rules.answering([made], "11") is None

    def test_priority_then_whole_then_length_then_age(self, account: ChannelAccount) -> None:
        old, young = rule(account, "茶"), rule(account, "茶")
        longer, whole = rule(account, "红茶"), rule(account, "红茶", whole=True)
        first = rule(account, "茶", priority=1)
        made = [young, old, longer, whole, first]
        order = []
        while made:
            found = rules.answering(made, "红茶")
            assert found is not None
            order.append(found[0])
            made.remove(found[0])
        assert order == [first, whole, longer, old, young]

    def test_a_rule_that_is_off_hears_nothing(self, account: ChannelAccount) -> None:
        assert rules.answering([rule(account, "茶", is_on=False)], "茶") is None


class TestAtOnce:
    @pytest.mark.spec("platform P20")
    def test_text_word_default_and_silence(self, account: ChannelAccount) -> None:
        assert answered(account, text("你好", message_id=1)) == ""
        rule(account, "你好", text="您好")
        rule(account, occasion=Occasion.DEFAULT, text="稍后回复您")
        assert "您好" in answered(account, text("你好呀", message_id=2))
        assert "稍后回复您" in answered(account, text("别的", message_id=3))

    @pytest.mark.spec("platform P20")
    def test_follow_is_greeted_with_a_card(self, account: ChannelAccount) -> None:
        rule(account, occasion=Occasion.FOLLOW, kind="card", title="领卡", page="stamps.wallet")
        found = answered(account, event("subscribe"))
        assert "领卡" in found
        assert "/w/tea/" in found

    def test_a_card_without_its_page_becomes_text(self, account: ChannelAccount) -> None:
        rule(account, occasion=Occasion.FOLLOW, kind="card", title="领卡", page="gone.page")
        assert "<MsgType><![CDATA[text]]></MsgType>" in answered(account, event("subscribe"))

    def test_a_tap_finds_the_reply_of_an_older_menu(self, account: ChannelAccount) -> None:
        button = menu_rules.Button("abc", "时间", menu_rules.Kind.REPLY, "9:00-18:00")
        content = menu_rules.as_json((button,))
        MenuVersion.objects.create(account=account, number=1, content=content)
        MenuVersion.objects.create(account=account, number=2, content=[])
        assert "9:00-18:00" in answered(account, event("CLICK", "zg.reply.abc"))
        assert answered(account, event("CLICK", "zg.reply.other", at=1_700_000_001)) == ""
        assert answered(account, event("CLICK", "somebody.elses", at=1_700_000_002)) == ""

    def test_another_accounts_rules_stay_silent(self, account: ChannelAccount) -> None:
        rule(make_account(merchant=make_merchant("coffee")), "你好")
        assert answered(account, text("你好")) == ""


def make_code(owner: Client, **change: str) -> TrackedCode:
    form = {
        "name": "前台立牌",
        "days": "0",
        "reply": "欢迎光临",
        "page": "",
        "page_url": "",
    } | change
    answer = {"ticket": "T", "url": "http://weixin.qq.com/q/abc"}
    with fake_wechat(**{QR_PATH: answer}) as wechat:
        assert owner.post(f"{HERE}codes/new", form).status_code == 302
    assert wechat.body()["action_name"] == (
        "QR_LIMIT_STR_SCENE" if form["days"] == "0" else "QR_STR_SCENE"
    )
    return TrackedCode.objects.latest("pk")


@pytest.mark.usefixtures("account")
class TestCodes:
    def scan(
        self, account: ChannelAccount, *, at: int = 1_700_000_000, is_new: bool = False
    ) -> str:
        scene = SceneCode.objects.latest("pk").scene
        if is_new:
            return answered(account, event("subscribe", f"qrscene_{scene}", at=at))
        return answered(account, event("SCAN", scene, at=at))

    @pytest.mark.spec("platform P21")
    def test_a_scan_is_answered_counted_and_tagged(
        self, owner: Client, account: ChannelAccount, tea: Merchant
    ) -> None:
        with tenancy.merchant_scope(tea.pk):
            tag = make_tag(tea)
        code = make_code(owner, tag_id=str(tag.pk))

        assert "欢迎光临" in self.scan(account, is_new=True)
        assert "欢迎光临" in self.scan(account, at=1_700_000_100)
        self.scan(account, at=1_700_000_100)
        run_jobs()

        assert [one.is_new_follower for one in CodeScan.objects.order_by("at")] == [True, False]
        with tenancy.merchant_scope(tea.pk):
            assert Customer.objects.get().tag_ids == [tag.pk]
        page = owner.get(f"{HERE}codes/{code.pk}/").content.decode()
        assert OPENID not in page
        assert OPENID[-6:] in page

    def test_without_words_of_its_own_a_new_follower_is_greeted(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        rule(account, occasion=Occasion.FOLLOW, text="欢迎关注")
        make_code(owner, reply="")
        assert "欢迎关注" in self.scan(account, is_new=True)
        assert self.scan(account, at=1_700_000_100) == ""

    def test_the_printed_address_goes_to_the_page_and_is_counted(self, owner: Client) -> None:
        code = make_code(owner, page="stamps.wallet")
        answer = Client().get(f"/q/{code.token}", headers={"User-Agent": PHONE_AGENT})
        assert (answer.status_code, answer["Location"]) == (302, "http://127.0.0.1:8000/w/tea/")
        assert CodeScan.objects.get().openid == ""

    @pytest.mark.parametrize(
        ("method", "headers"),
        [
            ("head", {"User-Agent": PHONE_AGENT}),
            ("get", {"User-Agent": PHONE_AGENT, "Sec-Purpose": "prefetch;prerender"}),
            ("get", {"User-Agent": PHONE_AGENT, "X-Moz": "prefetch"}),
            ("get", {"User-Agent": "Mozilla/5.0 (compatible; Baiduspider/2.0)"}),
            ("get", {"User-Agent": "python-httpx/0.28"}),
            ("get", {}),
        ],
        ids=["head", "prefetch", "prefetch-of-firefox", "robot", "program", "nobody"],
    )
    def test_only_people_are_counted(
        self, owner: Client, method: str, headers: dict[str, str]
    ) -> None:
        code = make_code(owner, page="stamps.wallet")
        answer = getattr(Client(), method)(f"/q/{code.token}", headers=headers)
        assert answer.status_code == 302
        assert not CodeScan.objects.exists()

    def test_one_network_counts_thirty_times_in_ten_minutes(self, owner: Client) -> None:
        code = make_code(owner, page="stamps.wallet")
        phone, begin = Client(headers={"User-Agent": PHONE_AGENT}), clock.now()
        for after_s in (0, 601):
            with clock.at(begin + timedelta(seconds=after_s)):
                for _time in range(32):
                    assert phone.get(f"/q/{code.token}").status_code == 302
        assert CodeScan.objects.count() == 2 * 30

    def test_the_printed_address_survives_another_account(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        code = make_code(owner)
        ours = qr.data_uri(code.url)
        shown = Client().get(f"/q/{code.token}")
        assert shown.context["picture"] == ours
        ChannelAccount.objects.filter(pk=account.pk).update(is_connected=False)
        assert Client().get(f"/q/{code.token}").context["picture"] == ""
        assert "不再服务" in owner.get(f"{HERE}codes/").content.decode()

    def test_an_unknown_address_says_nothing(self) -> None:
        assert Client().get("/q/23456789abcdefghjkmnpqrstu").status_code == 404
        assert not CodeScan.objects.exists()

    def test_pictures_and_sheets_are_files(self, owner: Client) -> None:
        code = make_code(owner, caption="扫码领卡")
        here = f"{HERE}codes/{code.pk}/"
        assert owner.get(f"{here}lasting.png").content.startswith(b"\x89PNG")
        assert b"<svg" in owner.get(f"{here}direct.svg").content
        pdf = owner.get(f"{here}sheet.pdf?sheet=a6").content
        assert pdf.startswith(b"%PDF")
        assert len(pdf) < 200_000

    def test_a_temporary_one_says_until_when(self, owner: Client) -> None:
        code = make_code(owner, days="7")
        assert code.expires_at is not None
        assert (code.expires_at - code.created_at).days == 7

    def test_wechats_end_of_permanent_codes_is_told(self, owner: Client) -> None:
        form = {"name": "前台立牌", "days": "0"}
        with fake_wechat(**{QR_PATH: {"errcode": 45029, "errmsg": "no more"}}):
            answer = owner.post(f"{HERE}codes/new", form)
        assert answer.status_code == 409
        assert not TrackedCode.objects.exists()

    def test_put_away_and_brought_back(self, owner: Client) -> None:
        code = make_code(owner)
        owner.post(f"{HERE}codes/{code.pk}/archive")
        assert "前台立牌" not in owner.get(f"{HERE}codes/").content.decode()
        assert "前台立牌" in owner.get(f"{HERE}codes/?archive=1").content.decode()
        owner.post(f"{HERE}codes/{code.pk}/archive")
        assert "前台立牌" in owner.get(f"{HERE}codes/").content.decode()

    def test_another_merchants_code_is_not_found(self, owner: Client) -> None:
        code = make_code(owner)
        TrackedCode.objects.filter(pk=code.pk).update(merchant=make_merchant("coffee"))
        for page in ("", "edit", "lasting.png", "sheet.pdf"):
            assert owner.get(f"{HERE}codes/{code.pk}/{page}").status_code == 404


class TestServing:
    @pytest.mark.spec("platform P23")
    def test_own_then_operators_then_platforms(self) -> None:
        operator = make_operator("sun")
        shop = make_merchant("shop", operator=operator)
        platform = make_account()
        assert effective_account(shop) == platform
        lent = make_account(operator=operator)
        assert effective_account(shop) == lent
        own = make_account(merchant=shop)
        assert effective_account(shop) == own

    @pytest.mark.spec("platform P23")
    def test_connecting_and_disconnecting_are_written_down(
        self, owner: Client, tea: Merchant
    ) -> None:
        platform = make_account(name="平台号")
        run_jobs()
        form = {
            "name": "茶舍",
            "app_id": "wxsb00000000000000aa",
            "secret": "0123456789abcdef0123456789abcdef",
            "callback_token": "pamtest",
            "aes_key": AES_KEY,
        }
        with fake_wechat():
            owner.post(f"{HERE}connect", form)
        run_jobs()
        owner.post(f"{HERE}disconnect")
        run_jobs()

        with tenancy.merchant_scope(tea.pk):
            periods = list(ServingPeriod.objects.order_by("pk"))
        assert [one.reason for one in periods] == ["connected", "disconnected"]
        assert periods[0].until == periods[1].since
        assert (periods[1].account_id, periods[1].until) == (platform.pk, None)
        page = owner.get(f"{HERE}history").content.decode()
        assert "平台号" in page
        assert "茶舍" in page
