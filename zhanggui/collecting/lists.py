"""The list of payment requests, and how it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.collecting import permissions, selectors
from zhanggui.collecting.models import PaymentRequest, RequestState
from zhanggui.files.exports import Column as SheetColumn
from zhanggui.files.exports import Export, Query
from zhanggui.ui.lists import Choice, Column, ListPage, Period, Sort

CHUNK = 500
NEWEST = ("-created_at", "-id")
OVER = pgettext_lazy("state of a payment request", "Time over")

REQUESTS = ListPage(
    name="collecting.requests",
    search=_("What for, or the customer's name"),
    columns=(
        Column("what", _("Payment request"), is_fixed=True),
        Column("state", _("State")),
        Column("amount", _("Amount"), css="num"),
        Column("paid", _("Paid"), css="num"),
        Column("back", _("Given back"), is_shown=False, css="num"),
        Column("until", _("To be paid until")),
        Column("created", _("Made"), is_shown=False),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), NEWEST),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
    ),
    filters=(
        Choice(
            "state",
            _("State"),
            [*RequestState.choices, (selectors.OVER, OVER)],
            every=_("All states"),
        ),
        Period("created", _("Made")),
    ),
)


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _found(query: Query) -> Any:
    values: dict[str, Any] = {"state": query.get("state")}
    values |= {name: _day(query.get(name)) for name in ("created_from", "created_to")}
    return selectors.requests(search=query.get("q"), values=values, zone=query.time_zone)


def _rows(query: Query) -> Iterator[tuple[Any, ...]]:
    one: PaymentRequest
    for one in _found(query).order_by(*NEWEST).iterator(chunk_size=CHUNK):
        yield (
            one.title,
            one.customer.name if one.customer else "",
            one.get_state_display(),
            one.amount_fen,
            one.paid_count,
            one.paid_fen,
            one.refunded_fen,
            one.created_at,
            one.expires_at,
            one.created_by,
        )


EXPORT = Export(
    name="collecting.requests",
    label=_("Payment requests"),
    permission=permissions.VIEW.name,
    columns=(
        SheetColumn("title", _("What for"), width=28),
        SheetColumn("customer", _("Customer"), width=18),
        SheetColumn("state", _("State")),
        SheetColumn("amount", _("Amount"), kind="money"),
        SheetColumn("payers", _("Payments"), kind="number"),
        SheetColumn("paid", _("Paid"), kind="money"),
        SheetColumn("back", _("Given back"), kind="money"),
        SheetColumn("created", _("Made"), kind="moment", width=18),
        SheetColumn("until", _("To be paid until"), kind="moment", width=18),
        SheetColumn("by", _("Made by"), width=18),
    ),
    rows=_rows,
    count=lambda query: int(_found(query).count()),
    parameters=frozenset({"q", "state", "created_from", "created_to"}),
)
