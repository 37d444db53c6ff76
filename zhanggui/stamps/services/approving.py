"""People who scanned a manager's QR code late: the office lets them in, or turns them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, override

from zhanggui.accounts import audit
from zhanggui.accounts.models import Person, Store
from zhanggui.channels.wechat import messages
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.models import PersonIdentity
from zhanggui.core import clock, constraints
from zhanggui.core.errors import NotFound
from zhanggui.messaging import services as outgoing
from zhanggui.messaging.receivers import Follower
from zhanggui.stamps import told
from zhanggui.stamps.errors import (
    BoundElsewhere,
    InvitationClosed,
    InvitationRevoked,
    InvitationUsed,
)
from zhanggui.stamps.models import InvitationState, ManagerBinding, PendingManager, PendingState
from zhanggui.stamps.services.managers import (
    OTHER_STORE,
    active_binding,
    bind,
    check_room,
    elsewhere,
    invitation_of,
    take_turn,
    use,
)

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def approve_pending(*, pending_id: int, actor: Actor) -> ManagerBinding:
    """The office lets in somebody who scanned late (D03).

    Raises:
        NotFound: no such request (404).
        InvitationClosed: decided before (E_QR_DECIDED, 409).
        InvitationRevoked, InvitationUsed: the QR code is gone meanwhile (410, 409).
        ManagerLimit, BoundElsewhere: as for a scan (409).
    """
    try:
        with transaction.atomic():
            take_turn(_pending(pending_id).store_id)
            pending = _decide(pending_id, PendingState.APPROVED, actor)
            invitation = invitation_of(pending.invitation_id)
            person = Person.objects.get(pk=pending.person_id)
            bound = active_binding(person.pk)
            if bound is not None:
                raise elsewhere(bound)
            if invitation.state == InvitationState.REVOKED:
                raise InvitationRevoked
            check_room(invitation.store_id)
            if not use(invitation.pk):
                raise InvitationUsed
            binding = bind(invitation, person, actor, "stamps.manager.approved")
            _tell(person.pk, binding.pk, invitation.store, is_approved=True)
            return binding
    except IntegrityError as error:
        if constraints.violated(error) != "one_active_binding_per_person":
            raise
        raise BoundElsewhere(store=OTHER_STORE) from error


def reject_pending(*, pending_id: int, actor: Actor) -> PendingManager:
    """The office turns down somebody who scanned late.

    Raises:
        NotFound: no such request (404).
        InvitationClosed: decided before (E_QR_DECIDED, 409).
    """
    with transaction.atomic():
        pending = _decide(pending_id, PendingState.REJECTED, actor)
        audit.record(
            actor,
            "stamps.manager.rejected",
            f"pending:{pending.pk}",
            store_id=pending.store_id,
            details={"person": pending.person_id},
        )
        _tell(pending.person_id, pending.pk, pending.store, is_approved=False)
    return pending


def _tell(person_id: int, subject_id: int, store: Store, *, is_approved: bool) -> None:
    """Answer in the chat in which the late scan was told to wait."""
    account = wechat.platform_account()
    identity = PersonIdentity.objects.filter(account=account, person_id=person_id).first()
    if account is None or identity is None:
        return
    with override(settings.LANGUAGE_CODE):
        if is_approved:
            text = gettext("The shop approved you: you are now a manager of %(store)s.")
            desk = "\n" + messages.link(gettext("Open the manager page"), "/staff/")
        else:
            text = gettext("The shop did not approve you as a manager of %(store)s.")
            desk = ""
        name = messages.plain(f"{store.merchant.name}·{store.name}")
        text = text % {"store": name} + desk
    outgoing.send(
        merchant=store.merchant,
        to=Follower(account.pk, identity.openid, identity.nickname),
        template=told.DECIDED.name,
        data={"answer": text},
        purpose="stamps.manager",
        subject=f"{'binding' if is_approved else 'pending'}:{subject_id}",
    )


def _decide(pending_id: int, state: PendingState, actor: Actor) -> PendingManager:
    changed = PendingManager.objects.filter(pk=pending_id, state=PendingState.WAITING).update(
        state=state, decided_at=clock.now(), decided_by_id=actor.id
    )
    pending = _pending(pending_id)
    if not changed:
        raise InvitationClosed
    return pending


def _pending(pending_id: int) -> PendingManager:
    found = PendingManager.objects.filter(pk=pending_id).first()
    if found is None:
        raise NotFound
    return found
