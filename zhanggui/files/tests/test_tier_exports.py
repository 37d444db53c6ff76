"""Lists of the platform and of operators as spreadsheets: filters, rights, what is written down."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Merchant, Operator, PlatformAuditEntry, Role, TierState
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    make_store,
)
from zhanggui.billing.tests.factories import make_order, make_subscriber
from zhanggui.core import tenancy
from zhanggui.files import exports
from zhanggui.files.lists import PLACES

pytestmark = pytest.mark.django_db
PLATFORM = "/platform/exports/"
NORTH = "/operator/north/exports/"


@pytest.fixture
def north() -> Operator:
    return make_operator("north", name="北方")


@pytest.fixture
def world(north: Operator) -> list[Merchant]:
    """Two merchants of an operator, one frozen, and one of the platform."""
    tea = make_merchant("tea", name="=青岚茶馆", operator=north)
    make_store(tea)
    coffee = make_merchant("coffee", name="咖啡", operator=north, state=TierState.FROZEN)
    return [tea, coffee, make_merchant("books", name="书店")]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_platform_staff(role=Role.OWNER))
    return client


@pytest.fixture
def head(north: Operator) -> Client:
    client = Client()
    client.force_login(make_operator_staff(north, role=Role.OWNER))
    return client


def rows(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def take(client: Client, address: str, **filters: str) -> list[list[str]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return rows(client.post(f"{address}?{query}", {"format": "csv"}))


@pytest.mark.usefixtures("world")
class TestMerchants:
    def test_of_the_platform_with_its_filters(self, boss: Client, north: Operator) -> None:
        found = take(boss, f"{PLATFORM}accounts.merchants")
        assert [row[0] for row in found] == ["书店", "咖啡", "'=青岚茶馆"]
        assert found[2][4:8] == ["北方", "", "1", "0"]
        found = take(boss, f"{PLATFORM}accounts.merchants", operator=str(north.pk), state="frozen")
        assert [row[0] for row in found] == ["咖啡"]
        assert [row[0] for row in take(boss, f"{PLATFORM}accounts.merchants", q="boo")] == ["书店"]
        entry = PlatformAuditEntry.objects.filter(action="files.export.taken").earliest("pk")
        assert (entry.details["list"], entry.details["rows"]) == ("accounts.merchants", 3)

    def test_an_operators_are_its_own_whatever_is_asked(self, head: Client) -> None:
        found = take(head, f"{NORTH}accounts.merchants", operator="direct")
        assert [row[0] for row in found] == ["咖啡", "'=青岚茶馆"]
        entry = PlatformAuditEntry.objects.get(action="files.export.taken")
        assert entry.details["operator"] == "north"

    def test_what_is_the_platforms_alone(self, head: Client) -> None:
        for name in ("accounts.operators", "accounts.platform_log", "sms.messages"):
            assert head.post(f"{NORTH}{name}", {"format": "csv"}).status_code == 403
        assert head.post(f"{PLATFORM}accounts.merchants").status_code == 404
        assert head.post("/operator/south/exports/accounts.merchants").status_code == 404
        assert not PlatformAuditEntry.objects.filter(action="files.export.taken").exists()

    def test_the_right_to_the_list_is_needed(self, client: Client) -> None:
        client.force_login(make_platform_staff("accounts.platform_view"))
        assert client.post(f"{PLATFORM}accounts.employees").status_code == 403
        assert client.post(f"{PLATFORM}billing.sold").status_code == 403
        assert take(client, f"{PLATFORM}accounts.merchants")

    def test_lists_of_merchants_stay_at_merchants(self, boss: Client) -> None:
        assert boss.post(f"{PLATFORM}contacts.customers").status_code == 404
        assert boss.post(f"{PLATFORM}nothing").status_code == 404
        assert boss.get(f"{PLATFORM}accounts.merchants").status_code == 405

    def test_too_long_says_so(self, boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exports, "AT_TIERS_AT_MOST", 2)
        answer = boss.post(f"{PLATFORM}accounts.merchants", {"format": "csv"})
        assert answer["Location"] == "/platform/"
        assert not PlatformAuditEntry.objects.filter(action="files.export.taken").exists()


@pytest.mark.usefixtures("world")
def test_operators(boss: Client) -> None:
    make_operator(
        "south",
        name="南方",
    )
    found = take(boss, f"{PLATFORM}accounts.operators")
    assert [(row[0], row[3]) for row in found] == [("南方", "0"), ("北方", "2")]
    assert [row[0] for row in take(boss, f"{PLATFORM}accounts.operators", q="sou")] == ["南方"]


def test_applications(boss: Client, head: Client, north: Operator) -> None:
    for place, name in ((north, "糖水铺"), (None, "修表")):
        account_services.edit_registration(
            place=place, is_open=True, needs_approval=True, title="", actor=ACTOR
        )
        person = make_person(f"{name}老板")
        account_services.apply_as_merchant(
            place=place,
            registered_name=name,
            person=person,
            agreement_version=None,
            actor=person_actor(person),
        )
    assert [row[0] for row in take(boss, f"{PLATFORM}accounts.applications")] == ["修表", "糖水铺"]
    (row,) = take(head, f"{NORTH}accounts.applications")
    assert (row[0], row[5]) == ("糖水铺", "北方")
    assert "****" in row[4]
    assert take(head, f"{NORTH}accounts.applications", state="rejected") == []


def test_employees_and_log(boss: Client, head: Client, north: Operator) -> None:
    make_operator_staff(north, role=Role.CLERK, name="小林")
    assert [row[0] for row in take(head, f"{NORTH}accounts.employees")] == ["陈运营", "小林"]
    assert [row[0] for row in take(head, f"{NORTH}accounts.employees", role="clerk")] == ["小林"]
    assert [row[0] for row in take(boss, f"{PLATFORM}accounts.employees")] == ["赵平台"]
    found = take(boss, f"{PLATFORM}accounts.platform_log", action="files.export.taken")
    assert len(found) == 3


def test_orders_and_transfers_of_a_seller(boss: Client, head: Client, north: Operator) -> None:
    own = make_subscriber(operator=north)
    other = make_subscriber()
    for merchant in (own, other):
        make_order(merchant)
    assert len(take(boss, f"{PLATFORM}billing.sold")) == 2
    assert [row[0] for row in take(head, f"{NORTH}billing.sold")] == [own.name]
    assert take(head, f"{NORTH}billing.sold", state="paid") == []
    assert take(boss, f"{PLATFORM}billing.transfers") == []
    with pytest.raises(tenancy.NoScope):
        next(iter(exports.find("billing.orders").rows(exports.Query({}, frozenset(), "UTC"))))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "page",
    ["merchants/", "operators/", "applications/", "staff/", "audit/", "billing/orders/"],
)
def test_every_list_has_its_button(boss: Client, page: str) -> None:
    path = {"merchants/": "/platform/"}.get(page, f"/platform/{page}")
    answer = boss.get(path)
    assert answer.status_code == 200
    assert PLATFORM in answer.content.decode()


def test_names_are_unique() -> None:
    assert len({export.name for export in PLACES.values()}) == len(PLACES)
