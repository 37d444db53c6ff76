"""The list of payments: columns, filters, orders, and how it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.pay import hooks, permissions, selectors
from zhanggui.channels.pay.models import Payment, PaymentState, Trouble, Way
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.core import tenancy
from zhanggui.files.exports import Column as SheetColumn
from zhanggui.files.exports import Export, Query
from zhanggui.ui.lists import Choice, Choices, Column, ListPage, Period, Sort

CHUNK = 500


def _purposes(_request: HttpRequest) -> Choices:
    return [(one.name, one.label) for one in hooks.known()]


PAYMENTS = ListPage(
    name="pay.payments",
    search=_("Number, or what was paid for"),
    columns=(
        Column("what", _("Payment"), is_fixed=True),
        Column("merchant", _("Payer")),
        Column("way", _("Way of paying")),
        Column("state", _("State")),
        Column("amount", _("Amount"), css="num"),
        Column("back", _("Given back"), is_shown=False, css="num"),
        Column("created", _("Begun")),
        Column("paid", _("Paid at"), is_shown=False),
    ),
    sorts=(
        Sort("newest", pgettext_lazy("order of a list", "Newest first"), selectors.NEWEST),
        Sort("oldest", pgettext_lazy("order of a list", "Oldest first"), ("created_at", "id")),
    ),
    filters=(
        Choice("state", _("State"), PaymentState.choices, every=_("All states")),
        Choice("way", _("Way of paying"), Way.choices, every=_("All ways of paying")),
        Choice(
            "trouble",
            _("To look at"),
            [("open", _("Not settled yet")), *Trouble.choices],
            every=_("With and without trouble"),
            is_extra=True,
        ),
        Choice("purpose", _("What for"), _purposes, every=_("Whatever for"), is_extra=True),
        Period("created", _("Begun")),
    ),
)


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _found(query: Query) -> Any:
    merchant = Merchant.objects.get(pk=tenancy.current_merchant_id())
    values: dict[str, Any] = {
        name: query.get(name) for name in ("state", "way", "trouble", "purpose")
    }
    values |= {name: _day(query.get(name)) for name in ("created_from", "created_to")}
    accounts = selectors.accounts_at(Place(Tier.MERCHANT, merchant=merchant))
    found = selectors.payments(accounts)
    return selectors.filtered(found, values, search=query.get("q"), zone=query.time_zone)


def _rows(query: Query) -> Iterator[tuple[Any, ...]]:
    rows: Any = _found(query).order_by(*selectors.NEWEST)
    payment: Payment
    for payment in rows.iterator(chunk_size=CHUNK):
        yield (
            payment.number,
            payment.transaction_id,
            hooks.find(payment.purpose).label,
            payment.description,
            payment.get_way_display(),
            payment.get_state_display(),
            payment.amount_fen,
            payment.refunded_fen,
            payment.created_at,
            payment.paid_at,
            payment.get_trouble_display() if payment.is_troubled else "",
        )


EXPORT = Export(
    name="pay.payments",
    label=_("Payments"),
    permission=permissions.VIEW.name,
    columns=(
        SheetColumn("number", _("Our number"), width=32),
        SheetColumn("transaction", _("Number at WeChat Pay"), width=32),
        SheetColumn("purpose", _("What for")),
        SheetColumn("description", _("Payment"), width=28),
        SheetColumn("way", _("Way of paying")),
        SheetColumn("state", _("State")),
        SheetColumn("amount", _("Amount"), kind="money"),
        SheetColumn("back", _("Given back"), kind="money"),
        SheetColumn("created", _("Begun"), kind="moment", width=18),
        SheetColumn("paid", _("Paid at"), kind="moment", width=18),
        SheetColumn("trouble", _("To look at"), width=24),
    ),
    rows=_rows,
    count=lambda query: int(_found(query).count()),
    parameters=frozenset({"q", "state", "way", "trouble", "purpose", "created_from", "created_to"}),
)
