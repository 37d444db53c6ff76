"""Every figure of every overview leads to its rows, and there are as many of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from zhanggui.accounts import figures
from zhanggui.accounts.models import Merchant, Operator, Role, Store
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
    make_store,
)
from zhanggui.accounts.views.overview import MOST_FIGURES
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tenancy
from zhanggui.coupons.tests.factories import make_coupon, make_customer, redeem
from zhanggui.stamps.tests.factories import (
    cancel,
    make_card,
    make_manager,
    make_programme,
    stamp,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOURS_AGO = (800, 719, 400, 170, 100, 30, 26, 20, 15, 9, 3, 0.1)
SOMETIMES = (719, 100, 26, 3)
"""What another shop did meanwhile: something in every period, to be counted or left out."""
HERE, FAR = "Asia/Shanghai", "America/Los_Angeles"
"""Days of a shop begin at its own midnight, wherever that is."""


@dataclass
class Shop:
    """A merchant with two stores and their history."""

    merchant: Merchant
    stores: list[Store]


def make_shop(
    slug: str,
    *,
    zone: str,
    operator: Operator | None = None,
    hours_ago: Sequence[float] = HOURS_AGO,
) -> Shop:
    """Stamps, cancels, customers and staff over 70 days, around every midnight; some gone again."""
    merchant = make_merchant(slug, operator=operator)
    Merchant.objects.filter(pk=merchant.pk).update(time_zone=zone)
    merchant.refresh_from_db()
    stores = [make_store(merchant), make_store(merchant), make_store(merchant, state="closed")]
    make_staff(merchant, role=Role.CLERK)
    with tenancy.merchant_scope(merchant.pk):
        desks = [make_manager(store) for store in stores[:2]]
        programme = make_programme()
        for number, hours in enumerate(hours_ago):
            with clock.at(NOON - timedelta(hours=hours)):
                card = make_card(programme, f"顾客{number}")
                stamp(desks[number % 2], card)
                if number % 3 == 0:
                    cancel(desks[number % 2], card)
        for number, hours in enumerate(hours_ago):
            with clock.at(NOON - timedelta(hours=hours)):
                coupon = make_coupon(customer=make_customer(f"领券{number}"))
                if number % 2 == 0:
                    redeem(coupon, stores[number % 2])
        gone = Customer.objects.order_by("pk")[1]
        Customer.objects.filter(pk=gone.pk).update(state="replaced")
    return Shop(merchant, stores)


# -- how many rows a page lists


def pages_of(client: Client, url: str, rows: str) -> int:
    """The rows of a list over all of its pages."""
    counted, after = 0, ""
    while True:
        context = client.get(f"{url}{'&' if '?' in url else '?'}after={after}").context
        page = context["list"].page if rows == "list" else context["page"]
        counted += len(page.rows)
        if not page.next:
            return counted
        after = page.next


ROWS = {
    "accounts:stores": "list",
    "accounts:staff": "page",
    "contacts:customers": "list",
    "coupons:coupons": "list",
    "coupons:redemptions": "list",
    "stamps:ledger": "page",
    "stamps:visitors": "page",
}
"""Where figures lead, and what their rows are called in the page's context."""


def count_rows(client: Client, url: str) -> int:
    """How many rows are at the address a figure leads to."""
    match = resolve(url.partition("?")[0])
    if match.url_name in {"platform_figure", "operator_figure"}:
        page = client.get(url).context
        assert page["total"] == sum(row["value"] for row in page["rows"])
        return int(page["total"])
    return pages_of(client, url, ROWS[match.view_name])


def compare(client: Client, overview: str) -> list[str]:
    """Follow every figure of an overview, for each of its periods; answers their names."""
    names: list[str] = []
    for days in figures.LENGTHS:
        answer = client.get(f"{overview}?days={days}")
        shown: Sequence[Any] = answer.context["numbers"]
        html = answer.content.decode()
        for item in shown:
            assert item.url.replace("&", "&amp;") in html
            name = item.number.measure.name
            assert count_rows(client, item.url) == item.number.value, (name, days, item.url)
            names.append(name)
    return names


def shown_at_most(*, of_store: bool = False, of_tiers: bool = False) -> set[str]:
    """The measures such an overview shows to its owner."""
    known: Iterable[Any] = sorted(figures._known.values(), key=lambda measure: measure.order)
    fitting = [
        m.name
        for m in known
        if (m.for_tiers if of_tiers else m.at_merchants) and (not of_store or m.store_field)
    ]
    return set(fitting[:MOST_FIGURES])


def compare_all(client: Client, shop: Shop) -> None:
    """The overviews of a merchant and of each of its stores."""
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    slug = shop.merchant.slug
    assert set(compare(client, f"/m/{slug}/")) == shown_at_most()
    for store in shop.stores:
        names = compare(client, f"/m/{slug}/stores/{store.pk}/")
        assert set(names) == shown_at_most(of_store=True)


def test_far_from_here(client: Client) -> None:
    shop = make_shop("tea", zone=FAR)
    make_shop("coffee", zone=FAR, hours_ago=SOMETIMES)
    with clock.at(NOON):
        compare_all(client, shop)


def test_of_all_tiers(client: Client) -> None:
    """One history for all of them: it takes longer to make than to look at."""
    north = make_operator("north")
    shop = make_shop("tea", zone=HERE, operator=north)
    make_shop("coffee", zone=HERE, operator=north, hours_ago=SOMETIMES)
    make_shop("foreign", zone=HERE, hours_ago=SOMETIMES)
    with clock.at(NOON):
        compare_all(client, shop)
        client.force_login(make_operator_staff(north, role=Role.OWNER))
        at_operator = compare(client, "/operator/north/overview/")
        client.force_login(make_platform_staff(role=Role.OWNER))
        at_platform = compare(client, "/platform/overview/")
    assert set(at_operator) == set(at_platform) == shown_at_most(of_tiers=True)
