"""The message log and the statement of SMS credit as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.core import tenancy
from zhanggui.files import exports
from zhanggui.files.exports import Column, Query
from zhanggui.ledger.models import Entry
from zhanggui.messaging import fates, selectors, templates
from zhanggui.messaging.models import (
    Campaign,
    CampaignState,
    Grant,
    GrantSource,
    Message,
    StockMove,
)
from zhanggui.messaging.permissions import MAILING, OPERATOR_CREDIT, PLATFORM_CREDIT, VIEW
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
            row.cost_fen,
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
        yield (line.at, label, str(line.purse.label), line.amount, line.balance, line.cause, reason)


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
        Column("cost", _("Cost"), kind="money", width=10),
        Column("mailing", _("Mailing"), width=20),
        Column("written", _("Written"), kind="moment", width=18),
        Column("sent", _("Handed over"), kind="moment", width=18),
    ),
    rows=_message_rows,
    count=lambda query: query.counted(_messages(query)),
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
        Column("left", _("Left then"), kind="number", width=10),
        Column("cause", _("Reference"), width=28),
        Column("reason", _("Reason"), width=30),
    ),
    rows=_statement_rows,
    count=lambda query: query.counted(
        selectors.statement(purse=query.get("purse"), kind=query.get("kind"))
    ),
    parameters=frozenset({"purse", "kind"}),
)


def _mailings(query: Query) -> QuerySet[Campaign]:
    found = selectors.mailings()
    state = query.get("state")
    return found.filter(state=state) if state in CampaignState.values else found


def _mailing_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for row in _mailings(query).iterator(chunk_size=CHUNK):
        yield (
            row.name,
            str(templates.label_of(row.template)),
            str(row.get_state_display()),
            row.wechat,
            row.sms,
            row.segments,
            row.created_by,
            row.created_at,
            row.due_at,
            row.ended_at,
        )


MAILINGS = exports.Export(
    name="messaging.mailings",
    label=_("Mailings"),
    permission=MAILING.name,
    columns=(
        Column("name", _("Mailing"), width=28),
        Column("template", _("Message"), width=20),
        Column("state", _("State")),
        Column("wechat", _("By WeChat"), kind="number", width=10),
        Column("sms", _("By SMS"), kind="number", width=10),
        Column("segments", pgettext_lazy("SMS", "Segments"), kind="number", width=10),
        Column("by", pgettext_lazy("who", "By")),
        Column("written", _("Written"), kind="moment", width=18),
        Column("due", _("Goes out at"), kind="moment", width=18),
        Column("ended", _("Ended at"), kind="moment", width=18),
    ),
    rows=_mailing_rows,
    count=lambda query: _mailings(query).count(),
    parameters=frozenset({"state"}),
)


def _moves(query: Query) -> QuerySet[StockMove]:
    return StockMove.objects.filter(operator=query.operator).order_by("-at", "-id")


def _move_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for piece in batched(_moves(query).iterator(chunk_size=CHUNK), CHUNK):
        ids = {move.merchant_id for move in piece if move.merchant_id is not None}
        names = dict(Merchant.objects.filter(pk__in=ids).values_list("pk", "name"))
        for move in piece:
            to = names.get(move.merchant_id or 0) or str(_("From the platform"))
            yield to, move.amount, move.reason, move.by_name, move.at


GIVEN_COLUMNS = (
    Column("merchant", _("Merchant"), width=24),
    Column("segments", pgettext_lazy("SMS", "Segments"), kind="number", width=10),
    Column("reason", _("Reason"), width=32),
    Column("by", pgettext_lazy("who", "By")),
    Column("at", _("When"), kind="moment", width=18),
)
STOCK = exports.Export(
    name="messaging.stock",
    label=_("Stock"),
    tiers={Tier.OPERATOR: OPERATOR_CREDIT.name},
    columns=GIVEN_COLUMNS,
    rows=_move_rows,
    count=lambda query: _moves(query).count(),
    parameters=frozenset(),
)
GIFTS = (GrantSource.PLATFORM.value, GrantSource.OPERATOR.value)


def _grant_rows(_query: Query) -> Iterator[tuple[Any, ...]]:
    with tenancy.all_merchants("gifts of SMS credit as a spreadsheet"):
        found = Grant.objects.select_related("merchant").filter(source__in=GIFTS)
        for grant in found.order_by("-at", "-id").iterator(chunk_size=CHUNK):
            yield grant.merchant.name, grant.segments, grant.reason, grant.by_name, grant.at


def _grant_count(_query: Query) -> int:
    with tenancy.all_merchants("gifts of SMS credit as a spreadsheet"):
        return Grant.objects.filter(source__in=GIFTS).count()


GRANTS = exports.Export(
    name="messaging.grants",
    label=_("Given lately"),
    tiers={Tier.PLATFORM: PLATFORM_CREDIT.name},
    columns=GIVEN_COLUMNS,
    rows=_grant_rows,
    count=_grant_count,
    parameters=frozenset(),
)


def register_all() -> None:
    """Make them exportable."""
    for export in (MESSAGES, STATEMENT, MAILINGS, STOCK, GRANTS):
        exports.register(export)
