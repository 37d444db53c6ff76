"""Smallest valid rows of coupons; a test names only what it is about."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy
from zhanggui.coupons import services
from zhanggui.coupons.models import Coupon, CouponLink, CouponTemplate, UseRecord, Way
from zhanggui.coupons.services import CodeShown, Place
from zhanggui.ledger import checks

_numbers = count(1)


def make_template(*, name: str = "", **values: Any) -> CouponTemplate:
    """A gift of the merchant in scope, valid for 30 days in every store."""
    return services.create_template(
        values=services.TemplateInput(name=name or f"赠饮券{next(_numbers)}", **values), actor=ACTOR
    )


def make_customer(name: str = "王小明") -> Customer:
    """A customer without a phone."""
    return contacts.create_customer(name=name, phone=None, actor=ACTOR)


def make_coupon(
    template: CouponTemplate | None = None, customer: Customer | None = None, **values: Any
) -> Coupon:
    """A coupon given by hand."""
    template = template or make_template(**values)
    customer = customer or make_customer()
    return services.issue(
        template_id=template.pk,
        customer_id=customer.pk,
        way=Way.HAND,
        cause=f"test:{next(_numbers)}",
        actor=ACTOR,
    )


def take_code(coupon: Coupon) -> CodeShown:
    """The owner fetches a code."""
    row = now(coupon)
    actor = customer_actor(row.customer_id, row.customer.name)
    return services.request_code(coupon_id=row.pk, customer_id=row.customer_id, actor=actor)


def redeem(
    coupon: Coupon, store: Store | None = None, holder: str = "", **values: Any
) -> UseRecord:
    """Use a coupon once."""
    place = Place(store.pk if store else None, 7, "李店长", **values)
    return services.redeem(coupon_id=coupon.pk, holder=holder, place=place, actor=ACTOR)


def make_link(template: CouponTemplate) -> CouponLink:
    """A link without a limit of its own."""
    return services.create_link(
        template_id=template.pk, name="海报", most=None, expires_at=None, actor=ACTOR
    )


def now(coupon: Coupon) -> Coupon:
    """The row as it is now."""
    return Coupon.objects.select_related("template", "customer").get(pk=coupon.pk)


def counts(coupon: Coupon) -> tuple[str, int, int, int, int]:
    """State, usable, held, redeemed, voided of the row."""
    row = now(coupon)
    return (row.state, row.usable, row.held, row.redeemed, row.voided)


@dataclass
class Shop:
    """A merchant with two stores; its scope is open."""

    merchant: Merchant
    store: Store
    other: Store
    scope: ExitStack

    def adds_up(self) -> bool:
        """Whether the ledger has nothing to complain about."""
        return checks.findings() == []


def make_shop(slug: str = "") -> Shop:
    """A whole shop; close ``scope`` when done."""
    merchant = make_merchant(slug)
    store, other = make_store(merchant), make_store(merchant, name="二店")
    scope = ExitStack()
    scope.enter_context(tenancy.merchant_scope(merchant.pk))
    return Shop(merchant, store, other, scope)
