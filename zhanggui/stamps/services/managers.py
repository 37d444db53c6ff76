"""Store managers: invited by a QR code, bound by a scan, removed again.

Source: stamps specification R01-R07, D01-D11, 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Person, Store, StoreState
from zhanggui.channels.wechat import services as wechat
from zhanggui.core import clock, constraints, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.stamps.errors import (
    BoundElsewhere,
    InvitationExpired,
    InvitationLimit,
    InvitationPending,
    InvitationRevoked,
    InvitationUsed,
    ManagerLimit,
    NoStaffAccount,
    NotManager,
)
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    PendingState,
)
from zhanggui.stamps.results import Desk, Invited, Scanned
from zhanggui.stamps.services import telling_owners

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

OTHER_STORE = _("another store")
PURPOSE = "stamps.manager_invitation"
VALID_FOR = timedelta(hours=24)
OPEN_AT_MOST = 5
MANAGERS_AT_MOST = 5
PEOPLE_AT_MOST = 5


def invite_manager(*, store: Store, actor: Actor, max_people: int = 1) -> Invited:
    """Make a QR code, valid for 24 hours, by which 1 to 5 people become managers (R01, D02).

    Calls WeChat, so it must not run inside a transaction.

    Raises:
        NoStaffAccount: the platform has no official account (E_NO_STAFF_ACCOUNT, 409).
        InvitationLimit: five QR codes of the store are open (E_QR_LIMIT, 409).
        WechatRefused, WechatUnreachable: WeChat gave no QR code; nothing is left open.
    """
    account = wechat.platform_account()
    if account is None:
        raise NoStaffAccount
    invitation = _open_invitation(store, actor, max(1, min(max_people, PEOPLE_AT_MOST)))
    try:
        scene_code = wechat.create_scene_code(
            account=account,
            purpose=PURPOSE,
            merchant_id=invitation.merchant_id,
            subject_id=invitation.pk,
            expires_in_s=int(VALID_FOR.total_seconds()),
        )
    except DomainError:
        invitation.state = InvitationState.REVOKED
        invitation.save(update_fields=["state"])
        raise
    invitation.scene_code_id = scene_code.pk
    invitation.save(update_fields=["scene_code_id"])
    return Invited(
        invitation_id=invitation.pk,
        url=scene_code.url,
        expires_at=invitation.expires_at,
        binds_at_once_until=invitation.binds_at_once_until,
    )


def _open_invitation(store: Store, actor: Actor, max_people: int) -> ManagerInvitation:
    moment = clock.now()
    with transaction.atomic():
        take_turn(store.pk)
        waiting = ManagerInvitation.objects.filter(
            store=store, state=InvitationState.FRESH, expires_at__gt=moment
        )
        if waiting.count() >= OPEN_AT_MOST:
            raise InvitationLimit(most=OPEN_AT_MOST)
        invitation = ManagerInvitation(
            merchant_id=store.merchant_id,
            store=store,
            scene_code_id=0,  # WeChat is asked after the transaction
            max_people=max_people,
            created_by_id=actor.id or 0,
            created_at=moment,
            expires_at=moment + VALID_FOR,
        )
        invitation.save(force_insert=True)
        audit.record(
            actor,
            "stamps.manager.invited",
            f"manager_invitation:{invitation.pk}",
            store_id=store.pk,
            details={"people": max_people},
        )
    return invitation


def take_turn(store_id: int) -> None:
    """One at a time for a store: its open codes and its managers are counted."""
    turns.take("stamps.managers", tenancy.current_merchant_id(), store_id)


def revoke_invitation(*, invitation_id: int, actor: Actor) -> ManagerInvitation:
    """Withdraw a QR code; later scans are refused (D04).

    Raises:
        NotFound: no such invitation (404).
    """
    with transaction.atomic():
        changed = ManagerInvitation.objects.filter(
            pk=invitation_id, state=InvitationState.FRESH
        ).update(state=InvitationState.REVOKED)
        invitation = invitation_of(invitation_id)
        if changed:
            audit.record(
                actor,
                "stamps.invitation.revoked",
                f"manager_invitation:{invitation_id}",
                store_id=invitation.store_id,
            )
    return invitation


def invitation_of(invitation_id: int) -> ManagerInvitation:
    """An invitation of the open merchant.

    Raises:
        NotFound: there is none (404).
    """
    invitations = ManagerInvitation.objects.select_related("store", "merchant")
    found = invitations.filter(pk=invitation_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class _Late:
    """The scan came later than 30 minutes: it waits for the office."""

    is_new: bool


def accept_scan(
    *, invitation_id: int, person: Person, scanned_at: datetime | None = None
) -> Scanned:
    """Bind whoever scanned; safe to repeat. The scope of the merchant is open.

    Args:
        invitation_id: what the QR code stands for.
        person: who scanned, known by the platform's official account.
        scanned_at: the platform's time of the scan; now when None.

    Raises:
        NotFound: no such invitation (404).
        BoundElsewhere: the person manages another store; the code is kept (409).
        PlaceFrozen: the shop is frozen or archived; the code is kept (E_FROZEN, 403).
        InvitationRevoked, InvitationExpired, InvitationUsed: see the texts (410, 410, 409).
        ManagerLimit: the store has five managers; the code is kept (409).
        InvitationPending: later than 30 minutes: the office must approve (409).
    """
    moment = scanned_at or clock.now()
    outcome: Scanned | _Late
    try:
        with transaction.atomic():
            outcome = _scan(invitation_id, person, moment)
    except IntegrityError as error:
        if constraints.violated(error) != "one_active_binding_per_person":
            raise
        raise _bound_elsewhere(person.pk) from error
    if isinstance(outcome, _Late):
        raise InvitationPending
    return outcome


def _scan(invitation_id: int, person: Person, moment: datetime) -> Scanned | _Late:
    take_turn(invitation_of(invitation_id).store_id)
    invitation = invitation_of(invitation_id)
    store = invitation.store
    bound = active_binding(person.pk)
    if bound is not None and bound.store_id == store.pk:
        return _scanned(invitation, is_new=False)
    if bound is not None:
        raise elsewhere(bound)
    account_services.refuse_frozen(invitation.merchant)
    _check_open(invitation, moment)
    if moment > invitation.binds_at_once_until:
        return _wait_for_approval(invitation, person)
    check_room(store.pk)
    if not use(invitation.pk):
        raise InvitationUsed
    bind(invitation, person, person_actor(person), "stamps.manager.bound")
    hooks.notify_owners(invitation.merchant, telling_owners.bound(store))
    return _scanned(invitation, is_new=True)


def _scanned(invitation: ManagerInvitation, *, is_new: bool) -> Scanned:
    return Scanned(invitation.store.name, invitation.merchant.name, is_new)


def active_binding(person_id: int) -> ManagerBinding | None:
    """Where somebody is a manager now; of any merchant."""
    return ManagerBinding.objects.filter(person_id=person_id, removed_at=None).first()


def _bound_elsewhere(person_id: int) -> DomainError:
    bound = active_binding(person_id)
    return elsewhere(bound) if bound else InvitationUsed()


def elsewhere(bound: ManagerBinding) -> BoundElsewhere:
    """Name the store only inside the own merchant (D05)."""
    if bound.merchant_id != tenancy.current_merchant_id():
        return BoundElsewhere(store=OTHER_STORE)
    name = Store.objects.filter(pk=bound.store_id).values_list("name", flat=True).first()
    return BoundElsewhere(store=name or OTHER_STORE)


def _check_open(invitation: ManagerInvitation, moment: datetime) -> None:
    if invitation.state == InvitationState.REVOKED or invitation.store.state != StoreState.OPEN:
        raise InvitationRevoked
    if invitation.used_count >= invitation.max_people:
        raise InvitationUsed
    if moment >= invitation.expires_at or invitation.state == InvitationState.EXPIRED:
        raise InvitationExpired


def check_room(store_id: int) -> None:
    """Whether a store takes one more manager.

    Raises:
        ManagerLimit: it has five (E_MANAGER_LIMIT, 409).
    """
    if _managers(store_id).count() >= MANAGERS_AT_MOST:
        raise ManagerLimit(most=MANAGERS_AT_MOST)


def _managers(store_id: int) -> Any:
    return ManagerBinding.objects.filter(
        merchant_id=tenancy.current_merchant_id(), store_id=store_id, removed_at=None
    )


def use(invitation_id: int) -> bool:
    """Use the code up by one person; of all who scan at once the row count decides (D07)."""
    is_last = Q(used_count__gte=F("max_people") - 1)
    changed = ManagerInvitation.objects.filter(
        pk=invitation_id, state=InvitationState.FRESH, used_count__lt=F("max_people")
    ).update(
        used_count=F("used_count") + 1,
        state=Case(When(is_last, then=Value("used")), default=F("state")),
    )
    return changed == 1


def _wait_for_approval(invitation: ManagerInvitation, person: Person) -> _Late:
    pending = PendingManager.objects.filter(invitation=invitation, person_id=person.pk).first()
    if pending is not None:
        if pending.state == PendingState.REJECTED:
            raise InvitationRevoked
        return _Late(is_new=False)
    pending = PendingManager(
        merchant_id=invitation.merchant_id,
        invitation=invitation,
        store=invitation.store,
        person_id=person.pk,
        name=person.name,
    )
    pending.save(force_insert=True)
    audit.record(
        person_actor(person),
        "stamps.manager.pending",
        f"manager_invitation:{invitation.pk}",
        store_id=invitation.store_id,
    )
    hooks.notify_owners(invitation.merchant, telling_owners.asks(invitation.store))
    return _Late(is_new=True)


def bind(
    invitation: ManagerInvitation, person: Person, actor: Actor, action: str
) -> ManagerBinding:
    """Make somebody a manager; what an earlier binding at the merchant did today still counts."""
    earlier = ManagerBinding.objects.filter(person=person, merchant_id=invitation.merchant_id)
    last = earlier.exclude(operated_on=None).order_by("-pk").first()
    binding = ManagerBinding.objects.create(
        person=person,
        merchant_id=invitation.merchant_id,
        store_id=invitation.store_id,
        name=person.name,
        operated_on=last.operated_on if last else None,
        operations=last.operations if last else 0,
    )
    audit.record(
        actor,
        action,
        f"manager:{binding.pk}",
        store_id=invitation.store_id,
        details={"invitation": invitation.pk, "person": person.pk},
    )
    return binding


def remove_manager(*, binding_id: int, actor: Actor) -> ManagerBinding:
    """Take a manager's rights away; the next call of an open page is refused (R07, D08).

    Raises:
        NotFound: no manager of this merchant (404).
    """
    binding = ManagerBinding.objects.filter(
        pk=binding_id, merchant_id=tenancy.current_merchant_id()
    ).first()
    if binding is None:
        raise NotFound
    with transaction.atomic():
        unbind(binding, "admin", "stamps.manager.removed", actor)
    return binding


def leave(*, desk: Desk, actor: Actor) -> None:
    """A manager ends the own binding (退出管理, D11).

    Raises:
        NotManager: it had ended before (403).
    """
    binding = ManagerBinding.objects.filter(pk=desk.binding_id, person_id=desk.person_id).first()
    if binding is None:
        raise NotManager
    with transaction.atomic():
        if not unbind(binding, "self", "stamps.manager.left", actor):
            raise NotManager


def unbind(binding: ManagerBinding, by: str, action: str, actor: Actor) -> bool:
    """End a binding; whether it was not over before. ``by`` says who or what ended it."""
    changed = ManagerBinding.objects.filter(pk=binding.pk, removed_at=None).update(
        removed_at=clock.now(), removed_by=by
    )
    if changed:
        audit.record(
            actor,
            action,
            f"manager:{binding.pk}",
            store_id=binding.store_id,
            details={"person": binding.person_id, "by": by},
        )
    return changed == 1
