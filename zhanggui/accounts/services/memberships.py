"""Memberships: who may work where, as what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from zhanggui.accounts import audit, permissions, phones
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import AlreadyMember, LastOwner, OwnerOnly, OwnMembership
from zhanggui.accounts.models import (
    ActorKind,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    Tier,
    TierState,
)
from zhanggui.accounts.services.people import create_person, new_password
from zhanggui.accounts.services.sessions import end_sessions
from zhanggui.core import constraints, tenancy
from zhanggui.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Who was added; ``initial_password`` only for a new person, shown once and never again."""

    membership: Membership
    initial_password: str


def add_staff(
    *,
    place: Merchant | Operator | None,
    name: str,
    phone: str,
    role: Role,
    actor: Actor,
    rights: Collection[str] = (),
) -> NewStaff:
    """Add somebody by phone: a known person is linked, a new one gets an initial password.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        AlreadyMember: works there already (E_ALREADY_MEMBER, 409).
    """
    number = phones.parse(phone)
    with transaction.atomic():
        person = Person.objects.by_phone(number)
        password = ""
        if person is None:
            password = new_password()
            person = create_person(name=name, phone=number, password=password, actor=actor)
        membership = add_membership(
            person=person, place=place, role=role, actor=actor, rights=rights
        )
    return NewStaff(membership, password)


def add_membership(
    *,
    person: Person,
    place: Merchant | Operator | None,
    role: Role,
    actor: Actor,
    rights: Collection[str] = (),
) -> Membership:
    """Give a person a role at a merchant, at an operator, or (None) at the platform.

    Raises:
        AlreadyMember: the person has a role there (E_ALREADY_MEMBER, 409).
        OwnerOnly: a colleague gives more than they have (E_OWNER_ONLY, 403).
    """
    membership = Membership(
        person=person,
        tier=_tier_of(place),
        merchant=place if isinstance(place, Merchant) else None,
        operator=place if isinstance(place, Operator) else None,
        role=role,
        rights=sorted(rights) if role == Role.CUSTOM else [],
    )
    with transaction.atomic():
        _refuse_giving_more(membership, role, rights, actor)
        constraints.insert(membership, AlreadyMember)
        _record_membership(membership, "accounts.membership.added", actor, {"role": role})
    return membership


def change_role(
    *, membership: Membership, role: Role, actor: Actor, rights: Collection[str] = ()
) -> None:
    """Give a member another role.

    Raises:
        OwnMembership: nobody changes their own role (E_OWN_MEMBERSHIP, 409).
        OwnerOnly: only owners make or unmake owners, and nobody gives more than they have
            (E_OWNER_ONLY, 403).
        LastOwner: the place would have no owner (E_LAST_OWNER, 409).
    """
    if actor.key == f"person:{membership.person_id}":
        raise OwnMembership
    with transaction.atomic():
        locked = _lock(membership)
        _refuse_touching_owners(locked, role, actor)
        _refuse_giving_more(locked, role, rights, actor)
        before = {"role": locked.role, "rights": locked.rights}
        locked.role = role
        locked.rights = sorted(rights) if role == Role.CUSTOM else []
        locked.save(update_fields=["role", "rights"])
        details = {"before": before, "after": {"role": role, "rights": locked.rights}}
        _record_membership(locked, "accounts.membership.changed", actor, details)
    membership.role, membership.rights = locked.role, locked.rights


def remove_membership(*, membership: Membership, actor: Actor) -> None:
    """Take a person's role away; the person's sessions end at once.

    Raises:
        OwnerOnly: only owners remove owners (E_OWNER_ONLY, 403).
        LastOwner: the last owner of a place stays (E_LAST_OWNER, 409).
    """
    with transaction.atomic():
        locked = _lock(membership)
        _refuse_touching_owners(locked, None, actor)
        _record_membership(locked, "accounts.membership.removed", actor, {"role": locked.role})
        end_sessions(locked.person)
        locked.delete()


def _colleagues(membership: Membership) -> QuerySet[Membership]:
    """All memberships of the same place."""
    same = Membership.objects.filter(tier=membership.tier)
    if membership.merchant_id is not None:
        return same.filter(merchant_id=membership.merchant_id)
    if membership.operator_id is not None:
        return same.filter(operator_id=membership.operator_id)
    return same


def _lock(membership: Membership) -> Membership:
    # everybody of the place is locked in one order, so that two removals cannot cross
    rows = _colleagues(membership).select_for_update(of=("self",)).order_by("pk")
    found = next((row for row in rows.select_related("person") if row.pk == membership.pk), None)
    if found is None:
        raise NotFound
    return found


def _refuse_touching_owners(membership: Membership, role: Role | None, actor: Actor) -> None:
    colleagues = _colleagues(membership)
    if Role.OWNER in {membership.role, role} and actor.kind == ActorKind.PERSON:
        acting = colleagues.filter(person_id=actor.id or 0).first()
        if acting is not None and acting.role != Role.OWNER:
            raise OwnerOnly
    loses_owner = membership.role == Role.OWNER and role != Role.OWNER
    if loses_owner and not colleagues.filter(role=Role.OWNER).exclude(pk=membership.pk).exists():
        raise LastOwner


def _refuse_giving_more(
    membership: Membership, role: Role, rights: Collection[str], actor: Actor
) -> None:
    if actor.kind != ActorKind.PERSON:
        return
    acting = _colleagues(membership).filter(person_id=actor.id or 0).first()
    if acting is None or acting.role == Role.OWNER:
        return
    given = permissions.of_role(role, tier=Tier(membership.tier), rights=rights)
    if role == Role.OWNER or not given <= permissions.of_membership(acting):
        raise OwnerOnly


def _tier_of(place: Merchant | Operator | None) -> Tier:
    if isinstance(place, Merchant):
        return Tier.MERCHANT
    return Tier.OPERATOR if isinstance(place, Operator) else Tier.PLATFORM


def _record_membership(
    membership: Membership, action: str, actor: Actor, details: dict[str, Any]
) -> None:
    target = f"person:{membership.person_id}"
    if membership.merchant_id is not None:
        with tenancy.merchant_scope(membership.merchant_id):
            audit.record(actor, action, target, details=details)
    else:
        audit.record_platform(actor, action, target, details=details)


def working_places(person: Person) -> list[Membership]:
    """Where a person may work now: memberships whose place is not frozen."""
    found = Membership.objects.filter(person=person).select_related("merchant", "operator")
    return [membership for membership in found if not is_frozen(membership)]


def is_frozen(membership: Membership) -> bool:
    """Whether the place of a membership is frozen."""
    place = membership.merchant or membership.operator
    return place is not None and place.state == TierState.FROZEN
