"""What the search over everything finds of this channel: payments and refunds, by our number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.accounts.permissions import tier_of
from zhanggui.channels.pay import permissions, selectors
from zhanggui.channels.pay.models import Payment, Refund, TradeKind, TradeNumber
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.core import tenancy
from zhanggui.ui import search
from zhanggui.ui.formats import money

SHORTEST = 6
"""Fewer signs begin too many numbers to mean a payment."""


def register_all() -> None:
    """Make payments findable, each place its own."""
    for surface, right in (
        ("merchant", permissions.VIEW),
        ("operator", permissions.OPERATOR_VIEW),
        ("platform", permissions.PLATFORM_VIEW),
    ):
        source = search.Source(pgettext_lazy("menu", "Payments"), _find, right.name, order=310)
        search.register(surface=surface, source=source)


def _find(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    if len(text) < SHORTEST:
        return
    place: Merchant | Operator | None = getattr(request, "place", None)
    accounts = selectors.accounts_at(_place(place))
    rows = TradeNumber.objects.filter(number__startswith=text, account__in=accounts)
    found = list(rows.order_by("-id")[:limit])
    with tenancy.all_merchants("payments found by their number at the place that collected them"):
        payments = _payments(found)
    for row in found:
        if payment := payments.get((row.kind, row.row_id)):
            yield search.Hit(row.number, _url(place, payment), "coin", _detail(row, payment))


def _place(place: Merchant | Operator | None) -> Place:
    return Place(
        tier_of(place),
        operator=place if isinstance(place, Operator) else None,
        merchant=place if isinstance(place, Merchant) else None,
    )


def _payments(found: Sequence[TradeNumber]) -> dict[tuple[str, int], Payment]:
    """The payment of each number; a refund's is the one it belongs to."""
    whose = {row.merchant_id for row in found}
    ids = {kind: [row.row_id for row in found if row.kind == kind] for kind in TradeKind.values}
    refunds = Refund.objects.filter(merchant_id__in=whose, pk__in=ids[TradeKind.REFUND])
    of_refund = dict(refunds.values_list("pk", "payment_id"))
    wanted = [*ids[TradeKind.PAYMENT], *of_refund.values()]
    payments = Payment.objects.filter(merchant_id__in=whose, pk__in=wanted)
    known = {one.pk: one for one in payments.select_related("merchant")}
    named = {(TradeKind.PAYMENT.value, pk): one for pk, one in known.items()}
    return named | {
        (TradeKind.REFUND.value, pk): known[payment]
        for pk, payment in of_refund.items()
        if payment in known
    }


def _url(place: Merchant | Operator | None, payment: Payment) -> str:
    leading = [place.slug] if place else []
    whose = [] if isinstance(place, Merchant) else [payment.merchant.slug]
    tier = tier_of(place)
    surface = "merchant" if tier == Tier.MERCHANT else tier.value
    return reverse(f"pay:{surface}_payment", args=[*leading, *whose, payment.pk])


def _detail(row: TradeNumber, payment: Payment) -> str:
    kind = _("Refund") if row.kind == TradeKind.REFUND else payment.get_state_display()
    return f"{money(row.amount_fen)} · {kind}"
