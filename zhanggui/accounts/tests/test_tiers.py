"""Pages of the platform and of operators: merchants taken in, frozen, counted."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Operator, Person, Role, TierState
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
    make_store,
    membership_of,
)

pytestmark = pytest.mark.django_db
NEW = {"name": "花茶时光", "slug": "huacha", "owner_name": "李", "owner_phone": "13900139000"}


@pytest.fixture
def head(client: Client) -> Person:
    person = make_platform_staff(role=Role.OWNER)
    client.force_login(person)
    return person


@pytest.fixture
def operator() -> Operator:
    return make_operator("jiangnan", name="江南")


@pytest.fixture
def agent(client: Client, operator: Operator) -> Person:
    person = make_operator_staff(operator, role=Role.OWNER)
    client.force_login(person)
    return person


def text(answer: Any) -> str:
    return str(answer.content.decode())


class TestPlatform:
    def test_counts_stores_and_staff_of_each_merchant(self, client: Client, head: Person) -> None:
        tea = make_merchant("tea")
        make_merchant("coffee")
        make_store(tea)
        make_store(tea)
        make_store(tea, state="closed")
        make_staff(tea, role=Role.OWNER)
        rows = client.get("/platform/").context["rows"]
        counted = {row.merchant.slug: (row.stores, row.staff) for row in rows}
        assert counted == {"tea": (2, 1), "coffee": (0, 0)}

    def test_the_list_costs_the_same_for_many(
        self, client: Client, head: Person, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(60):
            make_store(make_merchant(operator=make_operator()))
        with django_assert_max_num_queries(12):
            assert len(client.get("/platform/").context["rows"]) == 50

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "花"}, ["tea"]),
            ({"q": "coff"}, ["coffee"]),
            ({"q": "有限公司"}, ["tea"]),
            ({"operator": "direct"}, ["old", "tea"]),
            ({"operator": "1x"}, ["old", "coffee", "tea"]),
            ({"state": "frozen"}, ["old"]),
            ({"state": "archived"}, ["gone"]),
            ({"state": "x"}, ["old", "coffee", "tea"]),
            ({"q": "nobody"}, []),
        ],
        ids=["name", "slug", "registered", "direct", "odd", "frozen", "archived", "odd", "none"],
    )
    def test_finds_by_name_operator_and_state(
        self,
        client: Client,
        head: Person,
        operator: Operator,
        query: dict[str, str],
        found: list[str],
    ) -> None:
        make_merchant("tea", name="花茶")
        Merchant.objects.update(registered_name="花茶有限公司")
        make_merchant("coffee", name="咖啡", operator=operator)
        make_merchant("old", state=TierState.FROZEN)
        make_merchant("gone", state=TierState.ARCHIVED, operator=operator)
        page = client.get("/platform/", query)
        assert [row.merchant.slug for row in page.context["rows"]] == found

    def test_finds_by_the_operator_chosen_and_counts_states(
        self, client: Client, head: Person, operator: Operator
    ) -> None:
        make_merchant("coffee", operator=operator)
        make_merchant("gone", state=TierState.ARCHIVED, operator=operator)
        make_merchant("tea")
        page = client.get("/platform/", {"operator": operator.pk})
        assert [row.merchant.slug for row in page.context["rows"]] == ["coffee"]
        assert page.context["counts"] == {"active": 1, "frozen": 0, "archived": 1, "present": 1}

    def test_pages_by_key(self, client: Client, head: Person) -> None:
        slugs = [make_merchant().slug for _ in range(51)]
        first = client.get("/platform/")
        second = client.get("/platform/", {"after": first.context["page"].next})
        shown = [row.merchant.slug for page in (first, second) for row in page.context["rows"]]
        assert shown == slugs[::-1]
        assert client.get("/platform/", {"after": "broken"}).status_code == 200

    def test_takes_in_a_merchant_and_shows_the_password_once(
        self, client: Client, head: Person, operator: Operator
    ) -> None:
        answer = client.post("/platform/new-merchant", {**NEW, "operator": operator.pk})
        assert answer.status_code == 200
        assert answer.context["initial_password"] in text(answer)
        merchant = Merchant.objects.get()
        assert (merchant.slug, merchant.operator) == ("huacha", operator)

    def test_links_an_owner_who_is_known(self, client: Client, head: Person) -> None:
        known = make_staff(make_merchant(), role=Role.OWNER)
        answer = client.post("/platform/new-merchant", {**NEW, "owner_phone": known.phone})
        assert answer["Location"] == "/platform/merchants/huacha/"
        assert membership_of(known, Merchant.objects.get(slug="huacha")).role == Role.OWNER

    @pytest.mark.parametrize(
        ("change", "status", "told"),
        [
            ({"slug": "tea"}, 409, "短名已被使用"),
            ({"slug": "Tea!"}, 422, "小写字母"),
            ({"slug": "a"}, 422, "小写字母"),
            ({"owner_phone": "1"}, 422, "手机号"),
            ({"name": ""}, 422, ""),
            ({"operator": "999"}, 422, ""),
        ],
        ids=["taken", "signs", "short", "phone", "name", "operator"],
    )
    def test_bad_input_takes_in_nobody(
        self, client: Client, head: Person, change: dict[str, str], status: int, told: str
    ) -> None:
        make_merchant("tea")
        answer = client.post("/platform/new-merchant", {**NEW, **change})
        assert answer.status_code == status
        assert told in text(answer)
        assert Merchant.objects.count() == 1

    def test_takes_in_an_operator(self, client: Client, head: Person) -> None:
        answer = client.post("/platform/operators/new", {**NEW, "slug": "jiangbei"})
        assert answer.context["initial_password"] in text(answer)
        assert "jiangbei" in text(client.get("/platform/operators/"))
        again = client.post("/platform/operators/new", {**NEW, "slug": "jiangbei"})
        assert again.status_code == 409

    def test_gives_an_owner_a_new_password(self, client: Client, head: Person) -> None:
        tea = make_merchant("tea")
        owner = make_staff(tea, role=Role.OWNER)
        member = membership_of(owner, tea)
        answer = client.post("/platform/merchants/tea/reset", {"membership": member.pk})
        owner.refresh_from_db()
        assert owner.check_password(answer.context["initial_password"])

    @pytest.mark.parametrize("member", ["", "x", "999999"])
    def test_a_new_password_only_for_owners(
        self, client: Client, head: Person, member: str
    ) -> None:
        tea = make_merchant("tea")
        clerk = make_staff(tea, role=Role.CLERK)
        number = member or str(membership_of(clerk, tea).pk)
        answer = client.post("/platform/merchants/tea/reset", {"membership": number})
        assert answer.status_code == 404

    def test_the_same_form_twice_takes_in_one(self, client: Client, head: Person) -> None:
        key = client.get("/platform/new-merchant").context["form"].initial["form_key"]
        form = {**NEW, "slug": "", "form_key": key}
        assert client.post("/platform/new-merchant", form).status_code == 200
        again = client.post("/platform/new-merchant", {**form, "owner_phone": "13900139001"})
        assert again.status_code == 409
        assert "已经提交过" in text(again)
        assert Merchant.objects.count() == 1
        assert Person.objects.count() == 2

    @pytest.mark.parametrize(
        ("name", "stem"),
        [("清岚茶馆", "qinglanchaguan"), ("Tom & Co.", "tom-co"), ("😀", "shop")],
        ids=["chinese", "latin", "neither"],
    )
    def test_makes_a_short_name_where_none_is_typed(
        self, client: Client, head: Person, name: str, stem: str
    ) -> None:
        client.post("/platform/new-merchant", {**NEW, "name": name, "slug": ""})
        merchant = Merchant.objects.get()
        assert merchant.slug.startswith(f"{stem}-")
        assert (merchant.name, merchant.registered_name) == (name, name)

    def test_a_long_registered_name_is_cut_for_customers_only(
        self, client: Client, head: Person
    ) -> None:
        client.post("/platform/new-merchant", {**NEW, "name": "茶" * 80})
        merchant = Merchant.objects.get()
        assert (len(merchant.name), len(merchant.registered_name)) == (40, 80)

    def test_an_unknown_merchant_is_not_there(self, client: Client, head: Person) -> None:
        assert client.get("/platform/merchants/nobody/").status_code == 404

    def test_shows_no_customers(self, client: Client, head: Person) -> None:
        from zhanggui.contacts.tests.factories import make_customer

        tea = make_merchant("tea")
        make_customer(tea, "王小明")
        for path in ("/platform/", "/platform/merchants/tea/"):
            assert "王小明" not in text(client.get(path))


class TestOperator:
    def test_sees_its_own_merchants_only(
        self, client: Client, operator: Operator, agent: Person
    ) -> None:
        make_merchant("tea", operator=operator)
        make_merchant("coffee")
        rows = client.get("/operator/jiangnan/").context["rows"]
        assert [row.merchant.slug for row in rows] == ["tea"]

    def test_takes_in_a_merchant_of_its_own(
        self, client: Client, operator: Operator, agent: Person
    ) -> None:
        other = make_operator()
        client.post("/operator/jiangnan/new-merchant", {**NEW, "operator": other.pk})
        assert Merchant.objects.get().operator == operator

    def test_the_menu_says_where_one_is(
        self, client: Client, operator: Operator, agent: Person
    ) -> None:
        page = text(client.get("/operator/jiangnan/"))
        assert "江南" in page
        assert "运营者 · 负责人" in page
