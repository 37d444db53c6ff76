"""Merchants and operators frozen, let work again, archived, restored.

A merchant's ``state`` is what holds now. Freezing an operator freezes every merchant it serves
(``shut_by`` says so) and unfreezing it opens exactly these again; ADR 0019 says why.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import (
    ArchivedAlready,
    OperatorHasMerchants,
    OperatorShut,
    PlaceArchived,
    PlaceFrozen,
)
from zhanggui.accounts.models import Membership, Merchant, Operator, Session, ShutBy, TierState
from zhanggui.accounts.services.tiers import lock_merchant, lock_operators, record_merchant
from zhanggui.core import tenancy


def freeze_merchant(*, merchant: Merchant, actor: Actor, reason: str = "") -> None:
    """Shut a merchant's people out at once and refuse new business; customers keep theirs.

    Sessions of people who work nowhere else end; the others lose this back office only.

    Raises:
        ArchivedAlready: it is archived (E_IS_ARCHIVED, 409).
    """
    with transaction.atomic():
        kept = lock_merchant(merchant)
        if kept.state == TierState.ARCHIVED:
            raise ArchivedAlready(name=kept.name)
        if kept.shut_by != ShutBy.ITSELF:
            _put(kept, TierState.FROZEN, ShutBy.ITSELF, reason)
            _end_sessions(Q(merchant=kept))
            _record(kept, "accounts.merchant.frozen", actor, reason)
    _copy(kept, merchant)


def unfreeze_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Let a frozen merchant work again.

    Raises:
        OperatorShut: it was frozen together with its operator (E_OPERATOR_SHUT, 409).
        ArchivedAlready: it is archived (E_IS_ARCHIVED, 409).
    """
    with transaction.atomic():
        kept = lock_merchant(merchant)
        if kept.state == TierState.ARCHIVED:
            raise ArchivedAlready(name=kept.name)
        if kept.shut_by == ShutBy.OPERATOR and kept.operator:
            raise OperatorShut(name=kept.operator.name)
        if kept.state == TierState.FROZEN:
            _open(kept)
            _record(kept, "accounts.merchant.unfrozen", actor)
    _copy(kept, merchant)


def archive_merchant(*, merchant: Merchant, actor: Actor, reason: str = "") -> None:
    """Delete a merchant: out of the lists, shut like a frozen one, its records kept."""
    with transaction.atomic():
        kept = lock_merchant(merchant)
        if kept.state != TierState.ARCHIVED:
            _put(kept, TierState.ARCHIVED, ShutBy.ITSELF, reason)
            _end_sessions(Q(merchant=kept))
            _record(kept, "accounts.merchant.archived", actor, reason)
            hooks.merchant_archived(kept, actor)
    _copy(kept, merchant)


