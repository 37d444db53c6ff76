"""What this module counts on the overviews; each number is the count of its rows."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import figures
from zhanggui.accounts.models import Merchant
from zhanggui.coupons import permissions
from zhanggui.coupons.models import STANDING, STANDS, Coupon, UseRecord


def register_all() -> None:
    """Make the measures known."""
    figures.register(
        figures.Measure(
            "coupons.issued",
            _("Coupons issued"),
            "ticket",
            Coupon,
            _issued,
            moment="issued_at",
            permission=permissions.VIEW.name,
            order=60,
            colour="indigo",
        ),
        figures.Measure(
            "coupons.redeemed",
            _("Coupons redeemed"),
            "gift-card",
            UseRecord,
            _redeemed,
            moment="at",
            where=STANDING,
            permission=permissions.VIEW.name,
            store_field="store_id",
            order=62,
            colour="indigo",
        ),
    )


def _issued(merchant: Merchant, span: figures.Span, store_id: int | None) -> str:
    wanted = {"issued_from": span.first.isoformat(), "issued_to": span.last.isoformat()}
    return f"{reverse('coupons:coupons', args=[merchant.slug])}?{urlencode(wanted)}"


def _redeemed(merchant: Merchant, span: figures.Span, store_id: int | None) -> str:
    wanted: dict[str, Any] = {
        "kind": STANDS,
        "at_from": span.first.isoformat(),
        "at_to": span.last.isoformat(),
    }
    if store_id is not None:
        wanted["store"] = store_id
    return f"{reverse('coupons:redemptions', args=[merchant.slug])}?{urlencode(wanted)}"
