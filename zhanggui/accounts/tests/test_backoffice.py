"""A merchant's back office through its pages: overview, stores, staff, audit log, profile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from zhanggui.accounts import services, todo
from zhanggui.accounts.models import (
    AuditEntry,
    Merchant,
    Person,
    Role,
    Session,
    Store,
    StoreState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_person,
    make_staff,
    make_store,
)
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="花茶时光")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Person:
    person = make_staff(tea, role=Role.OWNER, name="李老板")
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


def stores_of(merchant: Merchant) -> list[Store]:
    with tenancy.merchant_scope(merchant.pk):
        return list(Store.objects.order_by("pk"))


def audited(merchant: Merchant) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


class TestOverview:
    def test_says_where_one_is_and_who(self, client: Client, owner: Person) -> None:
        page = text(client.get("/m/tea/"))
        assert "花茶时光" in page
        assert "李老板" in page
        assert "商家 · 店主" in page

    def test_asks_for_the_first_store(self, client: Client, tea: Merchant, owner: Person) -> None:
        assert "新建第一家门店" in text(client.get("/m/tea/"))
        make_store(tea)
        assert "新建第一家门店" not in text(client.get("/m/tea/"))

    def test_names_invitations_nobody_accepted(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        made = services.invite(place=tea, role=Role.CLERK, inviter=owner, actor=ACTOR)
        assert "1 个邀请还没有人接受" in text(client.get("/m/tea/"))
        services.revoke_invitation(invitation=made.invitation, actor=ACTOR)
        assert "个邀请还没有人接受" not in text(client.get("/m/tea/"))

    def test_a_clerk_is_asked_for_nothing_they_cannot_do(
        self, client: Client, tea: Merchant
    ) -> None:
        client.force_login(make_staff(tea, role=Role.CLERK))
        page = text(client.get("/m/tea/"))
        assert "新建第一家门店" not in page
        assert "/m/tea/staff/" not in page
        assert "/m/tea/audit/" not in page

    @pytest.mark.spec("platform P41")
    def test_other_modules_add_what_waits(
        self, client: Client, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(todo, "_sources", {})
        todo.register(lambda _request: [todo.Todo("Later", "x", "/later", order=5)])
        todo.register(lambda _request: [todo.Todo("Sooner", "x", "/sooner", order=1)])
        page = text(client.get("/m/tea/"))
        assert page.index("/sooner") < page.index("/later")

    def test_all_questions_are_one_statement(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def some(found: todo.Found) -> list[todo.Todo]:
            names = ", ".join(sorted(row["name"] for row in found))
            return [todo.Todo(names, "x", "/named", order=2)]

        def many(number: int) -> list[todo.Todo]:
            return [todo.Todo(str(number), "x", "/counted", order=1)]

        monkeypatch.setattr(todo, "_sources", {})
        todo.register(lambda _request: [todo.Todo("At once", "x", "/at-once", order=3)])
        todo.register(
            lambda _request: [
                todo.Question(Store.objects.order_by("pk")[:2], some, {"name": F("name")}),
                todo.how_many(Store.objects.filter(name="没有"), many),
            ]
        )
        todo.register(lambda _request: [todo.how_many(Merchant.objects.all(), many)])
        for name in ("一", "二", "三"):
            make_store(tea, name)
        with tenancy.merchant_scope(tea.pk), CaptureQueriesContext(connection) as asked:
            found = todo.waiting(None)
        assert [str(one.title) for one in found] == ["0", "1", "一, 二", "At once"]
        assert len(asked.captured_queries) == 1


class TestStores:
    def test_lists_searches_and_filters(self, client: Client, tea: Merchant, owner: Person) -> None:
        make_store(tea, "人民路店")
        make_store(tea, "大学城店", state=StoreState.CLOSED)
        make_store(make_merchant(), "别人的店")
        page = text(client.get("/m/tea/stores/"))
        assert "人民路店" in page
        assert "大学城店" in page
        assert "别人的店" not in page
        assert "大学城店" not in text(client.get("/m/tea/stores/?q=人民"))
        assert "人民路店" not in text(client.get("/m/tea/stores/?state=closed"))
        assert "没有找到符合的门店" in text(client.get("/m/tea/stores/?q=火星"))

    def test_a_long_list_has_pages_and_few_queries(
        self, client: Client, tea: Merchant, owner: Person, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(60):
            make_store(tea, f"第 {number} 店")
        with django_assert_max_num_queries(8):
            page = client.get("/m/tea/stores/")
        assert text(page).count('class="row-link"') == 50
        following = client.get("/m/tea/stores/", {"after": page.context["page"].next})
        assert text(following).count('class="row-link"') == 10

    def test_opens_a_store(self, client: Client, tea: Merchant, owner: Person) -> None:
        values = {"name": "人民路店", "address": "人民路 88 号", "phone": "021-63128800"}
        answer = client.post("/m/tea/stores/new", values)
        (store,) = stores_of(tea)
        assert answer["Location"] == f"/m/tea/stores/{store.pk}/"
        assert (store.name, store.address, store.phone) == tuple(values.values())
        assert audited(tea) == ["accounts.store.created"]

    def test_the_same_form_twice_opens_one(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        key = client.get("/m/tea/stores/new").context["key"]
        sent = {"name": "人民路店", "idempotency_key": key}
        first = client.post("/m/tea/stores/new", sent)
        again = client.post("/m/tea/stores/new", sent)
        assert again["Location"] == first["Location"]
        assert len(stores_of(tea)) == 1

    def test_a_taken_name_is_told_at_the_field(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_store(tea, "人民路店")
        answer = client.post("/m/tea/stores/new", {"name": "人民路店"})
        assert answer.status_code == 409
        assert "已有同名门店" in text(answer)
        assert len(stores_of(tea)) == 1

    def test_an_empty_name_is_told(self, client: Client, tea: Merchant, owner: Person) -> None:
        assert client.post("/m/tea/stores/new", {"name": " "}).status_code == 422
        assert stores_of(tea) == []

    def test_edits_a_store(self, client: Client, tea: Merchant, owner: Person) -> None:
        store = make_store(tea, "人民路店")
        path = f"/m/tea/stores/{store.pk}/edit"
        assert 'value="人民路店"' in text(client.get(path))
        client.post(path, {"name": "人民广场店", "address": "", "phone": ""})
        assert stores_of(tea)[0].name == "人民广场店"
        make_store(tea, "人民路店")
        assert client.post(path, {"name": "人民路店"}).status_code == 409

    def test_closes_and_reopens(self, client: Client, tea: Merchant, owner: Person) -> None:
        store = make_store(tea, "人民路店")
        client.post(f"/m/tea/stores/{store.pk}/close")
        assert stores_of(tea)[0].state == StoreState.CLOSED
        page = text(client.get(f"/m/tea/stores/{store.pk}/"))
        assert "恢复营业" in page
        client.post(f"/m/tea/stores/{store.pk}/reopen")
        assert stores_of(tea)[0].state == StoreState.OPEN

    def test_who_may_only_look_gets_no_buttons(self, client: Client, tea: Merchant) -> None:
        store = make_store(tea)
        client.force_login(make_staff(tea, "accounts.view_stores"))
        assert "stores/new" not in text(client.get("/m/tea/stores/"))
        assert "/close" not in text(client.get(f"/m/tea/stores/{store.pk}/"))


class TestProfile:
    def test_changes_the_name(self, client: Client, owner: Person) -> None:
        client.post("/me/name", {"name": "李大老板"})
        owner.refresh_from_db()
        assert owner.name == "李大老板"
        assert client.post("/me/name", {"name": ""}).status_code == 422

    def test_changes_the_password_and_stays_in(self, client: Client, owner: Person) -> None:
        other = Client()
        other.force_login(owner)
        values = {"present": PASSWORD, "new": "better-48", "again": "better-48"}
        assert client.post("/me/password", values)["Location"] == "/me/"
        assert client.get("/me/").status_code == 200
        assert other.get("/me/").status_code == 302
        owner.refresh_from_db()
        assert owner.check_password("better-48")

    @pytest.mark.parametrize(
        ("values", "status", "told"),
        [
            ({"present": "no", "new": "better-48", "again": "better-48"}, 403, "当前密码不正确"),
            ({"present": PASSWORD, "new": "better-48", "again": "worse-48"}, 422, "不一致"),
            ({"present": PASSWORD, "new": "12345", "again": "12345"}, 422, "密码"),
            ({"present": "", "new": "", "again": ""}, 422, ""),
        ],
        ids=["wrong-present", "two-new-ones", "too-short", "empty"],
    )
    def test_says_what_is_wrong_with_a_password(
        self, client: Client, owner: Person, values: dict[str, str], status: int, told: str
    ) -> None:
        answer = client.post("/me/password", values)
        assert answer.status_code == status
        assert told in text(answer)
        owner.refresh_from_db()
        assert owner.check_password(PASSWORD)

    def test_lists_ones_sessions_and_ends_one(self, client: Client, owner: Person) -> None:
        other = Client()
        other.force_login(owner)
        Client().force_login(make_person())
        sessions = client.get("/me/").context["sessions"]
        assert [session["is_this"] for session in sessions].count(True) == 1
        assert len(sessions) == 2
        theirs = next(session for session in sessions if not session["is_this"])
        client.post("/me/sessions/end", {"session": theirs["handle"]})
        assert other.get("/me/").status_code == 302
        assert client.get("/me/").status_code == 200
        assert Session.objects.count() == 2

    def test_a_made_up_handle_ends_nothing(self, client: Client, owner: Person) -> None:
        assert client.post("/me/sessions/end", {"session": "x"}).status_code == 404
        assert Session.objects.count() == 1

    def test_the_phone_is_masked(self, client: Client, owner: Person) -> None:
        assert owner.phone[-11:] not in text(client.get("/me/"))


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_menu_speaks_the_persons_language(client: Client, owner: Person, language: str) -> None:
    client.cookies["zhanggui_language"] = language
    page = text(client.get("/m/tea/"))
    with translation.override(language):
        for label in (translation.gettext("Stores"), translation.gettext("Audit log")):
            assert label in page
