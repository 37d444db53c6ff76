"""Lists of the platform and of operators as spreadsheets: filters, rights, what is written down."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Operator,
    PlatformAuditEntry,
    Role,
    Tier,
    TierState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    make_role,
    make_store,
)
from zhanggui.billing.tests.factories import make_order, make_subscriber
from zhanggui.core import clock, tenancy
from zhanggui.files import exports, storing
from zhanggui.files.lists import PLACES
from zhanggui.files.models import TaskState, TierExport
from zhanggui.files.services import retention, tier_exports
from zhanggui.files.tests.factories import run_jobs

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
        monkeypatch.setattr(exports, "MOST_ROWS", 2)
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


@pytest.mark.usefixtures("world")
class TestLongList:
    """More rows than are answered at once are written by a job."""

    LIST = f"{PLATFORM}accounts.merchants?q=o"

    @pytest.fixture(autouse=True)
    def short_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exports, "DIRECTLY_AT_MOST", 1)

    def begin(self, client: Client) -> TierExport:
        answer = client.post(self.LIST, {"format": "csv"})
        assert answer["Location"] == PLATFORM
        return TierExport.objects.get()

    @pytest.mark.spec("platform P37")
    def test_its_file_waits_for_three_days(self, boss: Client) -> None:
        taken = self.begin(boss)
        assert (taken.state, taken.values) == (TaskState.QUEUED, {"q": "o"})
        page = boss.get(PLATFORM).content.decode()
        assert 'hx-trigger="every 2s"' in page
        assert boss.get(f"{PLATFORM}{taken.pk}/file").status_code == 404
        run_jobs()
        taken.refresh_from_db()
        assert (taken.state, taken.done, taken.total) == (TaskState.DONE, 2, 2)
        assert f"{PLATFORM}{taken.pk}/file" in boss.get(PLATFORM).content.decode()
        found = rows(boss.get(f"{PLATFORM}{taken.pk}/file"))
        assert [row[0] for row in found] == ["书店", "咖啡"]
        entry = PlatformAuditEntry.objects.get(action="files.export.taken")
        assert (entry.details["rows"], entry.details["filters"]) == (2, ["q"])
        with clock.at(clock.now() + timedelta(days=3, minutes=1)):
            assert boss.get(f"{PLATFORM}{taken.pk}/file").status_code == 404
            retention.forget()
        assert not storing.storage().exists(taken.place)
        assert boss.get(PLATFORM).status_code == 200

    def test_a_job_that_runs_twice_writes_once(self, boss: Client) -> None:
        taken = self.begin(boss)
        run_jobs()
        tier_exports.run(number=taken.pk)
        assert PlatformAuditEntry.objects.filter(action="files.export.taken").count() == 1

    def test_only_whoever_asked_and_may_still_see_the_list(self, boss: Client) -> None:
        taken = self.begin(boss)
        run_jobs()
        other = Client()
        other.force_login(make_platform_staff(role=Role.OWNER))
        assert other.get(f"{PLATFORM}{taken.pk}/file").status_code == 404
        assert "书店" not in other.get(PLATFORM).content.decode()
        Membership.objects.filter(person_id=taken.person_id).update(
            role=Role.CUSTOM, role_set=make_role(None, "accounts.platform_audit")
        )
        assert boss.get(f"{PLATFORM}{taken.pk}/file").status_code == 403

    def test_rights_count_when_it_runs(self, boss: Client) -> None:
        taken = self.begin(boss)
        Membership.objects.filter(person_id=taken.person_id).delete()
        run_jobs()
        taken.refresh_from_db()
        assert (taken.state, taken.name) == (TaskState.FAILED, "")
        assert taken.reason

    def test_an_operators_list_stays_at_the_operator(self, head: Client, north: Operator) -> None:
        head.post(f"{NORTH}accounts.merchants", {"format": "xlsx"})
        taken = TierExport.objects.get()
        assert taken.operator == north
        run_jobs()
        answer: Any = head.get(f"{NORTH}{taken.pk}/file")
        assert b"".join(answer.streaming_content).startswith(b"PK")
        person = Membership.objects.get(person_id=taken.person_id).person
        Membership.objects.create(person=person, tier=Tier.PLATFORM, role=Role.OWNER)
        assert head.get(f"{PLATFORM}{taken.pk}/file").status_code == 404

    def test_is_stopped_before_it_begins(self, boss: Client) -> None:
        taken = self.begin(boss)
        assert boss.post(f"{PLATFORM}{taken.pk}/cancel")["Location"] == PLATFORM
        run_jobs()
        taken.refresh_from_db()
        assert (taken.state, taken.name) == (TaskState.CANCELLED, "")
        assert boss.post(f"{PLATFORM}{taken.pk}/cancel").status_code == 302
        assert PlatformAuditEntry.objects.filter(action="files.task.cancelled").count() == 1

    def test_is_stopped_while_it_runs(self, boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tier_exports, "EVERY_S", 0)
        taken = self.begin(boss)
        TierExport.objects.update(wants_cancel=True)
        run_jobs()
        taken.refresh_from_db()
        assert (taken.state, taken.name) == (TaskState.CANCELLED, "")

    def test_a_worker_that_dies_thrice_ends_it_with_words(self, boss: Client) -> None:
        taken = self.begin(boss)
        TierExport.objects.update(state=TaskState.RUNNING, attempt=3)
        run_jobs()
        taken.refresh_from_db()
        assert (taken.state, "3" in taken.reason) == (TaskState.FAILED, True)

    def test_old_ones_are_forgotten(self, boss: Client) -> None:
        taken = self.begin(boss)
        run_jobs()
        with clock.at(clock.now() + timedelta(days=31)):
            retention.forget()
        assert not TierExport.objects.filter(pk=taken.pk).exists()
