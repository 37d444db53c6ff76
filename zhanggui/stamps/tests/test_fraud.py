"""The fraud desk: managers beside each other, each signal with its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.core import clock
from zhanggui.stamps.models import Case, Method, StampRecord
from zhanggui.stamps.selectors import outliers
from zhanggui.stamps.services import watching
from zhanggui.stamps.tests.factories import Shop, cancel, make_card, make_manager, stamp

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
"""In Shanghai."""
ZONE = "Asia/Shanghai"


@pytest.fixture
def owner(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def url(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


def at_work(shop: Shop, desk: Any, many: int, *, from_hour: int = 4) -> None:
    """So many stamps on as many cards, some hours before noon of the last days."""
    for number in range(many):
        with clock.at(NOON - timedelta(days=number, hours=from_hour)):
            stamp(desk, make_card(shop.programme, f"顾客{number}"))


class TestSignals:
    def test_the_rule(self) -> None:
        def one(**values: Any) -> outliers.Manager:
            usual: dict[str, Any] = {
                "manager_id": 1, "name": "x", "store_id": 1, "store": "y",
                "operations": 60, "given": 60, "cancels": 0, "codes": 0, "odd": 0, "far": 0,
            }  # fmt: skip
            return outliers.Manager(**usual | values)

        assert one().signals == []
        assert one(odd=6).is_at_odd_hours
        assert not one(odd=5).is_at_odd_hours
        assert not one(operations=19, odd=19).is_at_odd_hours, "chance alone would do it"
        three = [outliers.Favourite(n, "x", 10) for n in range(3)]
        assert one(favourites=three).has_favourites
        assert not one(favourites=three[:2]).has_favourites
        assert one(usual=19).is_far_ahead
        assert not one(usual=20).is_far_ahead
        assert not one(usual=0).is_far_ahead, "nobody to be compared with"
        assert len(one(odd=30, favourites=three, usual=5).signals) == 3

    def test_each_number_equals_its_rows(self, shop: Shop, owner: Client) -> None:
        other = make_manager(shop.store, "夜班")
        at_work(shop, shop.desk, 3)
        at_work(shop, other, 2, from_hour=12)
        with clock.at(NOON - timedelta(hours=1)):
            stamp(shop.desk, shop.card)
            cancel(shop.desk, shop.card)
        press = StampRecord.objects.order_by("pk")[0]
        StampRecord.objects.filter(pk=press.pk).update(method=Method.PRESS)

        with clock.at(NOON):
            page = owner.get(url(shop, "fraud"))
            rows = {one.name: (one, query) for one, query in page.context["rows"]}
            for one, query in rows.values():
                for part, number in (
                    ("", one.operations),
                    ("&way=otp", one.codes),
                    ("&kind=cancel", one.cancels),
                    ("&odd=1", one.odd),
                ):
                    found = owner.get(f"{url(shop, 'ledger')}?{query}{part}").context["page"]
                    assert len(found.rows) == number, (one.name, part)

        assert [rows["夜班"][0].odd, rows["李店长"][0].odd] == [2, 0]
        assert (rows["李店长"][0].codes, rows["李店长"][0].cancels) == (4, 1)

    def test_cases_stand_beside_them(self, shop: Shop, owner: Client) -> None:
        given = stamp(shop.desk, shop.card)
        record = StampRecord.objects.get(pk=given.record_id)
        Case.objects.create(
            kind="not_me", subject="record:1", record=record, manager_id=record.manager_id
        )

        page = owner.get(url(shop, "fraud"))

        assert [(kind.value, n) for kind, n in page.context["kinds"]] == [("not_me", 1)]
        assert page.context["rows"][0][0].cases == 1

    def test_says_so_where_nothing_is_to_be_seen(self, shop: Shop, owner: Client) -> None:
        page = owner.get(url(shop, "fraud")).content.decode()

        assert "没有待处理的问题" in page
        assert "还没有人盖过章" in page

    def test_a_clerk_sees_nothing_of_it(self, shop: Shop, client: Client) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.CLERK))

        assert client.get(url(shop, "fraud")).status_code == 403


class TestWatching:
    @pytest.mark.edge("threat collusion")
    def test_night_work_opens_one_case_a_week(self, shop: Shop) -> None:
        at_work(shop, shop.desk, 20, from_hour=12)
        with clock.at(NOON):
            for _ in range(2):
                watching.watch_habits(ACTOR)

        case = Case.objects.get(kind="off_hours")
        assert (case.manager_id, case.store_id) == (shop.desk.person_id, shop.store.pk)

    def test_day_work_on_many_cards_opens_none(self, shop: Shop) -> None:
        at_work(shop, shop.desk, 20)
        with clock.at(NOON):
            watching.watch_habits(ACTOR)

        assert not Case.objects.exists()
