"""Payments, refunds, daily bills and what differs on them, as spreadsheets of all three tiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Tier
from zhanggui.channels.pay import hooks, permissions, selectors
from zhanggui.channels.pay.models import BillDifference, PayAccount, PayBill, Payment, Refund
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.core import numbers, tenancy
from zhanggui.files.exports import Column, Export, Query, register

CHUNK = 500
TIERS = {
    Tier.PLATFORM: permissions.PLATFORM_VIEW.name,
    Tier.OPERATOR: permissions.OPERATOR_VIEW.name,
}
DAYS = tuple(f"{name}_{end}" for name in ("created", "paid", "back") for end in ("from", "to"))
Row = tuple[Any, ...]


@contextmanager
def _all_rows(query: Query) -> Iterator[None]:
    """At a tier the rows of everybody who paid there; every query names the accounts."""
    if query.merchant is not None:
        yield
        return
    with tenancy.all_merchants(f"payments on the accounts of the {query.tier} as a spreadsheet"):
        yield


def _accounts(query: Query) -> list[PayAccount]:
    place = Place(query.tier, operator=query.operator, merchant=query.merchant)
    return selectors.accounts_at(place)


def _export(
    name: str,
    label: Any,
    columns: tuple[Column, ...],
    *,
    found: Callable[[Query], QuerySet[Any]],
    cells: Callable[[Iterable[Any]], Iterator[Row]],
    parameters: frozenset[str] = frozenset(),
) -> Export:
    """A list of all three tiers; ``found`` are the rows of a query in order, ``cells`` values."""

    def rows(query: Query) -> Iterator[Row]:
        with _all_rows(query):
            yield from cells(found(query).iterator(chunk_size=CHUNK))

    def count(query: Query) -> int:
        with _all_rows(query):
            return query.counted(found(query))

    return Export(
        name=name,
        label=label,
        permission=permissions.VIEW.name,
        tiers=TIERS,
        columns=columns,
        rows=rows,
        count=count,
        parameters=parameters,
    )


def _day(typed: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(typed)
    return None


def _payments(query: Query) -> QuerySet[Payment]:
    values: dict[str, Any] = {
        name: query.get(name) for name in ("state", "way", "trouble", "purpose")
    }
    values |= {name: _day(query.get(name)) for name in DAYS}
    found = selectors.filtered(
        selectors.payments(_accounts(query)), values, search=query.get("q"), zone=query.time_zone
    )
    return found.order_by(*selectors.NEWEST)


def _payment_cells(payments: Iterable[Payment]) -> Iterator[Row]:
    for payment in payments:
        yield (
            payment.number,
            payment.transaction_id,
            payment.merchant.name,
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


PAYMENTS = _export(
    "pay.payments",
    _("Payments"),
    (
        Column("number", _("Our number"), width=32),
        Column("transaction", _("Number at WeChat Pay"), width=32),
        Column("merchant", _("Merchant"), width=24),
        Column("purpose", _("What for")),
        Column("description", _("Payment"), width=28),
        Column("way", _("Way of paying")),
        Column("state", _("State")),
        Column("amount", _("Amount"), kind="money"),
        Column("back", _("Given back"), kind="money"),
        Column("created", _("Begun"), kind="moment", width=18),
        Column("paid", _("Paid at"), kind="moment", width=18),
        Column("trouble", _("To look at"), width=24),
    ),
    found=_payments,
    cells=_payment_cells,
    parameters=frozenset({"q", "state", "way", "trouble", "purpose", *DAYS}),
)


def _refunds(query: Query) -> QuerySet[Refund]:
    """Of the payments in the list, or of one payment."""
    found = Refund.objects.select_related("payment", "merchant")
    if one := numbers.whole(query.get("payment")):
        accounts = [account.pk for account in _accounts(query)]
        found = found.filter(payment=one, payment__account__in=accounts)
    else:
        found = found.filter(payment__in=_payments(query).order_by().values("pk"))
    return found.order_by("-created_at", "-id")


def _refund_cells(refunds: Iterable[Refund]) -> Iterator[Row]:
    for refund in refunds:
        yield (
            refund.number,
            refund.payment.number,
            refund.merchant.name,
            refund.amount_fen,
            refund.get_state_display(),
            refund.reason,
            refund.by_name,
            refund.received_by,
            refund.created_at,
            refund.done_at,
        )


REFUNDS = _export(
    "pay.refunds",
    _("Refunds"),
    (
        Column("number", _("Our number"), width=32),
        Column("payment", _("Payment"), width=32),
        Column("merchant", _("Merchant"), width=24),
        Column("amount", _("Amount"), kind="money"),
        Column("state", _("State")),
        Column("reason", _("Reason"), width=28),
        Column("by", pgettext_lazy("who", "By")),
        Column("received", _("Where the money went"), width=24),
        Column("created", _("Begun"), kind="moment", width=18),
        Column("done", _("Done at"), kind="moment", width=18),
    ),
    found=_refunds,
    cells=_refund_cells,
    parameters=PAYMENTS.parameters | {"payment"},
)


def _bills(query: Query) -> QuerySet[PayBill]:
    return selectors.bills(_accounts(query)).order_by("-day", "-id")


def _bill_cells(bills: Iterable[PayBill]) -> Iterator[Row]:
    for bill in bills:
        shown: Any = bill
        yield (
            bill.day,
            bill.account.name,
            bill.get_state_display(),
            bill.payments,
            bill.paid_fen,
            bill.here_paid_fen,
            bill.refunds,
            bill.refunded_fen,
            bill.here_refunded_fen,
            bill.fee_fen,
            shown.open_differences,
            bill.checked_at,
        )


BILLS = _export(
    "pay.bills",
    _("Bills"),
    (
        Column("day", _("Day"), kind="day", width=12),
        Column("account", _("WeChat Pay account"), width=24),
        Column("state", _("State")),
        Column("payments", _("Payments"), kind="number", width=10),
        Column("paid", _("Paid, by the bill"), kind="money"),
        Column("here_paid", _("Paid, by our book"), kind="money"),
        Column("refunds", _("Refunds"), kind="number", width=10),
        Column("refunded", _("Given back, by the bill"), kind="money"),
        Column("here_refunded", _("Given back, by our book"), kind="money"),
        Column("fee", _("Fees"), kind="money"),
        Column("open", _("Open differences"), kind="number", width=10),
        Column("checked", _("Compared at"), kind="moment", width=18),
    ),
    found=_bills,
    cells=_bill_cells,
)


def _differences(query: Query) -> QuerySet[BillDifference]:
    """Of one bill."""
    found = BillDifference.objects.select_related("bill").filter(
        bill__account__in=_accounts(query), bill=numbers.whole(query.get("bill")) or 0
    )
    return found.order_by("state", "id")


def _difference_cells(differences: Iterable[BillDifference]) -> Iterator[Row]:
    for one in differences:
        yield (
            one.bill.day,
            one.get_kind_display(),
            one.get_trade_display(),
            one.number,
            one.transaction_id,
            one.there_fen,
            one.here_fen,
            one.get_state_display(),
            one.resolution,
            one.resolved_by,
            one.resolved_at,
        )


DIFFERENCES = _export(
    "pay.differences",
    _("What differs"),
    (
        Column("day", _("Day"), kind="day", width=12),
        Column("kind", pgettext_lazy("of a difference", "Kind"), width=24),
        Column("trade", _("What for"), width=12),
        Column("number", _("Our number"), width=32),
        Column("transaction", _("Number at WeChat Pay"), width=32),
        Column("there", _("By the bill"), kind="money"),
        Column("here", _("By our book"), kind="money"),
        Column("state", _("State")),
        Column("resolution", _("How it was settled"), width=32),
        Column("by", pgettext_lazy("who", "By")),
        Column("at", _("Done at"), kind="moment", width=18),
    ),
    found=_differences,
    cells=_difference_cells,
    parameters=frozenset({"bill"}),
)


def register_all() -> None:
    """Make them exportable."""
    for export in (PAYMENTS, REFUNDS, BILLS, DIFFERENCES):
        register(export)
