"""A merchant's back office through its pages: overview, stores, staff, audit log, profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from zhanggui.accounts import services, todo
from zhanggui.accounts.models import (
    AuditEntry,
    Membership,
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
    membership_of,
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

    def test_names_staff_who_never_signed_in(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        make_staff(tea, role=Role.CLERK)
        assert "1 位员工还没有登录过" in text(client.get("/m/tea/"))

    def test_a_clerk_is_asked_for_nothing_they_cannot_do(
        self, client: Client, tea: Merchant
    ) -> None:
        client.force_login(make_staff(tea, role=Role.CLERK))
        page = text(client.get("/m/tea/"))
        assert "新建第一家门店" not in page
        assert "/m/tea/staff/" not in page
        assert "/m/tea/audit/" not in page

    def test_other_modules_add_what_waits(
        self, client: Client, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(todo, "_sources", {})
        todo.register(lambda _request: [todo.Todo("Later", "x", "/later", order=5)])
        todo.register(lambda _request: [todo.Todo("Sooner", "x", "/sooner", order=1)])
        page = text(client.get("/m/tea/"))
        assert page.index("/sooner") < page.index("/later")


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


class TestStaff:
    def test_shows_people_with_masked_phones(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        person = make_staff(tea, role=Role.CLERK, name="王晓梅")
        page = text(client.get("/m/tea/staff/"))
        assert "王晓梅" in page
        assert person.phone[-11:] not in page
        assert f"{person.phone[3:6]}****{person.phone[-4:]}" in page

    def test_adds_a_new_person_and_shows_the_password_once(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        values = {"name": "王晓梅", "phone": "13900139000", "role": "clerk"}
        answer = client.post("/m/tea/staff/new", values)
        password = answer.context["initial_password"]
        assert answer.status_code == 200
        assert password in text(answer)
        assert "no-store" in answer["Cache-Control"]
        person = Person.objects.by_phone("+8613900139000")
        assert person is not None
        assert person.check_password(password)
        assert membership_of(person, tea).role == Role.CLERK
        assert password not in text(client.get("/m/tea/staff/"))
        again = client.post("/m/tea/staff/new", values)
        assert again.status_code == 409
        assert "已经在名单里" in text(again)

    def test_links_who_is_known(self, client: Client, tea: Merchant, owner: Person) -> None:
        person = make_person(phone="+8613900139000")
        answer = client.post(
            "/m/tea/staff/new", {"name": "X", "phone": "139 0013 9000", "role": "finance"}
        )
        assert answer["Location"] == "/m/tea/staff/"
        assert membership_of(person, tea).role == Role.FINANCE
        person.refresh_from_db()
        assert person.check_password(PASSWORD)

    @pytest.mark.parametrize(
        "values",
        [
            {"name": "", "phone": "13900139000", "role": "clerk"},
            {"name": "王", "phone": "1390013900", "role": "clerk"},
            {"name": "王", "phone": "13900139000", "role": "king"},
            {"name": "王", "phone": "13900139000", "role": "custom"},
            {
                "name": "王",
                "phone": "13900139000",
                "role": "custom",
                "rights": ["accounts.platform_view"],
            },
        ],
        ids=["no-name", "short-phone", "no-such-role", "no-right", "right-of-another-tier"],
    )
    def test_bad_input_adds_nobody(
        self, client: Client, tea: Merchant, owner: Person, values: dict[str, Any]
    ) -> None:
        assert client.post("/m/tea/staff/new", values).status_code == 422
        assert Membership.objects.count() == 1
        assert Person.objects.count() == 1

    def test_an_own_set_of_rights(self, client: Client, tea: Merchant, owner: Person) -> None:
        values = {
            "name": "王",
            "phone": "13900139000",
            "role": "custom",
            "rights": ["accounts.view_stores"],
        }
        client.post("/m/tea/staff/new", values)
        person = Person.objects.by_phone("+8613900139000")
        assert person is not None
        assert membership_of(person, tea).rights == ["accounts.view_stores"]

    def test_changes_a_role(self, client: Client, tea: Merchant, owner: Person) -> None:
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        path = f"/m/tea/staff/{member.pk}/"
        assert client.get(path).status_code == 200
        assert client.post(path, {"role": "manager"})["Location"] == "/m/tea/staff/"
        member.refresh_from_db()
        assert member.role == Role.MANAGER

    def test_ones_own_role_stays(self, client: Client, tea: Merchant, owner: Person) -> None:
        path = f"/m/tea/staff/{membership_of(owner, tea).pk}/"
        answer = client.post(path, {"role": "clerk"})
        assert answer.status_code == 409
        assert "不能修改自己的角色" in text(answer)

    def test_removes_somebody(self, client: Client, tea: Merchant, owner: Person) -> None:
        person = make_staff(tea, role=Role.CLERK)
        browser = Client()
        browser.force_login(person)
        client.post(f"/m/tea/staff/{membership_of(person, tea).pk}/remove")
        assert not Membership.objects.filter(person=person).exists()
        assert browser.get("/m/tea/").status_code == 302

    def test_the_last_owner_is_told_why_not(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        path = f"/m/tea/staff/{membership_of(owner, tea).pk}/remove"
        client.post(path)
        assert Membership.objects.filter(person=owner).exists()
        assert "至少要保留一位店主" in text(client.get("/m/tea/staff/"))


class TestAuditLog:
    def fill(self, tea: Merchant) -> Store:
        person = make_staff(tea, role=Role.MANAGER, name="王晓梅")
        with tenancy.merchant_scope(tea.pk):
            from zhanggui.accounts.actors import person_actor

            store = services.create_store(name="人民路店", actor=person_actor(person))
            services.close_store(store=store, actor=ACTOR)
        return store

    def test_says_who_did_what_in_words(self, client: Client, tea: Merchant, owner: Person) -> None:
        self.fill(tea)
        answer = client.get("/m/tea/audit/")
        closed, opened = answer.context["lines"]
        assert (opened.who, opened.action, opened.target) == (
            "王晓梅",
            "新建门店",
            "门店 人民路店",
        )
        assert (closed.who, closed.action, closed.store) == ("tests", "门店停业", "人民路店")
        assert "accounts.store" not in text(answer).split("<tbody")[1]

    def test_filters_by_action_and_person(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        self.fill(tea)
        person = Person.objects.get(name="王晓梅")
        for query, wanted in (
            ("?action=accounts.store.closed", ["门店停业"]),
            (f"?person={person.pk}", ["新建门店"]),
            (f"?person={owner.pk}", []),
            ("?action=accounts.store.", ["门店停业", "新建门店"]),
        ):
            answer = client.get(f"/m/tea/audit/{query}")
            assert [line.action for line in answer.context["lines"]] == wanted

    @pytest.mark.parametrize("person", ["x", "-1", "1 OR 1=1"])
    def test_an_odd_filter_is_a_bad_request(
        self, client: Client, owner: Person, person: str
    ) -> None:
        assert client.get("/m/tea/audit/", {"person": person}).status_code == 400

    def test_shows_nothing_of_others(self, client: Client, tea: Merchant, owner: Person) -> None:
        self.fill(make_merchant("coffee"))
        assert client.get("/m/tea/audit/").context["lines"] == []

    def test_a_hundred_rows_cost_no_more_queries(
        self, client: Client, tea: Merchant, owner: Person, django_assert_max_num_queries: Any
    ) -> None:
        now = datetime.now(UTC)
        with tenancy.merchant_scope(tea.pk):
            for number in range(60):
                AuditEntry(
                    at=now - timedelta(seconds=number),
                    actor_kind="person",
                    actor_id=owner.pk,
                    action="accounts.store.edited",
                    target=f"store:{number}",
                ).save()
        with django_assert_max_num_queries(10):
            page = client.get("/m/tea/audit/")
        assert len(page.context["lines"]) == 50
        older = client.get("/m/tea/audit/", {"after": page.context["page"].next})
        assert len(older.context["lines"]) == 10

    def test_a_role_change_tells_before_and_after(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        member = membership_of(make_staff(tea, role=Role.CLERK), tea)
        client.post(f"/m/tea/staff/{member.pk}/", {"role": "manager"})
        lines = client.get("/m/tea/audit/").context["lines"]
        assert lines[0].details == "店员 → 经理"

    def test_unknown_people_and_actions_stay_readable(
        self, client: Client, tea: Merchant, owner: Person
    ) -> None:
        with tenancy.merchant_scope(tea.pk):
            AuditEntry(
                actor_kind="customer", actor_id=99, action="old.thing.done", target="thing:7"
            ).save()
        (line,) = client.get("/m/tea/audit/").context["lines"]
        assert (line.action, line.target) == ("old.thing.done", "thing #7")
        assert line.who == "已注销"


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
