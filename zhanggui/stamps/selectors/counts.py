"""Counts of a period; each equals the number of rows the ledger shows for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from zhanggui.accounts.models import Store
from zhanggui.codes import tries
from zhanggui.codes.models import CodeTry, TryKind
from zhanggui.core import clock
from zhanggui.stamps.models import (
    Kind,
    Method,
)
from zhanggui.stamps.selectors.entries import Period, ledger


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
    """Counts of several periods of a store, a programme, or the whole merchant, in one query."""
    if not periods:
        return []
    longest = Period(
        min(period.first for period in periods),
        max(period.last for period in periods),
        periods[0].zone,
    )
    sums: dict[str, Any] = {}
    for number, period in enumerate(periods):
        inside = Q(business_date__range=(period.first, period.last))
        given = inside & Q(kind=Kind.ACCUMULATE)
        sums |= {
            f"stamps{number}": Sum("amount", filter=given, default=0),
            f"given{number}": Count("pk", filter=given),
            f"cancels{number}": Count("pk", filter=inside & Q(kind=Kind.CANCEL)),
            f"customers{number}": Count("customer_id", filter=inside, distinct=True),
        }
        sums |= {
            f"way{place}_{number}": Count("pk", filter=inside & Q(method=way))
            for place, way in enumerate(Method.values)
        }
    rows = ledger(period=longest, store_id=store_id, programme_id=programme_id)
    found = rows.aggregate(**sums)
    return [
        Figures(
            period=period,
            stamps=found[f"stamps{number}"],
            given=found[f"given{number}"],
            cancels=found[f"cancels{number}"],
            customers=found[f"customers{number}"],
            ways={
                way: found[f"way{place}_{number}"]
                for place, way in enumerate(Method.values)
                if found[f"way{place}_{number}"]
            },
        )
        for number, period in enumerate(periods)
    ]


def by_day(
    *, period: Period, store_id: int | None = None, programme_id: int | None = None
) -> list[DayFigure]:
    """One figure per day, days without entries included, oldest first."""
    rows = (
        ledger(period=period, store_id=store_id, programme_id=programme_id)
        .order_by()
        .values("business_date")
        .annotate(
            stamps=Sum("amount", filter=Q(kind=Kind.ACCUMULATE), default=0),
            cancels=Count("pk", filter=Q(kind=Kind.CANCEL)),
            given=Count("pk", filter=Q(kind=Kind.ACCUMULATE)),
        )
    )
    known = {row["business_date"]: (row["stamps"], row["cancels"], row["given"]) for row in rows}
    length = (period.last - period.first).days + 1
    days = [period.first + timedelta(days=number) for number in range(length)]
    return [DayFigure(day, *known.get(day, (0, 0, 0))) for day in days]


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
