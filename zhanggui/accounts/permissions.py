"""Rights: modules register theirs, roles are sets of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise

from zhanggui.accounts.models import Membership, Merchant, Operator, Person, Role, Tier

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Permission:
    """One right of one tier. Owners have every right of their tier without being named."""

    name: str
    label: Text
    roles: frozenset[Role] = frozenset()
    tier: Tier = Tier.MERCHANT


_known: dict[str, Permission] = {}


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


def known(tier: Tier = Tier.MERCHANT) -> list[Permission]:
    """All rights of a tier, by name."""
    return sorted((p for p in _known.values() if p.tier == tier), key=lambda p: p.name)


def of_role(role: str, *, tier: Tier, rights: Iterable[str] = ()) -> frozenset[str]:
    """The rights of a role; ``rights`` are those of a custom one."""
    names = {permission.name for permission in known(tier)}
    if role == Role.OWNER:
        return frozenset(names)
    if role == Role.CUSTOM:
        return frozenset(names.intersection(rights))
    return frozenset(p.name for p in known(tier) if role in p.roles)


def of_membership(membership: Membership) -> frozenset[str]:
    """The rights a membership carries at its place."""
    return of_role(membership.role, tier=Tier(membership.tier), rights=membership.rights)


def of(person: Person, place: Merchant | Operator | None) -> frozenset[str]:
    """What a person may do at a merchant, at an operator, or (None) at the platform."""
    found = membership_at(person, place)
    return of_membership(found) if found else frozenset()


def membership_at(person: Person, place: Merchant | Operator | None) -> Membership | None:
    """The membership of a person at one place, if there is one."""
    memberships = Membership.objects.filter(person=person)
    if isinstance(place, Merchant):
        return memberships.filter(tier=Tier.MERCHANT, merchant=place).first()
    if isinstance(place, Operator):
        return memberships.filter(tier=Tier.OPERATOR, operator=place).first()
    return memberships.filter(tier=Tier.PLATFORM).first()
