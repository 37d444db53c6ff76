"""Stamps added up by days: every figure is the count of its rows, wherever the job has got to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command

from zhanggui.accounts import figures as overview
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Merge
from zhanggui.core import clock
from zhanggui.ledger import checks
from zhanggui.ledger.models import Chain, Transaction, Unit
from zhanggui.stamps import selectors, tasks
from zhanggui.stamps.models import (
    Card,
    DayTally,
    Kind,
    Method,
    StampRecord,
    Tally,
    VisitorTally,
)
from zhanggui.stamps.selectors import Period, dashboards, tallies
from zhanggui.stamps.services import tallying
from zhanggui.stamps.tests.factories import Shop, make_card, make_programme

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
"""Noon of a day in Shanghai."""
DAYS = 75


class Life:
    """A shop with two stores and two programmes whose customers come at random."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  repeatable
        self.stores = [shop.store, make_store(shop.merchant, "二店")]
        programmes = [shop.programme, make_programme()]
        self.programmes = [one.pk for one in programmes]
        for number in range(4):
            make_card(programmes[number % 2], f"顾客{number}")
        self.merchant = shop.merchant

    def come(self, many: int) -> None:
        """Entries at any time of the last days, not in the order of their ids."""
        transactions, records = [], []
        cards = list(Card.objects.order_by("pk"))
        for _ in range(many):
            at = NOW - timedelta(minutes=self.dice.randrange(DAYS * 24 * 60))
            day = clock.local_date(at, ZONE)
            store = self.dice.choice(self.stores)
            booked = Transaction(
                merchant=self.merchant,
                unit=Unit.STAMP,
                event="tests",
                cause=f"tests:{self.dice.getrandbits(60)}",
                at=at,
                business_date=day,
            )
            transactions.append(booked)
            kind = self.dice.choice([Kind.ACCUMULATE, Kind.ACCUMULATE, Kind.CANCEL])
            card = self.dice.choice(cards)
            record = StampRecord(
                merchant=self.merchant,
                kind=kind,
                method=self.dice.choice(Method.values),
                card=card,
                customer_id=card.customer_id,
                store=store,
                manager_id=0,
                amount=self.dice.randint(1, 3) * (1 if kind is Kind.ACCUMULATE else -1),
                balance_after=0,
                at=at,
                business_date=day,
            )
            records.append(record)
        for booked, record in zip(
            Transaction.objects.bulk_create(transactions), records, strict=True
        ):
            record.transaction = booked
        StampRecord.objects.bulk_create(records)

    def seal(self) -> None:
        """The ledger is sealed up to somewhere among what is booked."""
        ids = list(Transaction.objects.order_by("pk").values_list("pk", flat=True))
        head = Chain.objects.first() or Chain(merchant=self.merchant, hash="")
        head.sealed_id = max(head.sealed_id, self.dice.choice(ids))
        head.save()

    def add_up(self) -> None:
        """The job comes."""
        tasks.add_up(0)

    def merge(self) -> None:
        """Two customers become one."""
        owners = sorted(set(Card.objects.values_list("customer_id", flat=True)))
        one, other = self.dice.sample(owners, 2)
        contacts.merge_customers(survivor_id=one, replaced_id=other, actor=ACTOR)

    def unmerge(self) -> None:
        """The last merge is taken back."""
        last = Merge.objects.filter(undone_at=None).order_by("-pk").first()
        if last is not None:
            contacts.undo_merge(merge_id=last.pk, actor=ACTOR)


@pytest.fixture
def now() -> Iterator[datetime]:
    with clock.at(NOW):
        yield NOW


def faults() -> list[str]:
    """What the nightly check says about the tallies."""
    return [str(one) for one in checks.findings() if one.where.endswith("_by_day")]


class Row(NamedTuple):
    """What matters of an entry."""

    day: date
    store: int
    programme: int
    customer: int
    record: StampRecord


class Rows(list[Row]):
    """The rows of the ledger, one by one."""

    def of(self, period: Period, store: int | None, programme: int | None) -> Rows:
        """Those that a list would show."""
        return Rows(
            one
            for one in self
            if period.first <= one.day <= period.last
            and store in {None, one.store}
            and programme in {None, one.programme}
        )

    def each(self, kind: Kind) -> list[StampRecord]:
        """Those of one kind."""
        return [one.record for one in self if one.record.kind == kind]

    @property
    def customers(self) -> int:
        """How many different people."""
        return len({one.customer for one in self})


def all_rows() -> Rows:
    found = StampRecord.objects.select_related("card")
    return Rows(
        Row(clock.local_date(r.at, ZONE), r.store_id, r.card.programme_id, r.customer_id, r)
        for r in found
    )


def assert_counts(store: int | None, programme: int | None) -> None:
    """Figures, chart and tables of the dashboard against the rows."""
    everything = all_rows()
    for days in (1, 7, 15, 30):
        span = overview.last_days(days, ZONE)
        wish = dashboards.Wish(span, store, programme)
        board = dashboards.read(wish)
        for found, each in ((board.now, span), (board.before, span.before())):
            real = everything.of(wish.period(each), store, programme)
            given, cancels = real.each(Kind.ACCUMULATE), real.each(Kind.CANCEL)
            assert found.stamps == sum(one.amount for one in given)
            assert (found.given, found.cancels) == (len(given), len(cancels))
            assert found.customers == real.customers
            assert found.ways == Counter(one.record.method for one in real)
        real = everything.of(wish.period(span), store, programme)
        for place, line in dashboards.by_store(wish, board).items():
            assert_line(line, Rows(one for one in real if one.store == place))
        for place, line in dashboards.by_programme(wish, board).items():
            assert_line(line, Rows(one for one in real if one.programme == place))
        for point in board.course:
            real = everything.of(Period(point.day, point.day, ZONE), store, programme)
            given, cancels = real.each(Kind.ACCUMULATE), real.each(Kind.CANCEL)
            assert (point.given, point.cancels) == (len(given), len(cancels))
    assert_overview(everything, store)


