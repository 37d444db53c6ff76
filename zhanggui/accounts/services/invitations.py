"""Invitations by link: made, renewed, taken back, accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F
from django.urls import Resolver404, resolve

from zhanggui.accounts import permissions, rights
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.errors import (
    AlreadyMember,
    InvitationExpired,
    InvitationRevoked,
    InvitationSent,
    InvitationUnknown,
    InvitationUsed,
    InvitationVoid,
    PlaceFrozen,
)
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
from zhanggui.accounts.services.authority import Place, authority_of, hold_role, rights_of
from zhanggui.accounts.services.memberships import (
    insert_membership,
    record_at,
    refuse_beyond_plan,
)
from zhanggui.accounts.services.roles import open_now
from zhanggui.core import clock, constraints, tokens
from zhanggui.core.errors import DomainError, NotAllowed

LASTS = timedelta(hours=24)
MOST_USES = 20


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation with its token, which is answered once and kept nowhere."""

    invitation: Invitation
    token: str


def invite(
    *,
    place: Place,
    role: Role,
    inviter: Person,
    actor: Actor,
    role_set: RoleSet | None = None,
    note: str = "",
    lasts: timedelta = LASTS,
    max_uses: int = 1,
    form_key: str = "",
) -> NewInvitation:
    """Make a link that turns whoever accepts it into a colleague; an owner's is for one person.

    Raises:
        OwnerOnly, MoreThanOwn: the actor gives more than they have (403).
        PlanLimit: the merchant's plan has no room for one more (E_PLAN_LIMIT, 409).
        InvitationSent: the form was sent before; its link was shown then (E_INVITATION_SENT, 409).
    """
    token = tokens.new_token()
    now = clock.now()
    invitation = Invitation(
        role=role,
        role_set=role_set,
        token_digest=tokens.digest(token),
        note=note,
        invited_by=inviter,
        form_key=form_key,
        created_at=now,
        expires_at=now + lasts,
        max_uses=1 if role == Role.OWNER else min(max(max_uses, 1), MOST_USES),
        **permissions.at(place),
    )
    with transaction.atomic():
        hold_role(role_set, place)
        _refuse_more(invitation, actor)
        refuse_beyond_plan(place)
        constraints.insert(invitation, InvitationSent)
        _record(invitation, "accounts.invitation.created", actor)
    return NewInvitation(invitation, token)


def renew_invitation(*, invitation: Invitation, inviter: Person, actor: Actor) -> NewInvitation:
    """Make a new link for an invitation nobody has accepted yet; the old link stops working.

    Raises:
        InvitationUsed, InvitationRevoked: there is nothing to renew (410).
        OwnerOnly, MoreThanOwn: the actor gives more than they have (403).
    """
    token = tokens.new_token()
    with transaction.atomic():
        locked = _lock(invitation)
        if locked.revoked_at is not None:
            raise InvitationRevoked(name=locked.invited_by.name)
        if locked.is_used_up:
            raise InvitationUsed(name=locked.invited_by.name)
        _refuse_more(locked, actor)
        lasts = locked.expires_at - locked.created_at
        locked.token_digest = tokens.digest(token)
        locked.created_at = clock.now()
        locked.expires_at = locked.created_at + lasts
        locked.invited_by = inviter  # whoever makes the link answers for it
        locked.save(update_fields=["token_digest", "created_at", "expires_at", "invited_by"])
        _record(locked, "accounts.invitation.renewed", actor)
    return NewInvitation(locked, token)


def revoke_invitation(*, invitation: Invitation, actor: Actor) -> None:
    """Take an invitation back; its link stops working at once. Twice is once.

    Raises:
        OwnerOnly, MoreThanOwn: it gives more than the actor has (403).
    """
    with transaction.atomic():
        _refuse_more(invitation, actor)
        rows = Invitation.objects.filter(open_now(), pk=invitation.pk)
        if rows.update(revoked_at=clock.now()):
            _record(invitation, "accounts.invitation.revoked", actor)


def find_invitation(token: str) -> Invitation:
    """The invitation of a link, as long as somebody may accept it.

    Raises:
        InvitationUnknown: no such link (E_INVITATION_UNKNOWN, 404).
        InvitationRevoked, InvitationUsed, InvitationExpired: it is over (410).
        PlaceFrozen: nobody may work there now (E_FROZEN, 403).
        InvitationVoid: who invited may not any more (E_INVITATION_VOID, 410).
    """
    known = Invitation.objects.select_related(
        "merchant__operator", "operator", "role_set", "invited_by"
    )
    invitation = known.filter(token_digest=tokens.digest(token)).first()
    if invitation is None:
        raise InvitationUnknown
    over = _why_over(invitation)
    if over is not None:
        raise over(name=invitation.invited_by.name)
    place = invitation.place
    if place is not None and place.state != TierState.ACTIVE:
        raise PlaceFrozen(name=place.name)
    try:
        _refuse_more(invitation, person_actor(invitation.invited_by))
    except DomainError:
        raise InvitationVoid(name=invitation.invited_by.name) from None
    return invitation


def inviting_operator(path: str) -> Operator | None:
    """The operator whose invitation (or whose merchant's) is behind a local address; else None."""
    try:
        found = resolve(urlsplit(path).path)
        is_invitation = found.view_name == "accounts:invited"
        place = find_invitation(found.kwargs["token"]).place if is_invitation else None
    except (Resolver404, DomainError):
        return None
    return place.operator if isinstance(place, Merchant) else place


def accept_invitation(*, token: str, person: Person, actor: Actor) -> Membership:
    """Become a colleague; of two who accept the last place at the same moment one does.

    Raises:
        AlreadyMember: the person works there already; the link stays usable
            (E_ALREADY_MEMBER, 409).
        InvitationUnknown and the others: as ``find_invitation``.
    """
    with transaction.atomic():
        invitation = find_invitation(token)
        hold_role(invitation.role_set, invitation.place)
        taken = Invitation.objects.filter(open_now(), pk=invitation.pk).update(uses=F("uses") + 1)
        if not taken:
            invitation.refresh_from_db()
            raise (_why_over(invitation) or InvitationUsed)(name=invitation.invited_by.name)
        if permissions.membership_at(person, invitation.place) is not None:
            raise AlreadyMember
        return insert_membership(
            person=person,
            place=invitation.place,
            role=Role(invitation.role),
            role_set=invitation.role_set,
            invitation=invitation,
            actor=actor,
        )


def _why_over(invitation: Invitation) -> type[DomainError] | None:
    if invitation.revoked_at is not None:
        return InvitationRevoked
    if invitation.is_used_up:
        return InvitationUsed
    return InvitationExpired if invitation.expires_at <= clock.now() else None


def _refuse_more(invitation: Invitation, actor: Actor) -> None:
    place = invitation.place
    authority = authority_of(actor, place)
    right = rights.MANAGE_STAFF_OF[permissions.tier_of(place)].name
    if not authority.is_owner and right not in authority.rights:
        raise NotAllowed
    given = rights_of(Role(invitation.role), invitation.role_set, place)
    authority.refuse_more(given, owner=invitation.role == Role.OWNER)


def _lock(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation.pk)
    return rows.select_related("merchant__operator", "operator", "role_set", "invited_by").get()


def _record(invitation: Invitation, action: str, actor: Actor) -> None:
    role = invitation.role_set.name if invitation.role_set else invitation.role
    after = {
        "role": role,
        "max_uses": invitation.max_uses,
        "expires_at": invitation.expires_at.isoformat(),
    }
    record_at(invitation.place, actor, action, f"invitation:{invitation.pk}", after=after)
