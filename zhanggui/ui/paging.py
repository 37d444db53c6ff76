"""Paging by key: the cost of a page does not grow with its distance from the first one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Model, Q, QuerySet

SALT = "zhanggui.ui.paging"
SIZE = 50
COUNT_UP_TO = 10_000
MANY, COUNT_MANY_UP_TO = 20_000, 1_000
"""Of more rows than the first nobody compares numbers above the second."""


class Count(NamedTuple):
    """How many rows a list has; there are more than ``number`` with ``is_more``."""

    number: int
    is_more: bool = False


@dataclass(frozen=True)
class Page[Row]:
    """One page of rows with the tokens that lead on and back; empty where nothing follows."""

    rows: list[Row]
    next: str
    previous: str
    size: int
    ask: Callable[[], Count] | None = field(default=None, compare=False, repr=False)
    """Counts all pages, where there are more than this one; asked once, by who wants to know."""

    @cached_property
    def counted(self) -> Count | None:
        """How many rows all pages have; None where nobody can tell."""
        if self.ask:
            return self.ask()
        return None if self.next or self.previous else Count(len(self.rows))

    @property
    def count(self) -> int | None:
        """What a list's heading says; see ``is_more``."""
        return self.counted.number if self.counted else None

    @property
    def is_more(self) -> bool:
        """Whether there are more than ``count``."""
        return bool(self.counted and self.counted.is_more)

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def keyset[Row: Model](
    queryset: QuerySet[Row],
    *,
    order: Sequence[str] = ("-at", "-id"),
    after: str = "",
    size: int = SIZE,
) -> Page[Row]:
    """Rows after (or before) the row a token stands for.

    Args:
        queryset: what is listed; its own ordering is replaced.
        order: field names, ``-`` for descending; together unique and none of them null.
            ``__`` follows relations, which the queryset should then select.
        after: a token of an earlier page; anything else gives the first page.
        size: rows a page.

    Returns:
        At most ``size`` rows in the given order. One query, and one more for its count.
    """
    fields = _fields(order)
    page = turned(
        lambda cursor, most: _fetch(queryset, fields, cursor, most),
        order=order,
        after=after,
        size=size,
    )
    return replace(page, ask=lambda: _count(queryset)) if page.next or page.previous else page


def _count(queryset: QuerySet[Any]) -> Count:
    counted = queryset.order_by()[: COUNT_UP_TO + 1].count()
    return Count(min(counted, COUNT_UP_TO), counted > COUNT_UP_TO)


def found_first[Row: Model](
    queryset: QuerySet[Row],
    *,
    order: Sequence[str],
    after: str = "",
    size: int = SIZE,
) -> Page[Row]:
    """As ``keyset`` of what fits in a large table, found before it is put in order.

    The database would walk the order and look for rows that fit: long, where they are few or none
    of the first ones fits. Where its planner expects many, walking meets them soon.

    Args:
        queryset: what is listed.
        order: fields of the table itself; texts are compared by code point (collation C).
        after: as there.
        size: rows a page.
    """
    fields = _fields(order)
    rows = queryset.order_by().values_list("pk", *(name for name, _descending in fields))
    up_to = COUNT_MANY_UP_TO
    found = list(rows[: up_to + 1])
    if len(found) > up_to and _expected(queryset) <= MANY:
        up_to = COUNT_UP_TO
        found = list(rows[: up_to + 1])
    if len(found) > up_to:
        page = keyset(queryset, order=order, after=after, size=size)
        return replace(page, ask=lambda: Count(up_to, is_more=True))

    def fetch(cursor: Cursor | None, most: int) -> list[Row]:
        back = cursor is not None and cursor.is_backward
        fitting = found if cursor is None else [r for r in found if _is_beyond(r, fields, cursor)]
        for place, (_name, descending) in reversed(list(enumerate(fields, start=1))):
            fitting = sorted(fitting, key=itemgetter(place), reverse=descending != back)
        objects = queryset.in_bulk([pk for pk, *_values in fitting[:most]])
        return [objects[pk] for pk, *_values in fitting[:most] if pk in objects]

    page = turned(fetch, order=order, after=after, size=size)
    return replace(page, ask=lambda: Count(len(found)))


def _expected(queryset: QuerySet[Any]) -> int:
    """How many rows the planner expects; nothing is read."""
    (plan,) = json.loads(queryset.order_by().explain(format="json"))
    rows: int = plan["Plan"]["Plan Rows"]
    return rows


