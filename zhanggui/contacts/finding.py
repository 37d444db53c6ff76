"""What the search over everything finds of this module: customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts import selectors
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.ui import search

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest


def register_all() -> None:
    """Make customers findable."""
    source = search.Source(_("Customers"), _customers, VIEW_CUSTOMERS.name, order=10)
    search.register(surface="merchant", source=source)


def _customers(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    slug = cast("MerchantRequest", request).merchant.slug
    for customer in selectors.find_customers(text, limit):
        url = reverse("contacts:customer", args=[slug, customer.pk])
        yield search.Hit(customer.name, url, "user", customer.number)
