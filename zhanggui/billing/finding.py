"""What the search over everything finds of this module: orders, by their number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.billing import permissions, selectors
from zhanggui.billing.models import Order
from zhanggui.core import tenancy
from zhanggui.ui import search

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest, OperatorRequest

SHORTEST = 4
"""Fewer digits begin too many numbers to mean an order."""


def register_all() -> None:
    """Make orders findable, each seller its own."""
    for surface, find, right in (
        ("merchant", _own, permissions.VIEW),
        ("operator", _sold_by_operator, permissions.OPERATOR_SALES),
        ("platform", _sold, permissions.PLATFORM_SALES),
    ):
        source = search.Source(_("Orders"), find, right.name, order=300)
        search.register(surface=surface, source=source)


def _own(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    slug = cast("MerchantRequest", request).merchant.slug
    for order in _numbered(selectors.orders(), text, limit):
        url = reverse("billing:order", args=[slug, order.pk])
        yield search.Hit(order.number, url, "receipt", order.get_state_display())


def _sold_by_operator(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    operator = cast("OperatorRequest", request).operator
    with tenancy.all_merchants("orders found by an operator"):
        found = _numbered(selectors.sold_by(operator), text, limit)
    for order in found:
        args = [operator.slug, order.merchant.slug, order.pk]
        url = reverse("billing:operator_order", args=args)
        yield search.Hit(order.number, url, "receipt", order.merchant.name)


def _sold(_request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    with tenancy.all_merchants("orders found by the platform"):
        found = _numbered(selectors.sold_by(None), text, limit)
    for order in found:
        url = reverse("billing:platform_order", args=[order.merchant.slug, order.pk])
        yield search.Hit(order.number, url, "receipt", order.merchant.name)


def _numbered(orders: QuerySet[Order], text: str, limit: int) -> list[Order]:
    if len(text) < SHORTEST or not text.isdecimal():
        return []
    return list(orders.filter(number__startswith=text).order_by("-id")[:limit])
