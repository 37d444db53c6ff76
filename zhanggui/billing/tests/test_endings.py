"""Plans that end or are over: what their sellers see, and what waits for them because of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Operator, Role, TierState
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.billing import endings, services
from zhanggui.billing.tests.factories import edition, make_subscriber
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MOMENT = timedelta(minutes=1)
PLATFORM = "/platform/billing/plans/"
NORTH = "/operator/north/billing/plans/"
ENDED = {"running": -8, "soon": -6, "grace": 3, "read_only": 40, "put_away": 120, "going": 170}
"""Days since each shop's plan ended; a negative number lies ahead. Data go after 187 days."""


@pytest.fixture
def north() -> Operator:
    return make_operator("north", name="北方")


@pytest.fixture
def shops(north: Operator) -> dict[str, Merchant]:
    """A shop in each phase, all of one operator, and one of the platform whose data go."""
    found = {}
    with clock.at(NOW):
        for name, days in ENDED.items():
            found[name] = make_subscriber(left=timedelta(days=-days), operator=north)
        found["direct"] = make_subscriber(left=timedelta(days=-180))
        frozen = make_subscriber(left=timedelta(days=-170), operator=north)
        gone = make_subscriber(left=timedelta(days=-190), operator=north)
    for name, merchant in found.items():
        Merchant.objects.filter(pk=merchant.pk).update(name=name)
    Merchant.objects.filter(pk=frozen.pk).update(state=TierState.FROZEN)
    Merchant.objects.filter(pk=gone.pk).update(data_deleted_at=NOW)
    return found


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_platform_staff(role=Role.OWNER))
    return client


@pytest.fixture
def head(north: Operator) -> Client:
    client = Client()
    client.force_login(make_operator_staff(north, role=Role.OWNER))
    return client


def listed(client: Client, address: str) -> list[str]:
    with clock.at(NOW):
        answer = client.get(address)
    assert answer.status_code == 200
    return [row.merchant.name for row, _url in answer.context["rows"]]


@pytest.mark.usefixtures("shops")
class TestPage:
    def test_lists_what_ends_soon_or_is_over_the_oldest_first(self, boss: Client) -> None:
        everything = ["direct", "going", "put_away", "read_only", "grace", "soon"]
        assert listed(boss, PLATFORM) == everything
        assert listed(boss, f"{PLATFORM}?stage=nonsense") == everything

    @pytest.mark.parametrize(
        ("stage", "names"),
        [
            ("going", ["direct", "going"]),
            ("soon", ["soon"]),
            ("grace", ["grace"]),
            ("read_only", ["read_only"]),
            ("put_away", ["direct", "going", "put_away"]),
        ],
    )
    def test_by_state(self, boss: Client, stage: str, names: list[str]) -> None:
        assert listed(boss, f"{PLATFORM}?stage={stage}") == names

    def test_an_operator_sees_its_own(self, head: Client) -> None:
        assert listed(head, f"{NORTH}?stage=going") == ["going"]
        assert listed(head, f"{NORTH}?q=grace") == ["grace"]

    def test_says_when_data_go_and_when_owners_were_warned(
        self, boss: Client, shops: dict[str, Merchant]
    ) -> None:
        make_staff(shops["going"], role=Role.OWNER)
        with clock.at(NOW):
            services.remind()
            rows = {row.merchant.name: row for row, _url in boss.get(PLATFORM).context["rows"]}
            going, put_away = rows["going"], rows["put_away"]
            assert (going.days_left, going.is_going) == (17, True)
            assert (put_away.is_going, put_away.days_left) == (False, 67)
        assert abs(going.goes_at - NOW - timedelta(days=17)) < MOMENT
        assert going.warned_at is not None
        assert abs(going.warned_at - NOW) < MOMENT
        assert rows["grace"].warned_at is None

    def test_leads_to_where_a_period_is_given(
        self, boss: Client, north: Operator, shops: dict[str, Merchant]
    ) -> None:
        page = f"/platform/billing/plans/{shops['going'].slug}/"
        with clock.at(NOW):
            assert page in boss.get(PLATFORM).content.decode()
            clerk = Client()
            clerk.force_login(make_operator_staff(north, "billing.operator_sales"))
            seen = clerk.get(NORTH)
        assert [url for _row, url in seen.context["rows"]] == [""] * 5

    def test_needs_the_right_to_orders(self, client: Client, north: Operator) -> None:
        client.force_login(make_operator_staff(north, "accounts.operator_view"))
        assert client.get(NORTH).status_code == 403

    def test_can_be_taken_away(self, head: Client) -> None:
        with clock.at(NOW):
            answer: Any = head.post(
                "/operator/north/exports/billing.ending?stage=going", {"format": "csv"}
            )
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        _head, row = csv.reader(io.StringIO(text))
        assert (row[0], row[2]) == ("going", "北方")


class TestWhatWaits:
    TEXT = "家商家的顾客资料将在 30 天内删除"

    def test_leads_from_the_home_of_both_tiers(
        self, boss: Client, head: Client, shops: dict[str, Merchant]
    ) -> None:
        with clock.at(NOW):
            platform = boss.get("/platform/overview/").content.decode()
            operator = head.get("/operator/north/overview/").content.decode()
        assert f"2 {self.TEXT}" in platform
        assert f"{PLATFORM}?stage=going" in platform
        assert f"1 {self.TEXT}" in operator
        assert f"{NORTH}?stage=going" in operator
        assert len(shops) == len(listed(boss, PLATFORM)) + 1

    def test_nothing_waits_while_all_goes_well(self, head: Client) -> None:
        assert self.TEXT not in head.get("/operator/north/overview/").content.decode()

    @pytest.mark.usefixtures("shops")
    def test_a_seller_without_the_right_is_not_asked(self, client: Client, north: Operator) -> None:
        client.force_login(make_operator_staff(north, "accounts.operator_view"))
        with clock.at(NOW):
            page = client.get("/operator/north/overview/").content.decode()
        assert self.TEXT not in page


def test_a_renewal_takes_a_shop_off_the_list(shops: dict[str, Merchant], north: Operator) -> None:
    with clock.at(NOW):
        assert endings.going(north).count() == 1
        services.grant(
            merchant=shops["going"],
            edition=edition(),
            months=12,
            days=0,
            reason="续",
            actor=ACTOR,
        )
        assert endings.going(north).count() == 0
