"""Reads of accounts: stores, staff, the audit log in words, figures of the tiers."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Operator,
    Role,
    Store,
    StoreState,
    Tier,
)
from zhanggui.core import tenancy


def stores(*, search: str = "", state: str = "") -> QuerySet[Store]:
    """Stores of the merchant in scope, open ones first, then by age."""
    found = Store.objects.all()
    if search:
        found = found.filter(Q(name__icontains=search) | Q(address__icontains=search))
    if state in StoreState.values:
        found = found.filter(state=state)
    return found.order_by("-state", "pk")


def owners_of(place: Merchant | Operator) -> list[Membership]:
    """Owners of a merchant or operator with their people, by age."""
    found = Membership.objects.filter(role=Role.OWNER).select_related("person")
    if isinstance(place, Merchant):
        return list(found.filter(merchant=place).order_by("pk"))
    return list(found.filter(operator=place).order_by("pk"))


@dataclass(frozen=True, slots=True)
class MerchantRow:
    """A merchant as operators and the platform see it: counts, no customers."""

    merchant: Merchant
    stores: int
    staff: int


def merchants(*, operator: Operator | None = None, search: str = "") -> list[MerchantRow]:
    """Merchants with their numbers of open stores and of staff, newest first."""
    found = Merchant.objects.select_related("operator").annotate(
        staff=Count("memberships", filter=Q(memberships__tier=Tier.MERCHANT))
    )
    if operator is not None:
        found = found.filter(operator=operator)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(slug__icontains=search))
    rows = list(found.order_by("-created_at", "-pk")[:500])
    with tenancy.all_merchants("number of stores of each merchant for the tier above"):
        counted = dict(
            Store.objects.filter(merchant_id__in=[row.pk for row in rows], state=StoreState.OPEN)
            .order_by()
            .values_list("merchant_id")
            .annotate(Count("pk"))
        )
    return [MerchantRow(row, counted.get(row.pk, 0), row.staff) for row in rows]


def merchant_row(merchant: Merchant) -> MerchantRow:
    """The numbers of one merchant for the tier above."""
    with tenancy.merchant_scope(merchant.pk):
        open_stores = Store.objects.filter(state=StoreState.OPEN).count()
    staff = Membership.objects.filter(merchant=merchant).count()
    return MerchantRow(merchant, open_stores, staff)


def operators() -> QuerySet[Operator]:
    """Operators with the number of their merchants, newest first."""
    return Operator.objects.annotate(merchant_count=Count("merchants")).order_by(
        "-created_at", "-pk"
    )


def has_platform_owner() -> bool:
    """Whether anybody owns the platform; without one the installation is not set up yet."""
    return Membership.objects.filter(tier=Tier.PLATFORM, role=Role.OWNER).exists()
