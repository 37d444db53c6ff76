"""Memberships: who may work where, as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, permissions, phones, standing
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import AlreadyMember, LastOwner, OwnMembership
from zhanggui.accounts.models import (
    Invitation,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    RoleSet,
    TierState,
)
from zhanggui.accounts.services.authority import (
    Authority,
    Place,
    authority_of,
    hold_role,
    membership_of,
    rights_of,
)
from zhanggui.accounts.services.people import create_person, new_password
from zhanggui.accounts.services.sessions import end_sessions
from zhanggui.core import constraints, tenancy
from zhanggui.core.errors import NotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Who was added; ``initial_password`` only for a new person, shown once and never again."""

    membership: Membership
    initial_password: str


def add_staff(*, place: Place, name: str, phone: str, role: Role, actor: Actor) -> NewStaff:
    """Add the first owner of a place by phone; everybody else is invited and agrees.

    A known person is linked, a new one gets an initial password.

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
        membership = add_membership(person=person, place=place, role=role, actor=actor)
    return NewStaff(membership, password)


def add_membership(
    *, person: Person, place: Place, role: Role, actor: Actor, role_set: RoleSet | None = None
) -> Membership:
    """Give a person a role at a merchant, at an operator, or (None) at the platform.

    Raises:
        AlreadyMember: the person has a role there (E_ALREADY_MEMBER, 409).
        OwnerOnly, MoreThanOwn: the actor gives more than they have (403).
    """
    with transaction.atomic():
        hold_role(role_set, place)
        authority = authority_of(actor, place)
        authority.refuse_more(rights_of(role, role_set, place), owner=role == Role.OWNER)
        return insert_membership(
            person=person, place=place, role=role, role_set=role_set, actor=actor
        )


def insert_membership(
    *,
    person: Person,
    place: Place,
    role: Role,
    role_set: RoleSet | None,
    actor: Actor,
    invitation: Invitation | None = None,
) -> Membership:
    """Write a membership whose giver was checked before, inside the caller's transaction.

    Raises:
        AlreadyMember: the person has a role there (E_ALREADY_MEMBER, 409).
        PlanLimit: the merchant's plan has no room for one more (E_PLAN_LIMIT, 409).
    """
    if isinstance(place, Merchant):
        standing.hold(place.pk)
        refuse_beyond_plan(place)
    membership = Membership(
        person=person, role=role, role_set=role_set, invitation=invitation, **permissions.at(place)
    )
    constraints.insert(membership, AlreadyMember)
    after = {"role": _role_of(membership)}
    _record_membership(membership, "accounts.membership.added", actor, after=after)
    return membership


def refuse_beyond_plan(place: Place) -> None:
    """Refuse one more person than the merchant's plan has room for.

    Raises:
        PlanLimit: there is no room (E_PLAN_LIMIT, 409).
    """
    if isinstance(place, Merchant):
        present = permissions.members_of(place).count()
        standing.refuse_beyond(place, "staff", has=present, what=_("Staff"))


def change_role(
    *, membership: Membership, role: Role, actor: Actor, role_set: RoleSet | None = None
) -> None:
    """Give a member another role; it holds from their next page on.

    Raises:
        OwnMembership: nobody changes their own role (E_OWN_MEMBERSHIP, 409).
        OwnerOnly, MoreThanOwn: nobody gives or takes more than they have (403).
        LastOwner: the place would have no owner (E_LAST_OWNER, 409).
    """
    if actor.key == f"person:{membership.person_id}":
        raise OwnMembership
    with transaction.atomic():
        locked = _lock(membership)
        hold_role(role_set, locked.place)
        authority = _authority_over(locked, actor)
        authority.refuse_more(
            rights_of(role, role_set, locked.place), owner=Role.OWNER in {locked.role, role}
        )
        if role != Role.OWNER:
            _refuse_last_owner(locked)
        before = {"role": _role_of(locked)}
        locked.role, locked.role_set = role, role_set
        locked.save(update_fields=["role", "role_set"])
        after = {"role": _role_of(locked)}
        if before != after:
            _record_membership(
                locked, "accounts.membership.changed", actor, before=before, after=after
            )
    membership.role, membership.role_set = locked.role, locked.role_set


def remove_membership(*, membership: Membership, actor: Actor) -> None:
    """Take a person's role away, or leave; the person's sessions end at once, on all devices.

    Raises:
        OwnerOnly, MoreThanOwn: nobody removes somebody with more rights (403).
        LastOwner: the last owner of a place stays (E_LAST_OWNER, 409).
    """
    with transaction.atomic():
        locked = _lock(membership)
        is_leaving = actor.key == f"person:{locked.person_id}"
        if not is_leaving:
            _authority_over(locked, actor)
        _refuse_last_owner(locked)
        action = "accounts.membership.left" if is_leaving else "accounts.membership.removed"
        _record_membership(locked, action, actor, before={"role": _role_of(locked)})
        end_sessions(locked.person)
        locked.delete()


def hand_over_ownership(*, membership: Membership, own_role: Role, actor: Actor) -> None:
    """Make a colleague an owner and step back to another role, both or neither.

    Raises:
        NotAllowed: the actor is no owner there (E_NOT_ALLOWED, 403).
        OwnMembership: to oneself (E_OWN_MEMBERSHIP, 409).
    """
    if actor.key == f"person:{membership.person_id}":
        raise OwnMembership
    with transaction.atomic():
        heir = _lock(membership)
        own = membership_of(actor, heir.place)
        if own is None or own.role != Role.OWNER or own_role == Role.CUSTOM:
            raise NotAllowed
        steps = ((heir, Role.OWNER), (own, own_role))
        for member, role in steps:
            before = {"role": _role_of(member)}
            member.role, member.role_set = role, None
            member.save(update_fields=["role", "role_set"])
            _record_membership(
                member,
                "accounts.membership.handed_over",
                actor,
                before=before,
                after={"role": _role_of(member)},
            )


def _lock(membership: Membership) -> Membership:
    # everybody of the place is locked in one order, so that two removals cannot cross
    colleagues = permissions.members_of(membership.place)
    rows = colleagues.select_for_update(of=("self",)).order_by("pk")
    known = rows.select_related("person", "role_set", "merchant__operator", "operator")
    found = next((row for row in known if row.pk == membership.pk), None)
    if found is None:
        raise NotFound
    return found


def _authority_over(membership: Membership, actor: Actor) -> Authority:
    """What the actor holds, once it is clear that the member does not hold more.

    Asked after the lock: somebody who was removed a moment ago has no say any more.
    """
    authority = authority_of(actor, membership.place)
    authority.refuse_more(
        permissions.of_membership(membership), owner=membership.role == Role.OWNER
    )
    return authority


def _refuse_last_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = permissions.members_of(membership.place).exclude(pk=membership.pk)
    if not others.filter(role=Role.OWNER).exists():
        raise LastOwner


def _role_of(membership: Membership) -> str:
    # an own role is kept by name: the log outlives the role
    return membership.role_set.name if membership.role_set is not None else membership.role


def _record_membership(
    membership: Membership,
    action: str,
    actor: Actor,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record_at(
        membership.place,
        actor,
        action,
        f"person:{membership.person_id}",
        before=before,
        after=after,
    )


def record_at(
    place: Place,
    actor: Actor,
    action: str,
    target: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write an audit entry into the log of the place: the merchant's, else the installation's."""
    if isinstance(place, Merchant):
        with tenancy.merchant_scope(place.pk):
            audit.record(actor, action, target, before=before, after=after)
        return
    details = {"operator": place.pk} if isinstance(place, Operator) else None
    audit.record_platform(actor, action, target, details=details, before=before, after=after)


def working_places(person: Person) -> list[Membership]:
    """Where a person may work now: memberships whose place is not frozen."""
    found = Membership.objects.filter(person=person).select_related("merchant", "operator")
    return [membership for membership in found if not is_frozen(membership)]


def is_frozen(membership: Membership) -> bool:
    """Whether the place of a membership is frozen, or archived."""
    place = membership.merchant or membership.operator
    return place is not None and place.state != TierState.ACTIVE
