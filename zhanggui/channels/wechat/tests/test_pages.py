"""Menu, replies, codes and templates of an account, through their pages at all three tiers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant, PlatformAuditEntry, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.channels.wechat.menus import rules
from zhanggui.channels.wechat.menus.rules import Kind
from zhanggui.channels.wechat.models import (
    AutoReply,
    ChannelAccount,
    MenuDraft,
    MenuVersion,
)
from zhanggui.channels.wechat.permissions import EDIT_CONTENT, VIEW_ACCOUNT
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/"
CREATE = "/cgi-bin/menu/create"
DELETE = "/cgi-bin/menu/delete"
CURRENT = "/cgi-bin/get_current_selfmenu_info"
GOOD = {"errcode": 0, "errmsg": "ok"}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def row(name: str, kind: str = "scan", value: str = "", *entries: Any) -> dict[str, Any]:
    return {
        "id": rules.new_id(),
        "name": name,
        "kind": kind,
        "value": value,
        "entries": list(entries),
    }


def menu(*buttons: dict[str, Any], revision: int = 0, do: str = "save") -> dict[str, Any]:
    return {"content": json.dumps(buttons), "revision": str(revision), "do": do}


def shown(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


@pytest.mark.usefixtures("account")
class TestMenu:
    @pytest.mark.spec("repairs D5")
    def test_saving_reaches_nobody(self, owner: Client) -> None:
        with fake_wechat() as wechat:
            answer = owner.post(f"{HERE}menu/", menu(row("扫码"), row("未完", "", "")))

        assert answer.status_code == 302
        assert [one["name"] for one in MenuDraft.objects.get().content] == ["扫码", "未完"]
        assert wechat.calls == []
        assert not MenuVersion.objects.exists()

    @pytest.mark.spec("platform P19")
    def test_publishing_sends_it_and_keeps_a_version(self, owner: Client, tea: Merchant) -> None:
        reply = row("营业时间", "reply", "9:00-18:00")
        drawn = menu(
            row("服务", "", "", row("扫码"), row("官网", "page", "https://a.example/")),
            reply,
            do="publish",
        )
        with fake_wechat(**{CREATE: GOOD}) as wechat:
            answer = owner.post(f"{HERE}menu/", drawn)

        assert answer.status_code == 302
        assert wechat.body()["button"][1] == {
            "type": "click",
            "name": "营业时间",
            "key": f"zg.reply.{reply['id']}",
        }
        version = MenuVersion.objects.get()
        assert (version.number, version.sent) == (1, wechat.body()["button"])
        with tenancy.merchant_scope(tea.pk):
            actions = set(AuditEntry.objects.values_list("action", flat=True))
        assert {"wechat.menu.saved", "wechat.menu.published"} <= actions

    @pytest.mark.parametrize(
        ("code", "marked"), [(40018, "长的名字"), (40020, "官网"), (48001, "")]
    )
    def test_a_refusal_of_wechat_marks_the_row(self, owner: Client, code: int, marked: str) -> None:
        buttons = [row("长的名字"), row("官网", "page", "https://a.example/")]
        with fake_wechat(**{CREATE: {"errcode": code, "errmsg": "no"}}):
            answer = owner.post(f"{HERE}menu/", menu(*buttons, do="publish"))

        assert answer.status_code in {409, 422}
        drawn = json.loads(answer.context["drawn"])
        rows = {one["id"]: one["name"] for one in buttons}
        assert [rows[one["row"]] for one in drawn["problems"]] == ([marked] if marked else [])
        assert MenuDraft.objects.exists()
        assert not MenuVersion.objects.exists()

    def test_our_own_check_asks_nobody(self, owner: Client) -> None:
        with fake_wechat() as wechat:
            answer = owner.post(f"{HERE}menu/", menu(row("", "page", "http://x"), do="publish"))

        assert answer.status_code == 422
        assert len(json.loads(answer.context["drawn"])["problems"]) == 2
        assert wechat.calls == []

    def test_two_people_do_not_overwrite_each_other(self, owner: Client) -> None:
        owner.post(f"{HERE}menu/", menu(row("甲")))
        owner.post(f"{HERE}menu/", menu(row("乙"), revision=1))
        answer = owner.post(f"{HERE}menu/", menu(row("丙"), revision=1))

        assert answer.status_code == 409
        assert "丙" in answer.context["drawn"]
        assert MenuDraft.objects.get().content[0]["name"] == "乙"

    @pytest.mark.parametrize("content", ["", "{}", "[1]", "[" * 5000, '[{"id":"A"}]'])
    def test_what_the_editor_never_sends_is_refused(self, owner: Client, content: str) -> None:
        answer = owner.post(f"{HERE}menu/", {"content": content, "revision": "0"})
        assert answer.status_code == 400
        assert not MenuDraft.objects.exists()

    @pytest.mark.spec("platform P19")
    def test_a_version_comes_back_into_the_editor(self, owner: Client) -> None:
        with fake_wechat(**{CREATE: GOOD}):
            owner.post(f"{HERE}menu/", menu(row("一"), do="publish"))
            owner.post(f"{HERE}menu/", menu(row("二"), revision=1, do="publish"))
        owner.post(f"{HERE}menu/versions/1/restore")

        assert MenuDraft.objects.get().content[0]["name"] == "一"
        assert MenuVersion.objects.count() == 2
        assert "一" in shown(owner, f"{HERE}menu/versions/")

    @pytest.mark.spec("repairs U-48")
    def test_the_last_ten_versions_can_be_restored(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        content = [rules.Button(rules.new_id(), "", Kind.SCAN)]
        for number in range(1, 13):
            named = [replace(one, name=f"第{number}版") for one in content]
            MenuVersion.objects.create(
                account=account, number=number, content=rules.as_json(tuple(named))
            )
        page = shown(owner, f"{HERE}menu/")
        for number in range(3, 13):
            assert f"menu/versions/{number}/restore" in page
            owner.post(f"{HERE}menu/versions/{number}/restore")
            assert MenuDraft.objects.get().content[0]["name"] == f"第{number}版"

    def test_deleting_takes_it_away_and_is_a_version(self, owner: Client) -> None:
        with fake_wechat(**{CREATE: GOOD, DELETE: GOOD}) as wechat:
            owner.post(f"{HERE}menu/", menu(row("一"), do="publish"))
            owner.post(f"{HERE}menu/delete")

        assert wechat.paths()[-1] == DELETE
        newest = MenuVersion.objects.order_by("-number").first()
        assert newest is not None
        assert (newest.number, newest.content) == (2, [])

    def test_compares_with_what_stands_at_wechat(self, owner: Client) -> None:
        elsewhere = {
            "is_menu_open": 1,
            "selfmenu_info": {
                "button": [{"type": "view", "name": "别处", "url": "https://b.example"}]
            },
        }
        with fake_wechat(**{CREATE: GOOD, CURRENT: elsewhere}):
            owner.post(f"{HERE}menu/", menu(row("一"), do="publish"))
            page = shown(owner, f"{HERE}menu/now")
            owner.post(f"{HERE}menu/take-over")

        assert "别处" in page
        [button] = MenuDraft.objects.get().content
        assert (button["name"], button["kind"], button["value"]) == (
            "别处",
            "page",
            "https://b.example",
        )

    def test_offers_a_suggestion_first(self, owner: Client) -> None:
        answer = owner.get(f"{HERE}menu/")
        drawn = json.loads(answer.context["drawn"])
        assert drawn["content"][0]["value"] == "stamps.wallet"
        assert not MenuDraft.objects.exists()


KEYWORD = {
    "words": "营业时间\n几点",
    "match": "inside",
    "priority": "0",
    "kind": "text",
    "text": "9:00-18:00",
    "is_on": "on",
}


@pytest.mark.usefixtures("account")
class TestReplies:
    def test_added_answers_in_the_box(self, owner: Client) -> None:
        assert owner.post(f"{HERE}replies/new", KEYWORD).status_code == 302
        assert "9:00-18:00" in shown(owner, f"{HERE}replies/try?text=请问几点开门")
        assert "9:00-18:00" not in shown(owner, f"{HERE}replies/try?text=地址")
        assert "营业时间" in shown(owner, f"{HERE}replies/")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"words": " \n "}, "words"),
            ({"words": "\n".join(map(str, range(21)))}, "words"),
            ({"words": "字" * 31}, "words"),
            ({"text": ""}, "text"),
            ({"kind": "card", "title": "", "url": "https://a.example"}, "title"),
            ({"kind": "card", "title": "卡"}, "url"),
            ({"kind": "card", "title": "卡", "url": "http://a.example"}, "url"),
        ],
    )
    def test_a_wrong_form_says_where(
        self, owner: Client, change: dict[str, str], field: str
    ) -> None:
        answer = owner.post(f"{HERE}replies/new", KEYWORD | change)
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert not AutoReply.objects.exists()

    def test_one_answer_to_following(self, owner: Client) -> None:
        form = {"kind": "text", "text": "欢迎", "is_on": "on"}
        assert owner.post(f"{HERE}replies/new?for=follow", form).status_code == 302
        assert owner.post(f"{HERE}replies/new?for=follow", form).status_code == 409
        assert AutoReply.objects.count() == 1

    def test_switched_off_changed_and_deleted(self, owner: Client) -> None:
        owner.post(f"{HERE}replies/new", KEYWORD)
        rule = AutoReply.objects.get()
        owner.post(f"{HERE}replies/{rule.pk}/switch")
        assert "9:00-18:00" not in shown(owner, f"{HERE}replies/try?text=几点")
        owner.post(f"{HERE}replies/{rule.pk}/", KEYWORD | {"text": "全天"})
        assert "全天" in shown(owner, f"{HERE}replies/try?text=几点")
        owner.post(f"{HERE}replies/{rule.pk}/delete")
        assert not AutoReply.objects.exists()


class TestPlaces:
    PAGES = ("", "menu/", "menu/versions/", "replies/", "replies/new", "codes/", "templates/")

    def test_operator_and_platform_have_the_same_pages(self, client: Client) -> None:
        operator = make_operator("sun")
        make_account(operator=operator)
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        for page in self.PAGES:
            shown(client, f"/operator/sun/channels/wechat/{page}")

    def test_an_operators_menu_is_published_and_logged_there(self, client: Client) -> None:
        operator = make_operator("sun")
        make_account(operator=operator)
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        with fake_wechat(**{CREATE: GOOD}):
            client.post("/operator/sun/channels/wechat/menu/", menu(row("一"), do="publish"))
        assert MenuVersion.objects.get().account.operator == operator
        assert PlatformAuditEntry.objects.filter(action="wechat.menu.published").count() == 1

    @pytest.mark.spec("repairs D6")
    def test_without_an_own_account_the_pages_offer_one(self, owner: Client) -> None:
        for page in ("menu/", "replies/", "templates/"):
            assert f"{HERE}connect" in shown(owner, f"{HERE}{page}")
        shown(owner, f"{HERE}menu/versions/", 404)

    def test_another_merchants_rule_is_not_found(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        other = make_account(merchant=make_merchant("coffee"))
        rule = AutoReply.objects.create(account=other, occasion="follow", kind="text", text="x")
        assert account.pk
        shown(owner, f"{HERE}replies/{rule.pk}/", 404)
        assert owner.post(f"{HERE}replies/{rule.pk}/delete").status_code == 404
        assert AutoReply.objects.count() == 1

    @pytest.mark.parametrize(
        ("rights", "status"), [([VIEW_ACCOUNT.name], 403), ([EDIT_CONTENT.name], 200)]
    )
    def test_needs_the_right_to_edit(
        self, client: Client, tea: Merchant, account: ChannelAccount, rights: list[str], status: int
    ) -> None:
        client.force_login(make_staff(tea, *rights))
        assert account.pk
        shown(client, f"{HERE}menu/", status)


def test_the_platform_has_them_too(client: Client) -> None:
    make_account()
    client.force_login(make_platform_staff(role=Role.OWNER))
    answer = client.get("/platform/channels/wechat/menu/")
    assert answer.status_code in {200, 302}
