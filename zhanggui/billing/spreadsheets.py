"""Orders as spreadsheets: a merchant's own, and those of a seller."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.billing import endings, selectors
from zhanggui.billing.models import Edition, Order, Transfer
from zhanggui.billing.models.editions import MONTHS
from zhanggui.billing.permissions import OPERATOR_SALES, PLATFORM_SALES, VIEW
from zhanggui.core import tenancy
from zhanggui.files.exports import Column, Export, Query, register

CHUNK = 500
NAMES = ("kind", "way", "state")
SALES = {Tier.PLATFORM: PLATFORM_SALES.name, Tier.OPERATOR: OPERATOR_SALES.name}
REASON = "orders of a seller as a spreadsheet"
COLUMNS = (
    Column("number", _("Order number"), width=20),
    Column("kind", _("Kind"), width=10),
    Column("edition", _("Edition"), width=12),
    Column("months", _("Months"), kind="number", width=8),
    Column("way", _("Payment way"), width=12),
    Column("state", _("State"), width=12),
    Column("total", _("Amount"), kind="money", width=12),
    Column("balance", _("From the balance"), kind="money", width=12),
    Column("by", _("Ordered by")),
    Column("note", _("Note"), width=28),
    Column("made", _("Ordered at"), kind="moment", width=18),
    Column("paid", _("Paid at"), kind="moment", width=18),
)


def _cells(order: Order) -> tuple[Any, ...]:
    state = selectors.state_now(order)
    return (
        order.number,
        str(order.get_kind_display()),
        order.edition.name if order.edition else "",
        order.months or None,
        str(order.get_way_display()),
        str(state.label),
        order.total_fen,
        order.balance_fen,
        order.created_by_name,
        order.note,
        order.created_at,
        order.paid_at,
    )


def _own(query: Query) -> QuerySet[Order]:
    return selectors.orders(search=query.get("q")[:80], **{name: query.get(name) for name in NAMES})


def _own_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for order in _own(query).order_by(*selectors.ORDER).iterator(chunk_size=CHUNK):
        yield _cells(order)


ORDERS = Export(
    name="billing.orders",
    label=_("Orders"),
    permission=VIEW.name,
    columns=COLUMNS,
    rows=_own_rows,
    count=lambda query: _own(query).count(),
    parameters=frozenset({"q", *NAMES}),
)


def _sold(query: Query) -> QuerySet[Order]:
    return selectors.sold_by(
        query.operator, search=query.get("q")[:80], **{name: query.get(name) for name in NAMES}
    )


def _sold_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    with tenancy.all_merchants(REASON):
        for order in _sold(query).order_by(*selectors.ORDER).iterator(chunk_size=CHUNK):
            merchant = order.merchant
            seller = merchant.operator.name if merchant.operator else str(_("The platform"))
            yield (merchant.name, seller, *_cells(order))


def _sold_count(query: Query) -> int:
    with tenancy.all_merchants(REASON):
        return _sold(query).count()


SOLD = Export(
    name="billing.sold",
    label=_("Orders"),
    tiers=SALES,
    columns=(
        Column("merchant", _("Merchant"), width=24),
        Column("seller", _("Seller"), width=24),
        *COLUMNS,
    ),
    rows=_sold_rows,
    count=_sold_count,
    parameters=frozenset({"q", *NAMES}),
)


def _transfers(query: Query) -> QuerySet[Transfer]:
    return selectors.transfers_to_check(query.operator, all_sellers=query.operator is None)


def _transfer_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    with tenancy.all_merchants(REASON):
        found = _transfers(query).order_by("handed_in_at", "id")
        for transfer in found.iterator(chunk_size=CHUNK):
            yield (
                transfer.merchant.name,
                transfer.order.number,
                transfer.amount_fen,
                transfer.paid_on,
                transfer.reference,
                transfer.handed_in_by,
                transfer.handed_in_at,
            )


def _transfer_count(query: Query) -> int:
    with tenancy.all_merchants(REASON):
        return _transfers(query).count()


TRANSFERS = Export(
    name="billing.transfers",
    label=_("Transfers to check"),
    tiers=SALES,
    columns=(
        Column("merchant", _("Merchant"), width=24),
        Column("order", _("Order number"), width=20),
        Column("amount", _("Amount"), kind="money", width=12),
        Column("paid_on", _("Paid on"), kind="day", width=12),
        Column("reference", _("Number of the transfer"), width=24),
        Column("by", _("Handed in by")),
        Column("at", _("Handed in at"), kind="moment", width=18),
    ),
    rows=_transfer_rows,
    count=_transfer_count,
    parameters=frozenset(),
)


def _price_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    base = selectors.prices(None)
    prices = selectors.prices(query.operator)
    for edition in Edition.objects.all():
        price = prices.get(edition.pk)
        fen = [price.of_months(months) if price else None for months in MONTHS]
        is_own = query.operator is not None and price != base.get(edition.pk)
        yield edition.name, *fen, price.day_fen if price else None, str(_("yes")) if is_own else ""


PRICES = Export(
    name="billing.prices",
    label=_("Prices"),
    tiers=SALES,
    columns=(
        Column("edition", _("Edition"), width=20),
        Column("month_1", _("1 month"), kind="money", width=12),
        Column("month_12", _("12 months"), kind="money", width=12),
        Column("month_24", _("24 months"), kind="money", width=12),
        Column("month_36", _("36 months"), kind="money", width=12),
        Column("day", _("A day"), kind="money", width=12),
        Column("own", _("your own price"), width=12),
    ),
    rows=_price_rows,
    count=lambda _query: Edition.objects.count(),
    parameters=frozenset(),
)


def _ending(query: Query) -> QuerySet[Merchant]:
    return endings.ending(query.operator, stage=query.get("stage"), search=query.get("q")[:40])


def _ending_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    with tenancy.all_merchants("plans that end as a spreadsheet"):
        found = _ending(query).order_by(*endings.ORDER)
        for piece in batched(found.iterator(chunk_size=CHUNK), CHUNK):
            for row in endings.rows(piece):
                seller = row.merchant.operator.name if row.merchant.operator else ""
                yield (
                    row.merchant.name,
                    row.merchant.slug,
                    seller or str(_("The platform")),
                    str(row.label),
                    row.ends_at,
                    row.goes_at,
                    row.warned_at,
                )


ENDING = Export(
    name="billing.ending",
    label=_("Plans that end"),
    tiers=SALES,
    columns=(
        Column("merchant", _("Merchant"), width=24),
        Column("slug", _("Short name")),
        Column("seller", _("Seller"), width=24),
        Column("state", _("State"), width=20),
        Column("ends", _("Plan ends at"), kind="moment", width=18),
        Column("goes", _("Data are deleted"), kind="moment", width=18),
        Column("warned", _("Owners last warned"), kind="moment", width=18),
    ),
    rows=_ending_rows,
    count=lambda query: _ending(query).count(),
    parameters=frozenset({"q", "stage"}),
)


def register_all() -> None:
    """Make them exportable."""
    for export in (ORDERS, SOLD, TRANSFERS, PRICES, ENDING):
        register(export)
