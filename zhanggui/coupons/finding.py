"""What the search over everything finds of this module: coupons, by their code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.coupons import permissions, selectors
from zhanggui.coupons.models import Coupon, CouponTemplate
from zhanggui.ui import search

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

SHORTEST = 4


def register_all() -> None:
    """Make coupons findable."""
    source = search.Source(_("Coupons"), _found, permissions.VIEW.name, order=250)
    search.register(surface="merchant", source=source)


def _found(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    slug = cast("MerchantRequest", request).merchant.slug
    code = selectors.code_of(text)
    if len(code) >= SHORTEST and text.isascii():
        rows = Coupon.objects.select_related("template", "customer")
        for coupon in rows.filter(code__startswith=code).order_by("-pk")[:limit]:
            url = reverse("coupons:office_coupon", args=[slug, coupon.pk])
            detail = f"{coupon.customer.name} · {coupon.code}"
            yield search.Hit(coupon.template.name, url, "gift-card", detail)
    named = CouponTemplate.objects.filter(name__icontains=text).order_by("-pk")
    for template in named[:limit]:
        url = reverse("coupons:template", args=[slug, template.pk])
        yield search.Hit(template.name, url, "ticket", template.get_state_display())