def _is_beyond(row: Sequence[Any], fields: list[tuple[str, bool]], cursor: Cursor) -> bool:
    """Whether a row (its key first) comes after the cursor's, seen in the cursor's direction."""
    for mine, theirs, (_name, descending) in zip(row[1:], cursor.values, fields, strict=True):
        if mine != theirs:
            return bool(mine < theirs) == (descending != cursor.is_backward)
    return False


def is_token(token: str, *, order: Sequence[str]) -> bool:
    """Whether a token leads into a list of this order: programs are told, pages begin anew."""
    return _read(token, order) is not None


def turned[Row](
    fetch: Callable[[Cursor | None, int], list[Row]],
    *,
    order: Sequence[str] = ("-at", "-id"),
    after: str = "",
    size: int = SIZE,
) -> Page[Row]:
    """As ``keyset`` for rows that do not come from a queryset.

    Args:
        fetch: at most so many rows beyond a cursor, or the first ones: in the given order, for a
            backward cursor in the opposite one.
        order: as there; a row has attributes of these names.
        after: as there.
        size: rows a page.
    """
    fields = _fields(order)
    cursor = _read(after, order)
    if cursor is not None and cursor.is_backward:
        rows = fetch(cursor, size + 1)
        if len(rows) > size:
            kept = rows[:size][::-1]
            return Page(kept, _token(kept[-1], fields, order), _back(kept[0], fields, order), size)
        cursor = None  # the start was reached: show it as a full first page
    rows = fetch(cursor, size + 1)
    kept = rows[:size]
    following = _token(kept[-1], fields, order) if len(rows) > size else ""
    leading = _back(kept[0], fields, order) if cursor is not None and kept else ""
    return Page(kept, following, leading, size)


def _fields(order: Sequence[str]) -> list[tuple[str, bool]]:
    return [(name.removeprefix("-"), name.startswith("-")) for name in order]


@dataclass(frozen=True)
class Cursor:
    """The row a token stands for, and which way to go from it."""

    values: list[Any]
    is_backward: bool


def _fetch[Row: Model](
    queryset: QuerySet[Row], fields: list[tuple[str, bool]], cursor: Cursor | None, most: int
) -> list[Row]:
    back = cursor is not None and cursor.is_backward
    ordering = [f"{'-' if descending != back else ''}{name}" for name, descending in fields]
    if cursor is not None:
        queryset = queryset.filter(_beyond(fields, cursor))
    return list(queryset.order_by(*ordering)[:most])


def _beyond(fields: list[tuple[str, bool]], cursor: Cursor) -> Q:
    alternatives = Q()
    equal = Q()
    for (name, descending), value in zip(fields, cursor.values, strict=True):
        lookup = "lt" if descending != cursor.is_backward else "gt"
        alternatives |= equal & Q(**{f"{name}__{lookup}": value})
        equal &= Q(**{name: value})
    # The bound on the first field says nothing new, but it is what the index can start from.
    name, descending = fields[0]
    bound = "lte" if descending != cursor.is_backward else "gte"
    return Q(**{f"{name}__{bound}": cursor.values[0]}) & alternatives


def _token(row: object, fields: list[tuple[str, bool]], order: Sequence[str]) -> str:
    return _write(row, fields, order, is_backward=False)


def _back(row: object, fields: list[tuple[str, bool]], order: Sequence[str]) -> str:
    return _write(row, fields, order, is_backward=True)


def _write(
    row: object, fields: list[tuple[str, bool]], order: Sequence[str], *, is_backward: bool
) -> str:
    values = [_pack(_value(row, name)) for name, _ in fields]
    return signing.dumps([list(order), is_backward, values], salt=SALT, compress=True)


def _read(token: str, order: Sequence[str]) -> Cursor | None:
    if not token:
        return None
    try:
        made_for, is_backward, values = signing.loads(token, salt=SALT)
        if made_for != list(order):
            return None
        return Cursor([_unpack(value) for value in values], bool(is_backward))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _pack(value: Any) -> Any:
    # JSON's own encoder would cut microseconds off, and rows would be skipped
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    return value if isinstance(value, int | str | bool) else str(value)


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        if "t" in value:
            return datetime.fromisoformat(value["t"])
        return date.fromisoformat(value["d"])
    return value
