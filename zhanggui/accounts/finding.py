"""What the search over everything finds of this module: stores, people, merchants, operators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import rights
from zhanggui.accounts.models import Membership, Merchant, Operator, Store, Tier
from zhanggui.ui import search

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest, OperatorRequest


def register_all() -> None:
    """Make the records of this module findable."""
    view_stores, view_staff = rights.VIEW_STORES.name, rights.VIEW_STAFF.name
    for surface, source in (
        ("merchant", search.Source(_("Stores"), _stores, view_stores, order=200)),
        ("merchant", search.Source(_("Staff"), _staff, view_staff, order=210)),
        ("operator", search.Source(_("Merchants"), _own_merchants, rights.OPERATOR_VIEW.name)),
        ("platform", search.Source(_("Merchants"), _merchants, rights.PLATFORM_VIEW.name)),
        (
            "platform",
            search.Source(_("Operators"), _operators, rights.PLATFORM_VIEW.name, order=110),
        ),
    ):
        search.register(surface=surface, source=source)


def _stores(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    slug = cast("MerchantRequest", request).merchant.slug
    fitting = Q(name__icontains=text) | Q(address__icontains=text)
    for store in Store.objects.filter(fitting).order_by("name")[:limit]:
        url = reverse("accounts:store", args=[slug, store.pk])
        yield search.Hit(store.name, url, "building-store", store.address)


def _staff(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    merchant = cast("MerchantRequest", request).merchant
    found = (
        Membership.objects.filter(
            merchant=merchant, tier=Tier.MERCHANT, person__name__icontains=text
        )
        .select_related("person")
        .order_by("person__name")[:limit]
    )
    for membership in found:
        url = reverse("accounts:staff_edit", args=[merchant.slug, membership.pk])
        yield search.Hit(membership.person.name, url, "user", membership.role_label)


def _own_merchants(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    operator = cast("OperatorRequest", request).operator
    for merchant in _named(text, limit, operator=operator):
        url = reverse("accounts:operator_merchant", args=[operator.slug, merchant.slug])
        yield search.Hit(merchant.name, url, "building-store", merchant.slug)


def _merchants(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    for merchant in _named(text, limit):
        url = reverse("accounts:platform_merchant", args=[merchant.slug])
        detail = merchant.operator.name if merchant.operator else merchant.slug
        yield search.Hit(merchant.name, url, "building-store", detail)


def _named(text: str, limit: int, operator: Operator | None = None) -> list[Merchant]:
    named = Q(name__icontains=text) | Q(registered_name__icontains=text) | Q(slug__icontains=text)
    found = Merchant.objects.filter(named)
    if operator is not None:
        found = found.filter(operator=operator)
    return list(found.select_related("operator").order_by("name")[:limit])


def _operators(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    fitting = Q(name__icontains=text) | Q(slug__icontains=text)
    for operator in Operator.objects.filter(fitting).order_by("name")[:limit]:
        url = reverse("accounts:platform_operator", args=[operator.slug])
        yield search.Hit(operator.name, url, "affiliate", operator.slug)
