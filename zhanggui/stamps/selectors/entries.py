"""Reads of the ledger: what can be asked of it, and its rows ready to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import LiteralString, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Cast, ExtractHour

from zhanggui.contacts import phones
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import fold
from zhanggui.core import clock, tenancy
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Statement, Values, trip
from zhanggui.stamps.models import (
    Kind,
    StampRecord,
)

LEDGER_DAYS = 15
BEGINNING = date(2020, 1, 1)
PHONE_TAIL = 4
ODD_FROM_HOUR, ODD_TO_HOUR = 23, 6
"""From 11 at night until 6 in the morning hardly any shop stamps."""


ORDER = ("-at", "-id")
"""The order of ledger pages, for ``ui.paging.keyset``."""


class LedgerWish(TypedDict):
    """Search and filters of a ledger."""

    q: str
    kind: str
    way: str
    """A value of ``Method``, or empty."""
    store: int | None
    programme: int | None
    manager: int | None
    """The person who confirmed."""
    odd: str
    """``1``: only entries at odd hours of the night."""
    far: str
    """``1``: only those whose customer's phone was far away."""
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Period:
    """Business days, both ends included, in the shop's zone."""

    first: date
    last: date
    zone: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One line of the ledger, ready to be shown."""

    record: StampRecord
    name_now: str
    """The customer's name today; ``record.customer_name`` is the one of that time."""
    number: str
    is_cancelled: bool
    cancelled_by_id: int | None
    """The record that took it back (show struck through, link to it)."""
    has_filled: bool
    """Whether it filled the card: what is left on it belongs to the next round."""


HAS_FILLED: LiteralString = """
(r.amount > r.balance_after AND r.balance_after >= 0 AND EXISTS (
  SELECT 1 FROM stamps_reward w
  WHERE w.merchant_id = %(merchant)s AND w.card_id = r.card_id AND w.transaction_id IS NOT NULL
    AND w.issued_at >= r.at AND w.issued_at < r.at + interval '10 seconds'
))
"""
"""Whether the record ``r`` closed a round: after it fewer stamps than it gave, and its reward."""

_COLUMNS: LiteralString = "SELECT r.id, k.name, k.number, c.id, "
_OF: LiteralString = """
FROM stamps_stamprecord r
JOIN contacts_customer k ON k.merchant_id = %(merchant)s AND k.id = r.customer_id
LEFT JOIN stamps_stamprecord c ON c.merchant_id = %(merchant)s AND c.reverses_id = r.id
WHERE r.merchant_id = %(merchant)s AND r.id = ANY(%(records)s)
"""
_CONTEXT = _COLUMNS + HAS_FILLED + _OF


def ledger_period(zone: str, days: int = LEDGER_DAYS) -> Period:
    """Today and the days before it, ``days`` in all (D40)."""
    today = clock.local_date(clock.now(), zone)
    return Period(first=today - timedelta(days=days - 1), last=today, zone=zone)


def ledger(
    *,
    period: Period,
    store_id: int | None = None,
    programme_id: int | None = None,
    kind: Kind | None = None,
    way: str = "",
    search: str = "",
) -> QuerySet[StampRecord]:
    """Records of a period, for ``ui.paging.keyset(..., order=ORDER)``; unordered.

    Args:
        period: business days in the shop's zone.
        store_id: one store; None for all of the merchant.
        programme_id: one programme; None for all of them.
        kind: only stamps given, or only cancels.
        way: only what was proved like this, a value of ``Method``.
        search: part of the customer's name then or now, the member number, or the last four
            digits of the phone; width, case and blanks do not matter (D41).
    """
    # by moment and not by business date: the indexes are ordered by moment
    records = StampRecord.objects.filter(
        at__gte=clock.start_of(period.first, period.zone),
        at__lt=clock.start_of(period.last + timedelta(days=1), period.zone),
    )
    if store_id is not None:
        records = records.filter(store_id=store_id)
    if programme_id is not None:
        records = records.filter(card__programme_id=programme_id)
    if kind is not None:
        records = records.filter(kind=kind)
    if way:
        records = records.filter(method=way)
    wanted = fold(search)
    if wanted:
        records = records.filter(
            Q(name_key__contains=wanted) | Q(customer_id__in=customers_like(wanted))
        )
    return records


def ledger_of(wanted: LedgerWish, zone: str) -> QuerySet[StampRecord]:
    """Records that fit the search and filters of the back office's ledger; unordered.

    Without days from the beginning until today; days to come are cut off.
    """
    today = clock.local_date(clock.now(), zone)
    first = min(wanted["since"] or BEGINNING, today)
    last = min(wanted["until"] or today, today)  # the calendar's last day has no next one
    records = ledger(
        period=Period(first, last, zone),
        store_id=wanted["store"],
        programme_id=wanted["programme"],
        kind=Kind(wanted["kind"]) if wanted["kind"] else None,
        way=wanted["way"],
        search=wanted["q"],
    )
    if wanted["manager"] is not None:
        records = records.filter(manager_id=wanted["manager"])
    if wanted["odd"]:
        records = with_hour(records, zone).filter(odd_hours())
    if wanted["far"]:
        records = records.filter(is_far=True)
    return records


def odd_hours() -> Q:
    """Entries outside the store's hours, or of the night where nobody told them; ``with_hour``."""
    at_night = Q(hour__gte=ODD_FROM_HOUR) | Q(hour__lt=ODD_TO_HOUR)
    return Q(store__hours={}) & at_night | Q(is_open=False)


def with_hour(records: QuerySet[StampRecord], zone: str) -> QuerySet[StampRecord]:
    """Records with the hour of the shop's day in ``hour``, and whether the store was open then."""
    local = Func(Value(zone), F("at"), function="timezone")
    is_open = Func(F("store__hours"), local, function="accounts_open_at")
    return records.annotate(
        hour=ExtractHour("at", tzinfo=ZoneInfo(zone)),
        is_open=Cast(is_open, BooleanField()),
    )


def customers_like(wanted: str) -> QuerySet[Customer, int]:
    """The ids of customers by part of the name, number or last four digits, already folded."""
    found = Q(name_key__contains=wanted) | Q(number__startswith=wanted)
    if len(wanted) == PHONE_TAIL and wanted.isascii() and wanted.isdecimal():
        hashes = phones.tail_hashes(wanted, merchant_id=tenancy.current_merchant_id())
        found |= Q(phone_tail_hash__in=hashes)
    return Customer.objects.filter(found).values_list("pk", flat=True)


def with_context(records: Sequence[StampRecord]) -> list[LedgerRow]:
    """Add today's names and the reversals to a page of records; one query."""
    if not records:
        return []
    asked: Values = {
        "merchant": tenancy.current_merchant_id(),
        "records": [record.pk for record in records],
    }
    (lines,) = trip([Statement(_CONTEXT, asked)])
    known = {read.number(line[0]): line[1:] for line in lines}
    rows = []
    for record in records:
        name, number, cancelled_by, has_filled = known[record.pk]
        cancel_id = read.number_or_none(cancelled_by)
        rows.append(
            LedgerRow(
                record,
                read.text(name),
                read.text(number),
                cancel_id is not None,
                cancel_id,
                has_filled == b"t",
            )
        )
    return rows
