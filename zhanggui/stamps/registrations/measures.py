"""What this module counts on the overviews; each number is the count of the ledger's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from django.db.models import Aggregate, Count, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import figures
from zhanggui.accounts.models import Merchant
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Kind, StampRecord
from zhanggui.stamps.selectors import Period, counts, tallies

MOMENT = "at"
STORE = "store_id"


GIVEN, CANCELLED, CUSTOMERS = "stamps.given", "stamps.cancelled", "stamps.customers"
KINDS = {GIVEN: Kind.ACCUMULATE, CANCELLED: Kind.CANCEL}


class Tallied:
    """The same numbers out of the tallies."""

    def totals(
        self, names: Collection[str], spans: Sequence[figures.Span], store_id: int | None
    ) -> dict[str, list[int]]:
        """The values of measures, one for each span."""
        periods = [Period(span.first, span.last, span.zone) for span in spans]
        found: dict[str, list[int]] = {}
        if any(name in KINDS for name in names):
            days = tallies.by_day(_around(periods), store_id=store_id)
            sums = [counts.summed(period, days, 0) for period in periods]
            found[GIVEN] = [one.given for one in sums]
            found[CANCELLED] = [one.cancels for one in sums]
        if CUSTOMERS in names:
            found[CUSTOMERS] = tallies.visitors(periods, store_id=store_id).in_periods
        return found

    def days(self, name: str, span: figures.Span, store_id: int | None) -> dict[date, int]:
        """The value of a measure on each day that has one."""
        if name == CUSTOMERS:
            days = [Period(day, day, span.zone) for day in span.each()]
            came = tallies.visitors(days, store_id=store_id).in_periods
            return dict(zip(span.each(), came, strict=True))
        found: Counter[date] = Counter()
        period = Period(span.first, span.last, span.zone)
        for one in tallies.by_day(period, store_id=store_id):
            found[one.place] += one.entries * (one.kind == KINDS[name])
        return found


def _around(periods: Sequence[Period]) -> Period:
    first, last = min(one.first for one in periods), max(one.last for one in periods)
    return Period(first, last, periods[0].zone)


KEPT = Tallied()


def register_all() -> None:
    """Make the measures known."""
    figures.register(
        figures.Measure(
            GIVEN,
            _("Times stamped"),
            "rubber-stamp",
            StampRecord,
            _rows_of(Kind.ACCUMULATE),
            moment=MOMENT,
            where=Q(kind=Kind.ACCUMULATE),
            permission=permissions.VIEW.name,
            store_field=STORE,
            order=30,
            kept=KEPT,
        ),
        figures.Measure(
            CANCELLED,
            _("Times cancelled"),
            "arrow-back-up",
            StampRecord,
            _rows_of(Kind.CANCEL),
            moment=MOMENT,
            where=Q(kind=Kind.CANCEL),
            permission=permissions.VIEW.name,
            store_field=STORE,
            order=50,
            good="down",
            colour="plum",
            kept=KEPT,
        ),
        figures.Measure(
            CUSTOMERS,
            _("Customers who came"),
            "users",
            StampRecord,
            _rows_of(None, "visitors"),
            moment=MOMENT,
            total=_customers,
            permission=permissions.VIEW.name,
            store_field=STORE,
            for_tiers=False,
            order=40,
            colour="indigo",
            kept=KEPT,
        ),
    )


def _customers(inside: Q | None) -> Aggregate:
    return Count("customer_id", distinct=True, filter=inside)


def _rows_of(kind: Kind | None, page_name: str = "ledger") -> figures.Page:
    def page(merchant: Merchant, span: figures.Span, store_id: int | None) -> str:
        wanted: dict[str, Any] = {"since": span.first.isoformat(), "until": span.last.isoformat()}
        if kind is not None:
            wanted["kind"] = kind.value
        if store_id is not None:
            wanted["store"] = store_id
        return f"{reverse(f'stamps:{page_name}', args=[merchant.slug])}?{urlencode(wanted)}"

    return page
