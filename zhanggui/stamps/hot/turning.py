"""Turning the pages of a store's ledger: the store and its rows in one trip to the database.

A search is left to the ORM: PostgreSQL has to plan it for its words. Everything else is one of
few statements that always mean the same index (``records_of_a_store``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from django.db.models import QuerySet

from zhanggui.core import clock
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Line, Statement, Value, fetch_first, trip
from zhanggui.stamps import desks, selectors
from zhanggui.stamps.models import Kind, StampRecord
from zhanggui.stamps.results import Desk
from zhanggui.stamps.selectors import LedgerRow, Period
from zhanggui.stamps.selectors.entries import HAS_FILLED
from zhanggui.ui import paging
from zhanggui.ui.paging import Cursor, Page

MOST: LiteralString = "51"
"""A page and one row more, which tells whether another follows."""

_COLUMNS: LiteralString = """
SELECT r.id, r.at, r.amount, r.balance_after, r.customer_name, r.manager_name, r.reason,
       r.reverses_id, k.name, c.id, CASE WHEN r.is_far THEN r.distance_m END,
"""
_OF: LiteralString = """
FROM (
  SELECT * FROM stamps_stamprecord
  WHERE merchant_id = %(merchant)s AND store_id = %(store)s
    AND at >= %(since)s AND at < %(until)s
"""
_HEAD = _COLUMNS + HAS_FILLED + _OF
_KIND: LiteralString = " AND kind = %(kind)s"
_OLDER: LiteralString = " AND (at, id) < (%(at)s, %(id)s)"
_NEWER: LiteralString = " AND (at, id) > (%(at)s, %(id)s)"
_FALLING: LiteralString = " ORDER BY at DESC, id DESC LIMIT "
_RISING: LiteralString = " ORDER BY at, id LIMIT "
_TAIL: LiteralString = """
) r
JOIN contacts_customer k ON k.merchant_id = %(merchant)s AND k.id = r.customer_id
LEFT JOIN stamps_stamprecord c ON c.merchant_id = %(merchant)s AND c.reverses_id = r.id
"""
_NEWEST_FIRST: LiteralString = "ORDER BY r.at DESC, r.id DESC"
_OLDEST_FIRST: LiteralString = "ORDER BY r.at, r.id"

COLUMNS = (
    *("id", "at", "amount", "balance_after", "customer_name", "manager_name", "reason"),
    *("reverses_id", "distance_m", "is_far"),
)


class Entry(NamedTuple):
    """One row of a store's ledger, as far as its page shows it."""

    id: int
    at: datetime
    amount: int
    balance_after: int
    customer_name: str
    """The name of that time; ``name_now`` is today's."""
    manager_name: str
    reason: str
    reverses_id: int | None
    name_now: str
    cancelled_by_id: int | None
    far_m: int | None
    """How far the customer's phone was at least, where that was far away."""
    has_filled: bool
    """Whether it filled the card."""


def turn(
    *,
    desk: Desk,
    period: Period,
    kind: Kind | None = None,
    way: str = "",
    after: str = "",
    words: str = "",
) -> tuple[str, Page[Entry]]:
    """The store's name and a page of its ledger.

    Args:
        desk: which store; the scope of its merchant is open.
        period: business days.
        kind: only stamps given, or only cancels.
        way: only what was proved like this, a value of ``Method``.
        after: the token of a page.
        words: what is searched, see ``selectors.ledger``.
    """
    if words or way:
        store_name = read.text((fetch_first(desks.store_of(desk)) or (None,))[0])
        found = selectors.ledger(
            period=period, store_id=desk.store_id, kind=kind, way=way, search=words
        )
        return store_name, _search(found, after)
    values: dict[str, Value] = {
        "merchant": desk.merchant_id,
        "store": desk.store_id,
        "since": clock.start_of(period.first, period.zone),
        "until": clock.start_of(period.last + timedelta(days=1), period.zone),
    }
    if kind is not None:
        values["kind"] = kind.value
    names: list[str] = []

    def fetch(cursor: Cursor | None, _most: int) -> list[Entry]:
        if cursor is not None:
            values["at"], values["id"] = cursor.values
        entries = Statement(_statement(kind, cursor), values)
        store, lines = trip([desks.store_of(desk), entries])
        names.append(read.text(store[0][0]) if store else "")
        return [_entry(line) for line in lines]

    page = paging.turned(fetch, order=selectors.ORDER, after=after)
    return names[-1], page


def _search(records: QuerySet[StampRecord], after: str) -> Page[Entry]:
    page = paging.keyset(records.only(*COLUMNS), order=selectors.ORDER, after=after)
    found = [_entry_of(row) for row in selectors.with_context(page.rows)]
    return Page(found, page.next, page.previous, page.size)


def _statement(kind: Kind | None, cursor: Cursor | None) -> LiteralString:
    wanted = _HEAD if kind is None else _HEAD + _KIND
    if cursor is None:
        return wanted + _FALLING + MOST + _TAIL + _NEWEST_FIRST
    if cursor.is_backward:
        return wanted + _NEWER + _RISING + MOST + _TAIL + _OLDEST_FIRST
    return wanted + _OLDER + _FALLING + MOST + _TAIL + _NEWEST_FIRST


def _entry(line: Line) -> Entry:
    id_, at, amount, after, name, manager, reason, reverses, name_now, *rest = line
    cancelled_by, far, has_filled = rest
    return Entry(
        int(id_ or 0),
        datetime.fromisoformat((at or b"").decode()),
        int(amount or 0),
        int(after or 0),
        (name or b"").decode(),
        (manager or b"").decode(),
        (reason or b"").decode(),
        int(reverses) if reverses is not None else None,
        (name_now or b"").decode(),
        int(cancelled_by) if cancelled_by is not None else None,
        int(far) if far is not None else None,
        has_filled == b"t",
    )


def _entry_of(row: LedgerRow) -> Entry:
    record = row.record
    return Entry(
        record.pk,
        record.at,
        record.amount,
        record.balance_after,
        record.customer_name,
        record.manager_name,
        record.reason,
        record.reverses_id,
        row.name_now,
        row.cancelled_by_id,
        record.distance_m if record.is_far else None,
        row.has_filled,
    )
