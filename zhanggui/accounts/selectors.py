"""Reads of accounts: stores, staff, the audit log in words, figures of the tiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.models import (
    ActorKind,
    AuditEntry,
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


def staff_of(merchant: Merchant) -> list[Membership]:
    """Members of a merchant with their people, owners first, then by age."""
    found = Membership.objects.filter(merchant=merchant).select_related("person")
    order = {role: place for place, role in enumerate(Role)}
    return sorted(found, key=lambda m: (order[Role(m.role)], m.pk))


def owners_of(place: Merchant | Operator) -> list[Membership]:
    """Owners of a merchant or operator with their people, by age."""
    found = Membership.objects.filter(role=Role.OWNER).select_related("person")
    if isinstance(place, Merchant):
        return list(found.filter(merchant=place).order_by("pk"))
    return list(found.filter(operator=place).order_by("pk"))


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One audit entry in words."""

    at: datetime
    who: str
    kind: str
    action: str
    target: str
    store: str
    details: str
    device: str
    ip: str


def audit_entries(*, action: str = "", person_id: int | None = None) -> QuerySet[AuditEntry]:
    """Entries of the merchant in scope, by action (or its beginning) and by person."""
    found = AuditEntry.objects.all()
    if action.endswith("."):
        found = found.filter(action__startswith=action)
    elif action:
        found = found.filter(action=action)
    if person_id is not None:
        found = found.filter(actor_kind=ActorKind.PERSON, actor_id=person_id)
    return found


def audit_lines(entries: Iterable[AuditEntry]) -> list[AuditLine]:
    """Put entries into words; one query per kind of actor and of target, however many rows."""
    rows = list(entries)
    actors = _names_of_actors(rows)
    targets = _names_of_targets(rows)
    store_ids = {row.store_id for row in rows if row.store_id is not None}
    stores = audit.target_kind("store").names(store_ids) if store_ids else {}
    return [
        AuditLine(
            at=row.at,
            who=actors.get((row.actor_kind, row.actor_id), "") or _unknown(row),
            kind=row.get_actor_kind_display(),
            action=str(audit.text_of(row.action)),
            target=targets.get(row.target, row.target),
            store=stores.get(row.store_id, "") if row.store_id is not None else "",
            details=_details(row.details),
            device=row.device,
            ip=row.ip or "",
        )
        for row in rows
    ]


def _unknown(row: AuditEntry) -> str:
    if row.actor_kind == ActorKind.SYSTEM:
        by = str(row.details.get("by", ""))
        return _(by) if by else ""
    return _("no longer known")


def _names_of_actors(rows: list[AuditEntry]) -> dict[tuple[str, int | None], str]:
    ids: dict[ActorKind, set[int]] = defaultdict(set)
    for row in rows:
        if row.actor_id is not None:
            ids[ActorKind(row.actor_kind)].add(row.actor_id)
    return {
        (kind.value, actor_id): name
        for kind, wanted in ids.items()
        for actor_id, name in audit.names_of(kind, wanted).items()
    }


def _names_of_targets(rows: list[AuditEntry]) -> dict[str, str]:
    ids: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        kind, _colon, number = row.target.partition(":")
        if number.isdecimal():
            ids[kind].add(int(number))
    texts: dict[str, str] = {}
    for kind, wanted in ids.items():
        known = audit.target_kind(kind)
        names = known.names(wanted)
        for number_ in wanted:
            own = names.get(number_, f"#{number_}")
            texts[f"{kind}:{number_}"] = _("%(kind)s %(name)s") % {
                "kind": known.label,
                "name": own,
            }
    return texts


def _details(details: dict[str, Any]) -> str:
    role = details.get("role")
    before, after = details.get("before"), details.get("after")
    if isinstance(before, dict) and isinstance(after, dict) and "role" in before:
        return _("%(before)s → %(after)s") % {
            "before": _role(before["role"]),
            "after": _role(after["role"]),
        }
    if role:
        return _role(role)
    code = details.get("code") or details.get("reason")
    return str(code) if isinstance(code, str) else ""


def _role(name: str) -> str:
    return str(Role(name).label) if name in Role.values else name


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


def rights_of_roles() -> list[tuple[str, list[str]]]:
    """Each preset role of a merchant with the labels of its rights."""
    labels = {p.name: str(p.label) for p in permissions.known(Tier.MERCHANT)}
    return [
        (
            str(role.label),
            [labels[name] for name in sorted(permissions.of_role(role, tier=Tier.MERCHANT))],
        )
        for role in Role
        if role != Role.CUSTOM
    ]
