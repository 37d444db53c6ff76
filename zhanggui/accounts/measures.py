"""What this module counts on the overviews: merchants, stores, people."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import rights
from zhanggui.accounts.figures import Measure, Span, register
from zhanggui.accounts.models import Membership, Merchant, Store, StoreState, TierState


def register_all() -> None:
    """Make the measures known."""
    register(
        Measure(
            "accounts.merchants",
            _("Merchants in business"),
            "building-store",
            Merchant,
            _overview,
            where=Q(state=TierState.ACTIVE),
            merchant_field="pk",
            at_merchants=False,
            order=10,
        ),
        Measure(
            "accounts.new_merchants",
            _("New merchants"),
            "building-community",
            Merchant,
            _overview,
            moment="created_at",
            merchant_field="pk",
            at_merchants=False,
            order=20,
        ),
        Measure(
            "accounts.stores",
            _("Open stores"),
            "building-store",
            Store,
            _stores,
            where=Q(state=StoreState.OPEN),
            permission=rights.VIEW_STORES.name,
            order=300,
        ),
        Measure(
            "accounts.staff",
            _("Staff"),
            "users",
            Membership,
            _staff,
            permission=rights.VIEW_STAFF.name,
            order=310,
        ),
    )


def _overview(merchant: Merchant, span: Span, store_id: int | None) -> str:
    return reverse("accounts:overview", args=[merchant.slug])


def _stores(merchant: Merchant, span: Span, store_id: int | None) -> str:
    return f"{reverse('accounts:stores', args=[merchant.slug])}?state={StoreState.OPEN}"


def _staff(merchant: Merchant, span: Span, store_id: int | None) -> str:
    return reverse("accounts:staff", args=[merchant.slug])
