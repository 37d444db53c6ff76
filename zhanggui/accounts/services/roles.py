"""Own roles of a place: made, changed, copied, deleted."""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import OwnMembership, RoleEmpty, RoleInUse, RoleNameTaken
from zhanggui.accounts.models import Invitation, Membership, Role, RoleSet, role_label
from zhanggui.accounts.services.authority import Place, authority_of, membership_of
from zhanggui.accounts.services.memberships import record_at
from zhanggui.core import clock, constraints
from zhanggui.core.errors import NotFound


def create_role(
    *, place: Place, name: str, explanation: str, rights: Collection[str], actor: Actor
) -> RoleSet:
    """Make an own role of a place.

    Raises:
        RoleEmpty: not a single right of this tier (E_ROLE_EMPTY, 422).
        RoleNameTaken: another role is called so, own or preset (E_ROLE_NAME_TAKEN, 409).
        MoreThanOwn: the actor lacks one of the rights (E_MORE_THAN_OWN, 403).
    """
    given = _known_rights(place, rights)
    _refuse_name_of_preset(place, name)
    role = RoleSet(name=name, explanation=explanation, rights=given, **permissions.at(place))
    with transaction.atomic():
        authority_of(actor, place).refuse_more(given)
        constraints.insert(role, RoleNameTaken)
        after = {"name": name, "explanation": explanation, "rights": given}
        record_at(place, actor, "accounts.role.created", f"role:{role.pk}", after=after)
    return role


def edit_role(
    *, role: RoleSet, name: str, explanation: str, rights: Collection[str], actor: Actor
) -> None:
    """Change an own role; it holds for everybody who has it from their next page on.

    Raises:
        RoleEmpty, RoleNameTaken, MoreThanOwn: as ``create_role``; nobody changes a role with more
            rights than they have either.
        OwnMembership: nobody changes the role they have themselves (E_OWN_MEMBERSHIP, 409).
    """
    given = _known_rights(role.place, rights)
    _refuse_name_of_preset(role.place, name)
    with transaction.atomic():
        locked = _lock(role)
        _refuse_own(locked, actor)
        authority_of(actor, locked.place).refuse_more({*given, *_valid(locked)})
        before, after = audit.changed(
            {"name": locked.name, "explanation": locked.explanation, "rights": locked.rights},
            {"name": name, "explanation": explanation, "rights": given},
        )
        if not after:
            return
        locked.name, locked.explanation, locked.rights = name, explanation, given
        try:
            with transaction.atomic():
                locked.save(update_fields=["name", "explanation", "rights"])
        except IntegrityError as error:
            raise RoleNameTaken from error
        target = f"role:{locked.pk}"
        record_at(locked.place, actor, "accounts.role.edited", target, before=before, after=after)


def delete_role(*, role: RoleSet, actor: Actor) -> None:
    """Delete an own role that nobody has and no open invitation gives.

    Raises:
        RoleInUse: says how many people and open invitations (E_ROLE_IN_USE, 409).
        MoreThanOwn: it carries rights the actor lacks (E_MORE_THAN_OWN, 403).
    """
    with transaction.atomic():
        locked = _lock(role)
        authority_of(actor, locked.place).refuse_more(_valid(locked))
        people = Membership.objects.filter(role_set=locked).count()
        invitations = Invitation.objects.filter(role_set=locked)
        waiting = invitations.filter(open_now()).count()
        if people or waiting:
            raise RoleInUse(people=people, invitations=waiting)
        invitations.delete()
        before = {"name": locked.name, "rights": locked.rights}
        target = f"role:{locked.pk}"
        record_at(locked.place, actor, "accounts.role.deleted", target, before=before)
        locked.delete()


def open_now() -> Q:
    """The filter for invitations somebody may still accept."""
    return Q(revoked_at__isnull=True, expires_at__gt=clock.now(), uses__lt=F("max_uses"))


def _lock(role: RoleSet) -> RoleSet:
    rows = RoleSet.objects.select_for_update(of=("self",)).filter(pk=role.pk)
    found = rows.select_related("merchant__operator", "operator").first()
    if found is None:
        raise NotFound
    return found


def _known_rights(place: Place, rights: Collection[str]) -> list[str]:
    names = {permission.name for permission in permissions.known(permissions.tier_of(place))}
    given = sorted(names.intersection(rights))
    if not given:
        raise RoleEmpty
    return given


def _valid(role: RoleSet) -> frozenset[str]:
    # rights of a product that is no longer there carry nothing and are nobody's to lack
    return permissions.of_role(
        Role.CUSTOM, tier=permissions.tier_of(role.place), rights=role.rights
    )


def _refuse_name_of_preset(place: Place, name: str) -> None:
    tier = permissions.tier_of(place)
    taken = {role_label(preset, tier).casefold() for preset in permissions.PRESETS[tier]}
    if name.strip().casefold() in taken:
        raise RoleNameTaken


def _refuse_own(role: RoleSet, actor: Actor) -> None:
    own = membership_of(actor, role.place)
    if own is not None and own.role_set_id == role.pk:
        raise OwnMembership
