"""Rights: modules register theirs, roles are sets of them.

A right's name begins with its area (``stamps.cancel``); areas give the headings of the page where
an owner puts an own role together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

from zhanggui.accounts.models import (
    Invitation,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    Tier,
)
from zhanggui.accounts.standing import Standing

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Permission:
    """One right of one tier. Owners have every right of their tier without being named."""

    name: str
    label: Text
    roles: frozenset[Role] = frozenset()
    tier: Tier = Tier.MERCHANT
    feature: str = ""
    """What a merchant's plan must switch on; without it the right is nobody's (P09)."""
    explanation: Text = ""
    """What it lets somebody do, for whoever decides about roles; one or two sentences."""
    in_support: bool = True
    """Whether a manager's right also holds in a support session (P07)."""

    @property
    def area(self) -> str:
        """The part of the product it belongs to."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Area:
    """A heading over rights."""

    name: str
    label: Text
    order: int = 100


_known: dict[str, Permission] = {}
_areas: dict[str, Area] = {}

PRESETS: dict[Tier, tuple[Role, ...]] = {
    Tier.MERCHANT: tuple(role for role in Role if role != Role.CUSTOM),
    Tier.OPERATOR: (Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE),
    Tier.PLATFORM: (Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE),
}
"""The preset roles of each tier, in the order people read them."""


def register(*permissions: Permission) -> None:
    """Make rights known; modules do so in ``apps.py``.

    Raises:
        ValueError: another right has this name.
    """
    for permission in permissions:
        if _known.get(permission.name, permission) is not permission:
            message = f"two rights are called {permission.name}"
            raise ValueError(message)
        _known[permission.name] = permission


def register_area(name: str, label: Text, *, order: int = 100) -> None:
    """Give the rights ``name.*`` their heading; modules do so in ``apps.py``."""
    _areas[name] = Area(name, label, order)


def areas(tier: Tier) -> list[tuple[Area, list[Permission]]]:
    """All rights of a tier under their headings."""
    found: dict[str, list[Permission]] = {}
    for permission in known(tier):
        found.setdefault(permission.area, []).append(permission)
    headed = [(area(name), rights) for name, rights in found.items()]
    return sorted(headed, key=lambda pair: (pair[0].order, pair[0].name))


def area(name: str) -> Area:
    """The heading of a module's rights and audit actions."""
    return _areas.get(name) or Area(name, name)


def find(name: str) -> Permission | None:
    """The right of this name."""
    return _known.get(name)


def known(tier: Tier = Tier.MERCHANT) -> list[Permission]:
    """All rights of a tier, by name."""
    return sorted((p for p in _known.values() if p.tier == tier), key=lambda p: p.name)


def feature_of(name: str) -> str:
    """The feature a right belongs to; empty for one that every plan has."""
    permission = _known.get(name)
    return permission.feature if permission else ""


def switched_on(names: Iterable[str], standing: Standing) -> frozenset[str]:
    """The rights among these whose feature the merchant's plan has."""
    return frozenset(name for name in names if standing.has(feature_of(name)))


def of_role(role: str, *, tier: Tier, rights: Iterable[str] = ()) -> frozenset[str]:
    """The rights of a role; ``rights`` are those of a custom one."""
    names = {permission.name for permission in known(tier)}
    if role == Role.OWNER:
        return frozenset(names)
    if role == Role.CUSTOM:
        return frozenset(names.intersection(rights))
    return frozenset(p.name for p in known(tier) if role in p.roles)


def offered(tier: Tier) -> list[Role]:
    """The presets people may be given, in their order.

    Those of a shop that carry no more than every preset does wait for a product that registers a
    right of theirs; presets of the tiers above belong to no product.
    """
    if tier != Tier.MERCHANT:
        return list(PRESETS[tier])
    carried = {role: of_role(role, tier=tier) for role in PRESETS[tier]}
    everybody = frozenset.intersection(*carried.values())
    return [role for role, rights in carried.items() if rights > everybody]


def of_membership(membership: Membership | Invitation) -> frozenset[str]:
    """The rights a membership carries at its place, or an invitation would give."""
    rights = membership.role_set.rights if membership.role_set is not None else ()
    return of_role(membership.role, tier=Tier(membership.tier), rights=rights)


def of_support() -> frozenset[str]:
    """What a support session may: a manager's rights without those kept out of support."""
    return frozenset(
        p.name for p in known(Tier.MERCHANT) if Role.MANAGER in p.roles and p.in_support
    )


def of(person: Person, place: Merchant | Operator | None) -> frozenset[str]:
    """What a person may do at a merchant, at an operator, or (None) at the platform."""
    found = membership_at(person, place)
    return of_membership(found) if found else frozenset()


def membership_at(person: Person, place: Merchant | Operator | None) -> Membership | None:
    """The membership of a person at one place, if there is one."""
    return members_of(place).filter(person=person).select_related("role_set").first()


def tier_of(place: Merchant | Operator | None) -> Tier:
    """The tier of a place; None is the platform."""
    if isinstance(place, Merchant):
        return Tier.MERCHANT
    return Tier.OPERATOR if isinstance(place, Operator) else Tier.PLATFORM


def at(place: Merchant | Operator | None) -> dict[str, Any]:
    """What names a place in rows of all tiers: its tier and its keys."""
    return {
        "tier": tier_of(place),
        "merchant": place if isinstance(place, Merchant) else None,
        "operator": place if isinstance(place, Operator) else None,
    }


def members_of(place: Merchant | Operator | None) -> QuerySet[Membership]:
    """All memberships of a place."""
    return Membership.objects.filter(**of_place(place))


def of_place(place: Merchant | Operator | None) -> dict[str, Any]:
    """The filter for rows of one place."""
    if isinstance(place, Merchant):
        return {"tier": Tier.MERCHANT, "merchant": place}
    if isinstance(place, Operator):
        return {"tier": Tier.OPERATOR, "operator": place}
    return {"tier": Tier.PLATFORM}