def assert_line(line: dashboards.Line, real: Rows) -> None:
    given, cancels = real.each(Kind.ACCUMULATE), real.each(Kind.CANCEL)
    assert (line.given, line.cancels) == (len(given), len(cancels))
    assert line.customers == real.customers


def assert_overview(everything: Rows, store: int | None) -> None:
    """The overview's numbers and courses are those of counted rows, too."""
    span = overview.last_days(7, ZONE)
    wanted = [one for one in overview.measures() if one.name.startswith("stamps.")]
    assert len(wanted) == 3
    found = {one.measure.name: one for one in overview.numbers(wanted, span, store_id=store)}
    real = everything.of(Period(span.first, span.last, ZONE), store, None)
    assert found["stamps.given"].value == len(real.each(Kind.ACCUMULATE))
    assert found["stamps.cancelled"].value == len(real.each(Kind.CANCEL))
    assert found["stamps.customers"].value == real.customers
    for measure in wanted:
        counted = replace(measure, kept=None)
        (number,) = overview.numbers([counted], span, store_id=store)
        assert found[measure.name].before == number.before
        assert overview.course(measure, span, store_id=store) == overview.course(
            counted, span, store_id=store
        )


class TestTallies:
    @pytest.mark.parametrize("seed", range(3))
    def test_equal_the_rows_at_every_moment(self, shop: Shop, now: datetime, seed: int) -> None:
        life = Life(shop, seed)
        for step in range(12):
            life.come(12)
            life.dice.choice([life.seal, life.add_up, life.merge, life.unmerge])()
            store = life.dice.choice([None, *[one.pk for one in life.stores]])
            programme = life.dice.choice([None, *life.programmes])
            if step % 3 == 2:
                life.seal()
                life.add_up()
            assert_counts(store, programme)
            assert faults() == []

        assert Tally.objects.get().counted_id > 0
        assert VisitorTally.objects.exists()

    def test_are_added_in_pieces(
        self, shop: Shop, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tallying, "AT_ONCE", 7)
        life = Life(shop, 1)
        life.come(5)
        Chain(merchant=shop.merchant, hash="", sealed_id=newest()).save()
        tallying.add_up()
        life.come(40)
        Chain.objects.update(sealed_id=newest())
        tallying.add_up()

        assert Tally.objects.get().counted_id == newest()
        assert sum(DayTally.objects.values_list("entries", flat=True)) == 45
        assert faults() == []
        assert_counts(None, None)

    def test_hold_only_what_is_sealed(self, shop: Shop, now: datetime) -> None:
        life = Life(shop, 2)
        life.come(5)
        tasks.add_up(0)

        assert not DayTally.objects.exists()
        assert_counts(None, None)

    def test_begin_anew_when_the_shop_moves_to_another_zone(
        self, shop: Shop, now: datetime
    ) -> None:
        life = Life(shop, 3)
        life.come(30)
        Chain(merchant=shop.merchant, hash="", sealed_id=newest()).save()
        tallying.add_up()
        shop.merchant.time_zone = "Europe/Berlin"
        shop.merchant.save()
        day = clock.local_date(NOW, "Europe/Berlin")
        since = day - timedelta(days=20)
        period = Period(since, day, "Europe/Berlin")
        before = selectors.figures(periods=[period])
        tallying.add_up()

        assert Tally.objects.get().zone == "Europe/Berlin"
        assert selectors.figures(periods=[period]) == before
        assert before[0].given == sum(
            since <= clock.local_date(one.at, "Europe/Berlin") <= day
            for one in StampRecord.objects.filter(kind=Kind.ACCUMULATE)
        )
        assert faults() == []

    def test_of_customers_know_no_longer_periods(self, shop: Shop) -> None:
        day = NOW.date()
        tallies.visitors([Period(day - timedelta(days=30), day, ZONE)])
        with pytest.raises(ValueError, match="31 days"):
            tallies.visitors([Period(day - timedelta(days=31), day, ZONE)])


def newest() -> int:
    return Transaction.objects.order_by("-pk").values_list("pk", flat=True)[0]


class TestCheck:
    @pytest.fixture
    def added(self, shop: Shop, now: datetime) -> Life:
        life = Life(shop, 4)
        life.come(20)
        Chain(merchant=shop.merchant, hash="", sealed_id=newest()).save()
        tallying.add_up()
        assert faults() == []
        return life

    @pytest.mark.parametrize("table", [DayTally, VisitorTally])
    def test_finds_a_number_that_was_changed(self, added: Life, table: Any) -> None:
        row = table.objects.first()
        column = "entries" if table is DayTally else "customers"
        table.objects.filter(pk=row.pk).update(**{column: getattr(row, column) + 5})

        (fault,) = faults()
        assert f"is {getattr(row, column) + 5}, should be {getattr(row, column)}" in fault

    @pytest.mark.parametrize("table", [DayTally, VisitorTally])
    def test_finds_a_day_that_is_gone(self, added: Life, table: Any) -> None:
        table.objects.filter(pk=table.objects.first().pk).delete()

        assert len(faults()) == 1

    def test_is_content_after_the_command(self, added: Life, shop: Shop, capsys: Any) -> None:
        DayTally.objects.update(amount=99)
        VisitorTally.objects.all().delete()
        assert faults()
        call_command("rebuild_figures", "--merchant", shop.merchant.slug)

        assert faults() == []
        assert capsys.readouterr().out == f"{shop.merchant.slug}\n"
        assert_counts(None, None)
