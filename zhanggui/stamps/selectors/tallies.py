"""Entries and customers of some days: what the tallies hold, and the few records after them.

Both come in one statement, so each number is exactly the count of its rows at that moment, whether
the job has added up yesterday or a minute ago (decision 41).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString

from django.db import connection

from zhanggui.core import tenancy
from zhanggui.stamps.models.tallies import LONGEST_GAP, Scope
from zhanggui.stamps.selectors import tally_statements as sql
from zhanggui.stamps.selectors.entries import Period

EVERY_RECORD = 2**63 - 1
BY_DAY = sql.entries("day")
BY_STORE = sql.entries("store_id")
BY_PROGRAMME = sql.entries("programme_id")


@dataclass(frozen=True, slots=True)
class Sort[Place: (date, int)]:
    """How many entries of one kind and way there are at a place."""

    place: Place
    """A day, or the id of a store or programme."""
    kind: str
    method: str
    entries: int
    stamps: int
    """The sum of their amounts."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """How many different customers had entries."""

    in_periods: list[int]
    """One number for each period that was asked for."""
    by_store: dict[int, int] = field(default_factory=dict)
    """Of the first period; stores without any are missing."""
    by_programme: dict[int, int] = field(default_factory=dict)


def by_day(
    period: Period, *, store_id: int | None = None, programme_id: int | None = None
) -> list[Sort[date]]:
    """Entries of each day; days without any are missing."""
    return [Sort(*row) for row in _entries(BY_DAY, period, store_id, programme_id)]


def by_store(
    period: Period, *, store_id: int | None = None, programme_id: int | None = None
) -> list[Sort[int]]:
    """Entries of each store."""
    return [Sort(*row) for row in _entries(BY_STORE, period, store_id, programme_id)]


def by_programme(
    period: Period, *, store_id: int | None = None, programme_id: int | None = None
) -> list[Sort[int]]:
    """Entries of each programme."""
    return [Sort(*row) for row in _entries(BY_PROGRAMME, period, store_id, programme_id)]


def visitors(
    periods: Sequence[Period],
    *,
    store_id: int | None = None,
    programme_id: int | None = None,
    is_split: bool = False,
) -> Visitors:
    """Customers of each period, each counted once in it.

    Args:
        periods: of one zone, none longer than ``LONGEST_GAP`` days.
        store_id: one store; None for all of the merchant.
        programme_id: one programme; None for all of them.
        is_split: also by store and by programme.

    Raises:
        ValueError: a period is longer.
    """
    if any((period.last - period.first).days >= LONGEST_GAP for period in periods):
        message = f"customers are counted in periods of up to {LONGEST_GAP} days"
        raise ValueError(message)
    own = _scope(store_id is not None, programme_id is not None)
    stores = _scope(True, programme_id is not None)
    programmes = _scope(store_id is not None, True)
    scopes = {own, stores, programmes} if is_split else {own}
    rows = _rows(
        sql.VISITORS,
        {
            "zone": periods[0].zone,
            "first": min(period.first for period in periods),
            "last": max(period.last for period in periods),
            "firsts": [period.first for period in periods],
            "lasts": [period.last for period in periods],
            "scopes": [scope.value for scope in scopes],
            "store": store_id,
            "programme": programme_id,
        },
    )
    found = Visitors([0] * len(periods))
    for scope, store, programme, number, customers in rows:
        if scope == own:
            found.in_periods[number] = customers
        if number == 0 and scope == stores:
            found.by_store[store] = customers
        if number == 0 and scope == programmes:
            found.by_programme[programme] = customers
    return found


def _scope(has_store: bool, has_programme: bool) -> Scope:
    if has_store:
        return Scope.STORE_AND_PROGRAMME if has_programme else Scope.STORE
    return Scope.PROGRAMME if has_programme else Scope.SHOP


def _entries(
    statement: LiteralString, period: Period, store_id: int | None, programme_id: int | None
) -> list[Any]:
    return _rows(
        statement,
        {
            "zone": period.zone,
            "first": period.first,
            "last": period.last,
            "store": store_id,
            "programme": programme_id,
        },
    )


def _rows(statement: LiteralString, values: Mapping[str, Any]) -> list[Any]:
    asked = {"merchant": tenancy.current_merchant_id(), "up_to": EVERY_RECORD, **values}
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        rows: list[Any] = cursor.fetchall()
    return rows
