"""Counts of a period; each equals the number of rows the ledger shows for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, QuerySet

from zhanggui.accounts.models import Store
from zhanggui.codes import tries
from zhanggui.codes.models import CodeTry, TryKind
from zhanggui.core import clock
from zhanggui.stamps.models import Kind, Method
from zhanggui.stamps.selectors import tallies
from zhanggui.stamps.selectors.entries import Period
from zhanggui.stamps.selectors.tallies import Sort


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one period; each equals the number of rows the ledger shows for it."""

    period: Period
    stamps: int
    """Stamps given (the sum of amounts)."""
    given: int
    """Entries that gave stamps."""
    cancels: int
    """Entries that took stamps back."""
    customers: int
    ways: dict[str, int]
    """Entries by way (``Method``), ways without any left out."""
    given_ways: dict[str, int]
    """The same of those that gave stamps: they add up to ``given``."""


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One point of the chart."""

    day: date
    stamps: int
    cancels: int
    given: int
    """Entries that gave stamps."""


def figures(
    *, periods: Sequence[Period], store_id: int | None = None, programme_id: int | None = None
) -> list[Figures]:
    """Counts of several periods of a store, a programme, or the whole merchant; two queries.

    Args:
        periods: of one zone, see ``tallies.visitors``.
        store_id: one store; None for all of the merchant.
        programme_id: one programme; None for all of them.
    """
    if not periods:
        return []
    longest = Period(
        min(period.first for period in periods),
        max(period.last for period in periods),
        periods[0].zone,
    )
    days = tallies.by_day(longest, store_id=store_id, programme_id=programme_id)
    visitors = tallies.visitors(periods, store_id=store_id, programme_id=programme_id)
    return [
        summed(period, days, customers)
        for period, customers in zip(periods, visitors.in_periods, strict=True)
    ]


def summed(period: Period, days: Iterable[Sort[date]], customers: int) -> Figures:
    """Add up the days of a period."""
    inside = [one for one in days if period.first <= one.place <= period.last]
    given = [one for one in inside if one.kind == Kind.ACCUMULATE]
    return Figures(
        period=period,
        stamps=sum(one.stamps for one in given),
        given=sum(one.entries for one in given),
        cancels=sum(one.entries for one in inside if one.kind == Kind.CANCEL),
        customers=customers,
        ways=_by_way(inside),
        given_ways=_by_way(given),
    )


def _by_way(found: Iterable[Sort[date]]) -> dict[str, int]:
    ways: Counter[str] = Counter()
    for one in found:
        ways[one.method] += one.entries
    return {way: ways[way] for way in Method.values if ways[way]}


def by_day(
    *, period: Period, store_id: int | None = None, programme_id: int | None = None
) -> list[DayFigure]:
    """One figure per day, days without entries included, oldest first."""
    return course(period, tallies.by_day(period, store_id=store_id, programme_id=programme_id))


def course(period: Period, found: Iterable[Sort[date]]) -> list[DayFigure]:
    """The same of entries that were counted before."""
    length = (period.last - period.first).days + 1
    days = {
        period.first + timedelta(days=number): {"stamps": 0, "cancels": 0, "given": 0}
        for number in range(length)
    }
    for one in found:
        day = days.get(one.place)
        if day is not None and one.kind == Kind.ACCUMULATE:
            day["stamps"] += one.stamps
            day["given"] += one.entries
        elif day is not None:
            day["cancels"] += one.entries
    return [DayFigure(day, **sums) for day, sums in days.items()]


def wrong_codes(*, store_id: int, period: Period) -> int:
    """Wrong codes typed at a store."""
    return wrong_tries(store_id=store_id, period=period).count()


def wrong_tries(*, store_id: int, period: Period) -> QuerySet[CodeTry]:
    """The same as rows."""
    return CodeTry.objects.filter(
        store_id=store_id,
        kind=TryKind.WRONG,
        at__gte=clock.start_of(period.first, period.zone),
        at__lt=clock.start_of(period.last + timedelta(days=1), period.zone),
    )


def guessed_at() -> QuerySet[Store]:
    """Stores where 40 or more wrong codes were typed in the last 24 hours (D23)."""
    wrong = (
        CodeTry.objects.filter(kind=TryKind.WRONG, at__gt=clock.now() - tries.DAY)
        .values("store_id")
        .annotate(wrong=Count("pk"))
        .filter(wrong__gte=tries.STORE_ALERT_AT)
    )
    return Store.objects.filter(pk__in=wrong.values("store_id"))