def restore_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Bring an archived merchant back to work.

    Raises:
        OperatorShut: its operator is archived (E_OPERATOR_SHUT, 409).
    """
    with transaction.atomic():
        kept = lock_merchant(merchant)
        if kept.operator and kept.operator.state == TierState.ARCHIVED:
            raise OperatorShut(name=kept.operator.name)
        if kept.state == TierState.ARCHIVED:
            _open(kept)
            _record(kept, "accounts.merchant.restored", actor)
    _copy(kept, merchant)


def freeze_operator(*, operator: Operator, actor: Actor, reason: str = "") -> int:
    """Shut an operator's people out at once, and with them every merchant it serves.

    Raises:
        ArchivedAlready: it is archived (E_IS_ARCHIVED, 409).

    Returns:
        How many merchants were frozen with it.
    """
    with transaction.atomic():
        kept = _lock_operator(operator)
        if kept.state == TierState.ARCHIVED:
            raise ArchivedAlready(name=kept.name)
        if kept.state == TierState.FROZEN:
            return 0
        _put_operator(kept, TierState.FROZEN, reason)
        served = kept.merchants.filter(state=TierState.ACTIVE)
        frozen = _put_all(served, TierState.FROZEN, ShutBy.OPERATOR, reason)
        _end_sessions(Q(operator=kept) | Q(merchant__in=frozen))
        _record_all(frozen, "accounts.merchant.frozen", actor)
        _record_operator(kept, "accounts.operator.frozen", actor, reason, len(frozen))
    operator.state, operator.state_reason = kept.state, kept.state_reason
    return len(frozen)


def unfreeze_operator(*, operator: Operator, actor: Actor) -> int:
    """Let an operator work again, and the merchants that were frozen with it.

    Raises:
        ArchivedAlready: it is archived (E_IS_ARCHIVED, 409).

    Returns:
        How many merchants work again.
    """
    with transaction.atomic():
        kept = _lock_operator(operator)
        if kept.state == TierState.ARCHIVED:
            raise ArchivedAlready(name=kept.name)
        if kept.state == TierState.ACTIVE:
            return 0
        _put_operator(kept, TierState.ACTIVE, "")
        shut = kept.merchants.filter(state=TierState.FROZEN, shut_by=ShutBy.OPERATOR)
        opened = _put_all(shut, TierState.ACTIVE, ShutBy.NOBODY, "")
        _record_all(opened, "accounts.merchant.unfrozen", actor)
        _record_operator(kept, "accounts.operator.unfrozen", actor, "", len(opened))
    operator.state, operator.state_reason = kept.state, kept.state_reason
    return len(opened)


def archive_operator(*, operator: Operator, actor: Actor, reason: str = "") -> None:
    """Delete an operator that serves nobody any more; its records stay.

    Raises:
        OperatorHasMerchants: transfer or archive them first (E_OPERATOR_HAS_MERCHANTS, 409).
    """
    with transaction.atomic():
        kept = _lock_operator(operator)
        if kept.state == TierState.ARCHIVED:
            return
        count = kept.merchants.exclude(state=TierState.ARCHIVED).count()
        if count:
            raise OperatorHasMerchants(count=count)
        _put_operator(kept, TierState.ARCHIVED, reason)
        _end_sessions(Q(operator=kept))
        _record_operator(kept, "accounts.operator.archived", actor, reason, 0)
    operator.state, operator.state_reason = kept.state, kept.state_reason


def restore_operator(*, operator: Operator, actor: Actor) -> None:
    """Bring an archived operator back to work."""
    with transaction.atomic():
        kept = _lock_operator(operator)
        if kept.state != TierState.ARCHIVED:
            return
        _put_operator(kept, TierState.ACTIVE, "")
        _record_operator(kept, "accounts.operator.restored", actor, "", 0)
    operator.state, operator.state_reason = kept.state, kept.state_reason


def refuse_shut(place: Merchant | Operator) -> None:
    """Refuse the people of a place that is not at work; guards and the sign-in ask this first.

    Raises:
        PlaceFrozen: it is frozen (E_FROZEN, 403).
        PlaceArchived: it is archived (E_ARCHIVED, 403).
    """
    _refuse(place, place.state_reason)


def refuse_frozen(merchant: Merchant) -> None:
    """Refuse new business of a merchant that is not at work; services of products ask this first.

    Customers read this, so the reason stays between the shop and who froze it.

    Raises:
        PlaceFrozen, PlaceArchived: as ``refuse_shut``.
    """
    _refuse(merchant, "")


def _refuse(place: Merchant | Operator, reason: str) -> None:
    if place.state == TierState.FROZEN:
        raise PlaceFrozen(name=place.name, reason=reason)
    if place.state == TierState.ARCHIVED:
        raise PlaceArchived(name=place.name, reason=reason)


# -- the steps


def _lock_operator(operator: Operator) -> Operator:
    return lock_operators([operator.pk]).get(pk=operator.pk)


def _put(merchant: Merchant, state: TierState, shut_by: ShutBy, reason: str) -> None:
    merchant.state, merchant.shut_by, merchant.state_reason = state, shut_by, reason
    merchant.save(update_fields=["state", "shut_by", "state_reason"])


def _open(merchant: Merchant) -> None:
    """Let it work, as far as its operator does."""
    if merchant.operator and merchant.operator.state != TierState.ACTIVE:
        _put(merchant, TierState.FROZEN, ShutBy.OPERATOR, merchant.operator.state_reason)
    else:
        _put(merchant, TierState.ACTIVE, ShutBy.NOBODY, "")


def _put_all(
    merchants: QuerySet[Merchant], state: TierState, shut_by: ShutBy, reason: str
) -> list[int]:
    rows = merchants.order_by("pk").select_for_update(no_key=True)
    ids = list(rows.values_list("pk", flat=True))
    Merchant.objects.filter(pk__in=ids).update(state=state, shut_by=shut_by, state_reason=reason)
    return ids


def _put_operator(operator: Operator, state: TierState, reason: str) -> None:
    operator.state, operator.state_reason = state, reason
    operator.save(update_fields=["state", "state_reason"])


def _copy(kept: Merchant, merchant: Merchant) -> None:
    merchant.state, merchant.shut_by = kept.state, kept.shut_by
    merchant.state_reason = kept.state_reason


def _end_sessions(places: Q) -> None:
    """End the sessions of the people of these places who work nowhere else."""
    active = TierState.ACTIVE
    at_work = Membership.objects.filter(person_id=OuterRef("person_id")).filter(
        Q(merchant__state=active)
        | Q(operator__state=active)
        | Q(merchant=None, operator=None)  # the platform
    )
    gone = Membership.objects.filter(places).filter(~Exists(at_work))
    Session.objects.filter(person_id__in=gone.values("person_id")).delete()


def _record(merchant: Merchant, action: str, actor: Actor, reason: str = "") -> None:
    record_merchant(merchant, action, actor, details={"reason": reason} if reason else None)


def _record_all(ids: list[int], action: str, actor: Actor) -> None:
    for pk in ids:
        with tenancy.merchant_scope(pk):
            audit.record(actor, action, f"merchant:{pk}", details={"with": "operator"})


def _record_operator(
    operator: Operator, action: str, actor: Actor, reason: str, merchants: int
) -> None:
    details = {"merchants": merchants} | ({"reason": reason} if reason else {})
    audit.record_platform(actor, action, f"operator:{operator.pk}", details=details)
