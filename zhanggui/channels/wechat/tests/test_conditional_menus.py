"""Menus for some followers: drawn up, published above the others, taken away, tried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat.menus import selectors
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    ConditionalMenu,
    ConditionalVersion,
    Follower,
)
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.channels.wechat.tests.test_pages import row
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db

HERE = "/m/tea/channels/wechat/menu/conditional/"
ADD, REMOVE = "/cgi-bin/menu/addconditional", "/cgi-bin/menu/delconditional"
LABELS, TRY, GET = "/cgi-bin/tags/get", "/cgi-bin/menu/trymatch", "/cgi-bin/menu/get"
GOOD = {"errcode": 0, "errmsg": "ok"}
REGULARS = {"tags": [{"id": 101, "name": "熟客", "count": 7}]}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def owner(client: Client, tea: Merchant, account: ChannelAccount) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def drawn(*buttons: dict[str, Any], do: str = "save", **more: str) -> dict[str, str]:
    values = {"name": "熟客", "tag_id": "", "platform": "1", "revision": "0", "do": do}
    return {**values, "content": json.dumps(buttons or [row("扫码")]), **more}


def publish(owner: Client, *, menu_id: str = "900", **more: str) -> ConditionalMenu:
    with fake_wechat(**{ADD: {"menuid": menu_id}}):
        assert owner.post(f"{HERE}new", drawn(do="publish", **more)).status_code == 302
    found = ConditionalMenu.objects.order_by("-pk").first()
    assert found is not None
    return found


def test_saving_reaches_nobody(owner: Client, tea: Merchant) -> None:
    with fake_wechat() as wechat:
        answer = owner.post(f"{HERE}new", drawn(platform=""))
    menu = ConditionalMenu.objects.get()
    assert answer["Location"] == f"{HERE}{menu.pk}/"
    assert (menu.name, menu.rule, menu.menu_id) == ("熟客", {}, "")
    assert wechat.calls == []
    with tenancy.merchant_scope(tea.pk):
        assert AuditEntry.objects.filter(action="wechat.conditional.saved").count() == 1


def test_publishing_sends_menu_and_rule(owner: Client) -> None:
    reply = row("营业时间", "reply", "9:00-18:00")
    with fake_wechat(**{LABELS: REGULARS, ADD: {"menuid": "900"}}) as wechat:
        owner.post(f"{HERE}new", drawn(reply, do="publish", tag_id="101"))
    assert wechat.body()["matchrule"] == {"tag_id": "101", "client_platform_type": "1"}
    assert wechat.body()["button"][0]["key"] == f"zg.reply.{reply['id']}"
    menu = ConditionalMenu.objects.get()
    assert (menu.menu_id, menu.tag_name) == ("900", "熟客")
    version = ConditionalVersion.objects.get()
    assert (version.number, version.sent) == (1, wechat.body()["button"])
    page = owner.get(HERE).content.decode()
    assert "熟客" in page
    assert selectors.reply_of_tap(menu.account_id, f"zg.reply.{reply['id']}") == "9:00-18:00"


def test_another_version_takes_the_place_of_the_one_before(owner: Client) -> None:
    menu = publish(owner)
    with fake_wechat(**{ADD: {"menuid": "901"}, REMOVE: GOOD}) as wechat:
        again = drawn(row("二"), do="publish", revision="1")
        owner.post(f"{HERE}{menu.pk}/", again)
    assert wechat.paths()[-2:] == [ADD, REMOVE]
    assert wechat.body() == {"menuid": "900"}
    menu.refresh_from_db()
    assert menu.menu_id == "901"
    assert [one.number for one in menu.versions.order_by("number")] == [1, 2]


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (65303, "E_NO_MENU_FOR_ALL"),
        (65305, "E_CONDITIONAL_FULL"),
        (45058, "E_LABEL_GONE"),
        (48001, "E_WECHAT_REFUSED"),
    ],
)
def test_a_refusal_keeps_the_draft(owner: Client, code: int, refusal: str) -> None:
    with fake_wechat(**{ADD: {"errcode": code, "errmsg": "no"}}):
        answer = owner.post(f"{HERE}new", drawn(do="publish"))
    assert (answer.status_code, answer.context["refusal"].code) == (409, refusal)
    assert ConditionalMenu.objects.get().menu_id == ""
    assert not ConditionalVersion.objects.exists()


def test_for_nobody_it_is_not_published(owner: Client) -> None:
    with fake_wechat() as wechat:
        answer = owner.post(f"{HERE}new", drawn(do="publish", platform=""))
    assert answer.status_code == 422
    assert answer.context["form"].errors["tag_id"]
    assert wechat.calls == []


def test_a_label_that_is_gone_is_told_at_its_field(owner: Client) -> None:
    with fake_wechat(**{LABELS: REGULARS}):
        answer = owner.post(f"{HERE}new", drawn(tag_id="102"))
    assert answer.status_code == 409
    assert answer.context["form"].errors["tag_id"]
    assert not ConditionalMenu.objects.exists()


def test_two_people_do_not_overwrite_each_other(owner: Client) -> None:
    owner.post(f"{HERE}new", drawn(row("甲")))
    menu = ConditionalMenu.objects.get()
    owner.post(f"{HERE}{menu.pk}/", drawn(row("乙"), revision="1"))
    answer = owner.post(f"{HERE}{menu.pk}/", drawn(row("丙"), revision="1"))
    assert answer.status_code == 409
    menu.refresh_from_db()
    assert menu.content[0]["name"] == "乙"


def test_taken_away_and_deleted(owner: Client) -> None:
    menu = publish(owner)
    with fake_wechat(**{REMOVE: GOOD}) as wechat:
        owner.post(f"{HERE}{menu.pk}/withdraw")
        assert wechat.body() == {"menuid": "900"}
        owner.post(f"{HERE}{menu.pk}/delete")  # not there any more: nobody is asked
    assert len(wechat.calls) == 1 or wechat.paths().count(REMOVE) == 1
    menu.refresh_from_db()
    assert menu.menu_id == ""
    assert menu.archived_at is not None
    assert owner.get(f"{HERE}{menu.pk}/").status_code == 404


def test_what_wechat_does_not_know_any_more_is_taken_away(owner: Client) -> None:
    menu = publish(owner)
    with fake_wechat(**{REMOVE: {"errcode": 65301, "errmsg": "gone"}}):
        owner.post(f"{HERE}{menu.pk}/withdraw")
    menu.refresh_from_db()
    assert menu.menu_id == ""


def test_they_go_with_the_menu_for_everybody(owner: Client) -> None:
    menu = publish(owner)
    with fake_wechat(**{"/cgi-bin/menu/delete": GOOD}):
        owner.post("/m/tea/channels/wechat/menu/delete")
    menu.refresh_from_db()
    assert menu.menu_id == ""


def test_a_version_comes_back_into_the_editor(owner: Client) -> None:
    menu = publish(owner)
    owner.post(f"{HERE}{menu.pk}/", drawn(row("二"), revision="1", platform="2"))
    owner.post(f"{HERE}{menu.pk}/versions/1/restore")
    menu.refresh_from_db()
    assert (menu.content[0]["name"], menu.platform) == ("扫码", "1")
    assert "苹果" in owner.get(f"{HERE}{menu.pk}/versions/").content.decode()


class TestAtWechat:
    def test_says_which_menu_a_follower_sees(self, owner: Client, account: ChannelAccount) -> None:
        menu = publish(owner)
        fan = Follower.objects.create(account=account, openid="o-1", is_following=True)
        seen = {"button": [{"type": "scancode_waitmsg", "name": "扫码", "key": "zg.scan"}]}
        with fake_wechat(**{TRY: seen}) as wechat:
            page = owner.get(f"{HERE}match?person={fan.pk}").content.decode()
            assert wechat.body() == {"user_id": "o-1"}
            owner.get(f"{HERE}match?person={fan.pk}&wechat_id=wx-lin")
            assert wechat.body() == {"user_id": "wx-lin"}
        assert f"{HERE}{menu.pk}/" in page

    def test_nobody_is_called_so(self, owner: Client) -> None:
        with fake_wechat(**{TRY: {"errcode": 65302, "errmsg": "no"}}):
            page = owner.get(f"{HERE}match?wechat_id=x").content.decode()
        assert "粉丝里没有这个人" in page

    def test_shows_foreign_and_missing_menus_and_deletes_foreign_ones(self, owner: Client) -> None:
        menu = publish(owner)
        foreign = {
            "button": [{"type": "view", "name": "别处", "url": "https://b.example"}],
            "matchrule": {"client_platform_type": "2"},
            "menuid": 555,
        }
        stands = {"menu": {"button": []}, "conditionalmenu": [foreign]}
        with fake_wechat(**{GET: stands, REMOVE: GOOD}) as wechat:
            page = owner.get(f"{HERE}now").content.decode()
            owner.post(f"{HERE}now/555/delete")
            assert wechat.body() == {"menuid": "555"}
            owner.post(f"{HERE}now/900/delete")  # ours
        assert wechat.paths().count(REMOVE) == 1
        assert "别处" in page
        assert menu.name in page

    def test_labels_are_offered(self, owner: Client) -> None:
        with fake_wechat(**{LABELS: REGULARS}):
            page = owner.get(f"{HERE}labels?tag_id=101").content.decode()
        assert '<option value="101" selected>熟客 (7)</option>' in page
