"""What two ways of doing the same leave behind, so that it can be compared row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models, transaction

from zhanggui.core import sealing
from zhanggui.core.errors import DomainError
from zhanggui.messaging.models import BODY_COLUMN, Message

type Table = type[models.Model]
type Rows = dict[str, list[dict[str, str]]]
type Places = Mapping[Table, Mapping[int, str]]
"""New ids of each table, told by their place."""

CHOSEN_LATER = {"route", "state", "error", "done_at", "due_at", "claim"}
"""Of a message: a hot door leaves the choice of its way to the worker."""
RANDOM = {"link_token"}
NAMES_A_RECORD = re.compile(r"('use': |'record': |'record_id': |\buse:|\brecord:)(\d+)")


class _TakenBack(Exception):
    """Ends a trial."""


def tried(tables: Sequence[Table], records: Table, run: Callable[[], Any]) -> tuple[object, Rows]:
    """Run something, read all rows of these tables, and take everything back.

    Args:
        tables: whose rows are read.
        records: the table of those that texts and answers name.
        run: what is tried.

    Returns:
        What came of it, and the rows by table.
    """
    before = {table: _last(table) for table in tables}
    found: list[tuple[object, Rows]] = []
    try:
        with transaction.atomic():
            came_of_it = outcome(run)
            places = {table: _new(table, before[table]) for table in tables}
            rows = {table.__name__: _rows(table, records, places) for table in tables}
            found.append((_told(came_of_it, places[records]), rows))
            raise _TakenBack
    except _TakenBack:
        return found[0]


def outcome(run: Callable[[], Any]) -> object:
    """What it answers, or the refusal with its details."""
    try:
        with transaction.atomic():
            return run()
    except DomainError as refusal:
        return (refusal.code, refusal.status, refusal.details)


def _last(table: Table) -> int:
    return table._default_manager.aggregate(last=models.Max("pk"))["last"] or 0


def _new(table: Table, last: int) -> dict[int, str]:
    ids = table._default_manager.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
    return {pk: f"new {table.__name__} {place}" for place, pk in enumerate(ids)}


def _rows(table: Table, records: Table, places: Places) -> list[dict[str, str]]:
    return [_row(row, records, places) for row in table._default_manager.order_by("pk")]


def _row(row: models.Model, records: Table, places: Places) -> dict[str, str]:
    found = {}
    for field in row._meta.concrete_fields:
        value, name = getattr(row, field.attname), field.attname
        if isinstance(row, Message) and name in CHOSEN_LATER | RANDOM:
            continue
        if isinstance(row, Message) and name == "body_sealed":
            value = sealing.unseal(value, column=BODY_COLUMN, merchant_id=row.merchant_id)
        leads_to = type(row) if field.primary_key else field.related_model
        if leads_to is None and name == "record_id":
            leads_to = records
        known = places.get(leads_to, {})  # type: ignore[arg-type]
        is_new = isinstance(value, int) and value in known
        found[name] = known[value] if is_new else _told(value, places[records])
    return found


def _told(value: object, records: Mapping[int, str]) -> str:
    """A value in words; a record that it names by its place."""
    words = repr(bytes(value) if isinstance(value, memoryview) else value)
    return NAMES_A_RECORD.sub(lambda named: named[1] + records.get(int(named[2]), named[2]), words)
