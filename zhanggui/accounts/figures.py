"""The numbers of the overviews: modules register what is counted, every tier shows it.

A :class:`Measure` names rows and how they are added up. The same description gives the number, its
change against the time before, the course by day, and (for operators and the platform) the number
of each merchant; its page lists exactly these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, Q, QuerySet, Value
from django.db.models.functions import JSONObject, TruncDate
from django.utils.functional import Promise

from zhanggui.accounts.models import Merchant
from zhanggui.core import clock, tenancy
from zhanggui.core.numbers import whole
from zhanggui.ui.charts import Colour

Text = str | Promise
LENGTHS = (1, 7, 30)
SHORTEST_COURSE = 7
"""One day alone would be no course: its chart shows a week, and says so."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days in a zone, both ends included."""

    first: date
    last: date
    zone: str

    @property
    def days(self) -> int:
        """How many days these are."""
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        """The first moment."""
        return clock.start_of(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return clock.start_of(self.last + timedelta(days=1), self.zone)

    def before(self) -> Span:
        """As many days right before."""
        last = self.first - timedelta(days=1)
        return Span(last - timedelta(days=self.days - 1), last, self.zone)

    def each(self) -> list[date]:
        """All days, oldest first."""
        return [self.first + timedelta(days=number) for number in range(self.days)]


def last_days(days: int, zone: str) -> Span:
    """Today and the days before it, ``days`` in all."""
    today = clock.local_date(clock.now(), zone)
    return Span(today - timedelta(days=days - 1), today, zone)


def typed_days(typed: str, zone: str) -> Span:
    """The period an address names; a week where it names none that is offered."""
    days = whole(typed)
    return last_days(days if days in LENGTHS else 7, zone)


class Kept(Protocol):
    """Numbers of a merchant added up before; each equals what counting its rows would give."""

    def totals(
        self, names: Collection[str], spans: Sequence[Span], store_id: int | None
    ) -> dict[str, list[int]]:
        """The values of measures, one for each span."""
        ...

    def days(self, name: str, span: Span, store_id: int | None) -> dict[date, int]:
        """The value of a measure on each day that has one."""
        ...


Page = Callable[[Merchant, Span, int | None], str]
Total = Callable[[Q | None], Aggregate]


def _each_row(inside: Q | None) -> Aggregate:
    return Count("pk", filter=inside)


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted.

    Args:
        name: unique, with the module's name in front.
        label: what people call it.
        model: the rows; of a tenant, or with the merchant in ``merchant_field``.
        page: the address of the rows behind a number: merchant, days, store or None.
        moment: the field that says when (a moment); empty for a present state without a course.
        where: which rows count.
        total: how those rows are added up that fit a condition; without it each row is one.
        permission: the right to see it at a merchant.
        store_field: the field of the store; empty where a row belongs to no store.
        at_merchants: whether a merchant's own overview shows it.
        for_tiers: whether operators and the platform see it.
        kept: where a merchant's numbers come from instead of being counted.
    """

    name: str
    label: Text
    icon: str
    model: type[Any]
    page: Page
    moment: str = ""
    where: Q = field(default_factory=Q)
    total: Total = _each_row
    permission: str = ""
    store_field: str = ""
    merchant_field: str = "merchant_id"
    at_merchants: bool = True
    for_tiers: bool = True
    order: int = 100
    good: Literal["up", "down"] = "up"
    colour: Colour = "cinnabar"
    is_money: bool = False
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A measure's value over a span and over the time before; ``before`` is None for a state."""

    measure: Measure
    value: int
    before: int | None = None

    @property
    def change(self) -> int | None:
        """How much more than before."""
        return None if self.before is None else self.value - self.before


_known: dict[str, Measure] = {}


def register(*measures: Measure) -> None:
    """Make measures known; modules do so in ``registrations.py``.

    Raises:
        ValueError: another measure has this name.
    """
    for measure in measures:
        if _known.get(measure.name, measure) is not measure:
            message = f"two measures are called {measure.name}"
            raise ValueError(message)
        _known[measure.name] = measure


def measures(
    *, rights: Collection[str] | None = None, of_store: bool = False, of_tiers: bool = False
) -> list[Measure]:
    """What is shown somewhere, in order: at a merchant with these rights, at a store, at a tier."""
    found = [
        measure
        for measure in _known.values()
        if (rights is None or measure.at_merchants)
        and (rights is None or not measure.permission or measure.permission in rights)
        and (not of_store or measure.store_field)
        and (not of_tiers or measure.for_tiers)
    ]
    return sorted(found, key=lambda measure: measure.order)


def measure_of(name: str) -> Measure | None:
    """The measure of that name."""
    return _known.get(name)


def numbers(
    wanted: Iterable[Measure],
    span: Span,
    *,
    store_id: int | None = None,
    merchant_ids: Collection[int] | None = None,
) -> list[Number]:
    """Values with the time before; one query for all that are counted.

    The merchant's scope is open, or (for a tier) ``merchant_ids`` says whose rows count.
    """
    chosen = list(wanted)
    values: dict[str, Any] = {}  # of what is counted; none where there is no merchant
    parts: list[QuerySet[Any, Any]] = []
    kept = [one for one in chosen if one.kept is not None and merchant_ids is None]
    for group in _by_table(one for one in chosen if one not in kept):
        sums: dict[str, Any] = {}
        for measure in group:
            sums[f"{_key(measure)}_now"] = _sum(measure, _within(measure, span))
            if measure.moment:
                sums[f"{_key(measure)}_before"] = _sum(measure, _within(measure, span.before()))
        whole = Span(span.before().first, span.last, span.zone)
        rows = _rows(group[0], store_id, merchant_ids).filter(_within(group[0], whole))
        parts.append(rows.order_by().values(one=Value(1)).annotate(sums=JSONObject(**sums)))
    first, others = parts[:1], parts[1:]
    for part in first:
        for row in part.union(*others, all=True):
            values |= row["sums"]
    values |= _kept(kept, span, store_id)
    return [
        Number(
            measure,
            values.get(f"{_key(measure)}_now") or 0,
            (values.get(f"{_key(measure)}_before") or 0) if measure.moment else None,
        )
        for measure in chosen
    ]


def course(
    measure: Measure,
    span: Span,
    *,
    store_id: int | None = None,
    merchant_ids: Collection[int] | None = None,
) -> tuple[list[int], list[int]]:
    """The value of each day, and of each day of the time before; one query."""
    whole = Span(span.before().first, span.last, span.zone)
    if measure.kept is not None and merchant_ids is None:
        found = measure.kept.days(measure.name, whole, store_id)
    else:
        rows = (
            _rows(measure, store_id, merchant_ids)
            .filter(_within(measure, whole), measure.where)
            .annotate(day=TruncDate(measure.moment, tzinfo=ZoneInfo(span.zone)))
            .order_by()
            .values("day")
            .annotate(value=measure.total(None))
        )
        found = {row["day"]: row["value"] or 0 for row in rows}
    return (
        [found.get(day, 0) for day in span.each()],
        [found.get(day, 0) for day in span.before().each()],
    )


def by_merchant(measure: Measure, span: Span, merchant_ids: Collection[int]) -> dict[int, int]:
    """The value at each merchant that has one; one query."""
    rows = (
        _rows(measure, None, merchant_ids)
        .filter(_within(measure, span), measure.where)
        .order_by()
        .values(measure.merchant_field)
        .annotate(value=measure.total(None))
    )
    return {row[measure.merchant_field]: row["value"] or 0 for row in rows}


def course_span(span: Span) -> Span:
    """The days a chart shows: those asked for, for a single one its week."""
    if span.days >= SHORTEST_COURSE:
        return span
    return Span(span.last - timedelta(days=SHORTEST_COURSE - 1), span.last, span.zone)


def _key(measure: Measure) -> str:
    return measure.name.replace(".", "_")


def _kept(wanted: Sequence[Measure], span: Span, store_id: int | None) -> dict[str, int]:
    """Values that are not counted, named like those that are."""
    values: dict[str, int] = {}
    for kept in dict.fromkeys(measure.kept for measure in wanted):
        if kept is None:
            continue
        group = [measure for measure in wanted if measure.kept is kept]
        names = [measure.name for measure in group]
        found = kept.totals(names, [span, span.before()], store_id)
        for measure in group:
            now, before = found[measure.name]
            values |= {f"{_key(measure)}_now": now, f"{_key(measure)}_before": before}
    return values


def _by_table(wanted: Iterable[Measure]) -> list[list[Measure]]:
    groups: dict[tuple[Any, ...], list[Measure]] = {}
    for measure in wanted:
        key = (measure.model, measure.moment, measure.store_field, measure.merchant_field)
        groups.setdefault(key, []).append(measure)
    return list(groups.values())


def _rows(
    measure: Measure, store_id: int | None, merchant_ids: Collection[int] | None
) -> QuerySet[Any]:
    ids = [tenancy.current_merchant_id()] if merchant_ids is None else list(merchant_ids)
    rows: QuerySet[Any] = measure.model.objects.filter(**{f"{measure.merchant_field}__in": ids})
    if store_id is not None:
        rows = rows.filter(**{measure.store_field: store_id})
    return rows


def _within(measure: Measure, span: Span) -> Q:
    if not measure.moment:
        return Q()
    return Q(**{f"{measure.moment}__gte": span.start, f"{measure.moment}__lt": span.end})


def _sum(measure: Measure, inside: Q) -> Aggregate:
    return measure.total(inside & measure.where or None)
