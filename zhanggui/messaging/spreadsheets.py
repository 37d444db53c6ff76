"""The message log and the statement of SMS credit as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.files import exports
from zhanggui.files.exports import Column, Query
from zhanggui.ledger.models import Entry
from zhanggui.messaging import fates, selectors, templates
from zhanggui.messaging.models import Message
from zhanggui.messaging.permissions import VIEW
from zhanggui.messaging.wallet import EVENT_LABELS

CHUNK = 1_000


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _messages(query: Query) -> Any:
    names = ("state", "route", "template", "mailing")
    values: dict[str, Any] = {name: query.get(name) for name in names}
    if not values["mailing"].isdecimal():
        values["mailing"] = ""
    values |= {name: _day(query.get(name)) for name in ("created_from", "created_to")}
    return selectors.messages(values, search=query.get("q")[:80], zone=query.time_zone)


def _message_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    row: Message
    for row in _messages(query).iterator(chunk_size=CHUNK):
        yield (
            row.to_masked,
            str(templates.label_of(row.template)),
            str(row.get_route_display()),
            str(row.get_state_display()),
            str(fates.advice(row)),
            row.segments,
            row.campaign.name if row.campaign else "",
            row.created_at,
            row.sent_at,
        )


def _statement_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    found = selectors.statement(purse=query.get("purse"), kind=query.get("kind"))
    chunk: list[Entry] = []
    for entry in found.iterator(chunk_size=CHUNK):
        chunk.append(entry)
        if len(chunk) == CHUNK:
            yield from _lines(chunk)
            chunk = []
    yield from _lines(chunk)


def _lines(entries: list[Entry]) -> Iterator[tuple[Any, ...]]:
    for line in selectors.lines(entries):
        reason = line.grant.reason if line.grant else ""
        label = str(EVENT_LABELS.get(line.event, line.event))
        yield (line.at, label, str(line.purse.label), line.amount, line.cause, reason)


MESSAGES = exports.Export(
    name="messaging.messages",
    label=_("Messages"),
    permission=VIEW.name,
    columns=(
        Column("to", _("To"), width=20),
        Column("what", _("Message"), width=24),
        Column("way", _("Way")),
        Column("state", _("State")),
        Column("advice", _("What helps"), width=40),
        Column("segments", pgettext_lazy("SMS", "Segments"), kind="number", width=10),
        Column("mailing", _("Mailing"), width=20),
        Column("written", _("Written"), kind="moment", width=18),
        Column("sent", _("Handed over"), kind="moment", width=18),
    ),
    rows=_message_rows,
    count=lambda query: _messages(query).count(),
    parameters=frozenset(
        {"q", "state", "route", "template", "mailing", "created_from", "created_to"}
    ),
)
STATEMENT = exports.Export(
    name="messaging.statement",
    label=_("Statement of SMS credit"),
    permission=VIEW.name,
    columns=(
        Column("at", _("When"), kind="moment", width=18),
        Column("what", _("What"), width=24),
        Column("purse", _("Purse")),
        Column("segments", pgettext_lazy("SMS", "Segments"), kind="number", width=10),
        Column("cause", _("Reference"), width=28),
        Column("reason", _("Reason"), width=30),
    ),
    rows=_statement_rows,
    count=lambda query: selectors.statement(
        purse=query.get("purse"), kind=query.get("kind")
    ).count(),
    parameters=frozenset({"purse", "kind"}),
)
