"""Dashboards, cards, rewards and single entries in the back office."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.plugins.worlds import Worlds
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import make_staff, make_store
from zhanggui.core import clock, tenancy
from zhanggui.coupons.tests.factories import make_coupon, redeem
from zhanggui.files import exports
from zhanggui.stamps.exports.spreadsheets import CARDS
from zhanggui.stamps.models import Card, CardState, Method, StampRecord, WhenFull
from zhanggui.stamps.selectors import card_lists, chains
from zhanggui.stamps.tests.factories import (
    Shop,
    cancel,
    closed_shop,
    make_card,
    make_manager,
    make_programme,
    make_shop,
    reopened,
    stamp,
)
from zhanggui.stamps.tests.pressing import make_seal

NOW = clock.now().replace(hour=4, minute=0, second=0, microsecond=0)
"""Noon in Shanghai."""


@pytest.fixture
def owner(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def url(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


def rows_at(client: Client, address: str) -> int:
    """How many rows the address of a figure lists; all fit on a page here."""
    context = client.get(address).context
    return len(context["list"].rows if "list" in context else context["page"].rows)


@pytest.fixture
def busy(shop: Shop) -> Iterator[tuple[Shop, Any, Any]]:
    """Two stores, two programmes; entries of today, of this week and of the one before."""
    other_store = make_store(shop.merchant, "二店")
    other = make_programme(name="早茶卡", slots=2, when_full=WhenFull.RENEW)
    desk = make_manager(other_store, "赵店长")
    Card.objects.update(created_at=NOW - timedelta(days=2))
    with clock.at(NOW - timedelta(days=9)):
        stamp(shop.desk, shop.card)
    with clock.at(NOW - timedelta(days=3)):
        second = make_card(other, "李雷")
        stamp(desk, second)
        stamp(shop.desk, shop.card)
    with clock.at(NOW - timedelta(hours=1)):
        stamp(desk, second)
        stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        redeem(make_coupon(), other_store)
    with clock.at(NOW):
        yield shop, other, other_store


class TestDashboard:
    def test_each_figure_equals_its_rows(self, busy: tuple[Shop, Any, Any], owner: Client) -> None:
        shop, programme, store = busy
        seen = []
        for query in ({}, {"store": store.pk}, {"programme": programme.pk}):
            for days in (1, 7, 15, 30):
                page = owner.get(url(shop, "figures"), {**query, "days": days})
                for number in page.context["numbers"]:
                    assert number.url.replace("&", "&amp;") in page.content.decode()
                    assert rows_at(owner, number.url) == number.value, (query, days, number.label)
                    seen.append(number.value)
                assert sum(share.many for share in page.context["shares"]) == (
                    page.context["numbers"][0].value
                )
                for share in page.context["shares"]:
                    assert rows_at(owner, share.url) == share.many
        assert max(seen) == 5

    def test_compares_with_the_days_before(
        self, busy: tuple[Shop, Any, Any], owner: Client
    ) -> None:
        shop, _programme, _store = busy
        given, cancelled, customers, cards, rewards, redeemed = owner.get(
            url(shop, "figures")
        ).context["numbers"]

        assert (given.value, given.before, given.change) == (4, 1, 3)
        assert (cancelled.value, cancelled.good) == (1, "down")
        assert (customers.value, customers.before) == (2, 1)
        assert (cards.value, rewards.value, redeemed.value) == (2, 1, 1)

    def test_stores_and_programmes_stand_beside_each_other(
        self, busy: tuple[Shop, Any, Any], owner: Client
    ) -> None:
        shop, programme, store = busy
        page = owner.get(url(shop, "figures"))
        tables = dict(page.context["lines"])
        lines = {one.pk: (line, query) for one, line, query in tables["store"]}

        line, query = lines[store.pk]
        assert (line.given, line.cancels, line.customers, line.codes) == (2, 0, 1, 2)
        assert rows_at(owner, f"{url(shop, 'ledger')}?{query}&kind=accumulate") == 2
        ((_one, line, query),) = [row for row in tables["programme"] if row[0] == programme]
        assert rows_at(owner, f"{url(shop, 'ledger')}?{query}&way=otp") == line.codes == 2
        chosen = owner.get(url(shop, "figures"), {"programme": programme.pk, "store": store.pk})
        assert chosen.context["lines"] == []
        assert "早茶卡" in chosen.content.decode()

    @pytest.mark.parametrize("query", ["days=9", "days=x&store=x", "store=99999999&programme=7"])
    def test_nonsense_is_left_out(self, shop: Shop, owner: Client, query: str) -> None:
        assert owner.get(f"{url(shop, 'figures')}?{query}").status_code == 200

    def test_an_empty_shop_is_told_so(self, shop: Shop, owner: Client) -> None:
        page = owner.get(url(shop, "figures"))

        assert page.context["code_share"] is None
        assert "这段时间这里没有盖章" in page.content.decode()


FEW = 49
"""So many stamps say nothing yet of how many of them should be pressed."""


def shop_with_stamps() -> Shop:
    """A shop that gave a few stamps, all by code."""
    made = reopened(closed_shop())
    with made.scope:
        for _number in range(FEW):
            stamp(made.desk, make_card(made.programme))
    return made


class TestEmergency:
    @pytest.fixture
    def shop(self, db: None, worlds: Worlds) -> Iterator[Shop]:
        made = reopened(worlds.of(shop_with_stamps))
        with made.scope:
            yield made

    @pytest.mark.parametrize(
        ("presses", "codes", "has_stamp", "is_much"),
        [(39, 11, True, True), (40, 10, True, False), (0, 49, True, False), (39, 11, False, False)],
    )
    def test_says_when_codes_are_none_any_more(
        self, shop: Shop, owner: Client, presses: int, codes: int, *, has_stamp: bool, is_much: bool
    ) -> None:
        if has_stamp:
            make_seal(shop.store)
        for _number in range(FEW, presses + codes):
            stamp(shop.desk, make_card(shop.programme))
        pressed = list(StampRecord.objects.values_list("pk", flat=True)[:presses])
        StampRecord.objects.filter(pk__in=pressed).update(method=Method.PRESS)

        page = owner.get(url(shop, "figures"))

        assert page.context["code_share"] == codes / (presses + codes)
        assert ("验证码用得偏多" in page.content.decode()) is is_much


class TestCards:
    def test_filters_narrow(self, shop: Shop, owner: Client) -> None:
        stamp(shop.desk, shop.card)
        ending = make_card(shop.programme, "韩梅梅")
        Card.objects.filter(pk=ending.pk).update(
            state=CardState.BLOCKED, expires_at=clock.start_of(NOW.date(), "Asia/Shanghai")
        )
        day = (NOW - timedelta(days=1)).date().isoformat()

        def many(**query: str) -> int:
            return len(owner.get(url(shop, "cards"), query).context["list"].rows)

        assert many() == 2
        assert many(state="blocked") == 1
        assert many(holding="some") == many(holding="none") == many(end="no_end") == 1
        assert many(until_from=day, until_to=day) == 1, "its last day is the one before midnight"
        assert many(until_from=NOW.date().isoformat()) == 0
        assert many(taken_to="2020-01-01") == 0
        assert many(taken_to="9999-12-31") == 2

    def test_export_fills_every_column(self, shop: Shop) -> None:
        query = exports.Query(values={}, permissions=frozenset(), time_zone="Asia/Shanghai")
        make_card(shop.programme, "第二张")

        rows = list(CARDS.rows(query))

        assert len(rows) == CARDS.count(query) == 2
        assert {len(row) for row in rows} == {len(CARDS.columns)}


class TestRewards:
    def test_are_listed_with_what_became_of_them(self, shop: Shop, owner: Client) -> None:
        programme = make_programme(slots=2, when_full=WhenFull.RENEW)
        card = make_card(programme, "韩梅梅")
        for minutes in (9, 6):
            with clock.at(NOW - timedelta(minutes=minutes)):
                stamp(shop.desk, card)
        with clock.at(NOW - timedelta(minutes=3)):
            cancel(shop.desk, card)

        page = owner.get(url(shop, "rewards"), {"state": "voided"})
        row = page.context["list"].rows[0]

        assert (row.position, row.state, row.card.customer.name) == (2, "voided", "韩梅梅")
        assert "在柜台直接给" in page.content.decode()
        assert owner.get(url(shop, "rewards"), {"state": "issued"}).context["list"].rows == []
        zone = "Asia/Shanghai"
        today = {"issued_from": NOW.date(), "issued_to": NOW.date()}
        assert card_lists.rewards(today, search="hanmeimei", zone=zone).count() == 1
        assert (
            card_lists.rewards({"programme": shop.programme.pk}, search="", zone=zone).count() == 0
        )


class TestEntry:
    def test_tells_the_whole_story(self, shop: Shop, owner: Client) -> None:
        card = make_card(make_programme(slots=2, when_full=WhenFull.RENEW), "韩梅梅")
        with clock.at(NOW - timedelta(minutes=9)):
            first = stamp(shop.desk, card)
        with clock.at(NOW - timedelta(minutes=6)):
            filled = stamp(shop.desk, card)
        with clock.at(NOW - timedelta(minutes=3)):
            undone = cancel(shop.desk, card)

        page = owner.get(url(shop, "record", filled.record_id))
        steps = page.context["steps"]

        assert [(step.what, step.amount) for step in steps] == [
            ("stamp", 1),
            ("reward", -2),
            ("cancel", -1),
            ("withdrawn", 2),
        ]
        assert [step.is_undone for step in steps] == [True, True, False, False]
        assert [step.is_here for step in steps] == [True, False, False, False]
        again = owner.get(url(shop, "record", undone.record_id)).context["steps"]
        assert [step.is_here for step in again] == [False, False, True, False]
        alone = chains.of(StampRecord.objects.get(pk=first.record_id))
        assert [step.what for step in alone] == ["stamp"]

    def test_shows_both_sides_of_each_booking(self, shop: Shop, owner: Client) -> None:
        given = stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)

        page = owner.get(url(shop, "record", given.record_id))
        books = page.context["bookings"]

        assert [[leg.amount for leg in one.legs] for one in books] == [[-1, 1], [-1, 1]]
        assert books[1].transaction.reverses_id == books[0].transaction.pk
        assert "活动发出的章" in page.content.decode()
        assert page.context["proof"].seconds == 0

    def test_offers_to_cancel_what_can_be_cancelled(self, shop: Shop, owner: Client) -> None:
        with clock.at(NOW - timedelta(days=16)):
            old = stamp(shop.desk, shop.card)
        with clock.at(NOW):
            young = stamp(shop.desk, make_card(shop.programme))
            again = stamp(shop.desk, shop.card)
            undone = cancel(shop.desk, shop.card)
            may = {
                one.record_id: owner.get(url(shop, "record", one.record_id)).context["may_cancel"]
                for one in (old, young, again, undone)
            }

        assert list(may.values()) == [False, True, False, False]

    def test_of_another_shop_is_not_there(self, shop: Shop, owner: Client) -> None:
        other = make_shop("other")
        with tenancy.merchant_scope(other.merchant.pk):
            given = stamp(other.desk, other.card)
        other.scope.close()

        assert owner.get(url(shop, "record", given.record_id)).status_code == 404
