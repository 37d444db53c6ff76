"""Support access: people of the tiers above at work inside a merchant, for a time and a reason."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from zhanggui.accounts import audit, permissions, rights
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import PlaceFrozen, SupportForbidden
from zhanggui.accounts.models import Merchant, Operator, Person, SupportSession, TierState
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotAllowed, NotFound

LENGTHS = (30, 60, 120)
"""Minutes a session may last."""


def right_of(operator: Operator | None) -> str:
    """The right that lets people of a tier give support."""
    return (rights.PLATFORM_SUPPORT if operator is None else rights.OPERATOR_SUPPORT).name


def open_support(
    *,
    merchant: Merchant,
    operator: Operator | None,
    person: Person,
    reason: str,
    minutes: int,
    actor: Actor,
) -> SupportSession:
    """Enter a merchant for a reason and a limited time; the merchant reads it in its audit log.

    A session that is still open is ended first: nobody is inside twice.

    Args:
        merchant: where to.
        operator: whose employee enters; None: the platform's.
        person: who enters.
        reason: in words, for the merchant.
        minutes: one of ``LENGTHS``.
        actor: the same person with device and address.

    Raises:
        NotFound: not a merchant of this operator (E_NOT_FOUND, 404).
        NotAllowed: without the right to give support, or another length (E_NOT_ALLOWED, 403).
        SupportForbidden: the merchant does not allow it (E_SUPPORT_FORBIDDEN, 403).
        PlaceFrozen: nobody works there now (E_FROZEN, 403).
    """
    if operator is not None and merchant.operator_id != operator.pk:
        raise NotFound
    own = permissions.of(person, operator)
    if right_of(operator) not in own or minutes not in LENGTHS:
        raise NotAllowed
    if merchant.state != TierState.ACTIVE:
        raise PlaceFrozen(name=merchant.name)
    now = clock.now()
    session = SupportSession(
        person=person,
        merchant=merchant,
        operator=operator,
        reason=reason,
        starts_at=now,
        ends_at=now + timedelta(minutes=minutes),
    )
    with transaction.atomic():
        # the merchant's row decides between entering and forbidding at the same moment
        locked = Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        if not locked.allows_support:
            raise SupportForbidden(name=merchant.name)
        _end(merchant, actor, person_id=person.pk)
        session.save(force_insert=True)
        details = {"reason": reason, "minutes": minutes}
        _record(session, "accounts.support.opened", actor, details)
    return session


def end_support(*, session: SupportSession, actor: Actor) -> None:
    """End a session at once: its own person leaves, or the merchant shows them out."""
    with transaction.atomic():
        _end(session.merchant, actor, pk=session.pk)


def allow_support(*, merchant: Merchant, allowed: bool, actor: Actor) -> None:
    """Allow or forbid support access; forbidding ends the sessions that are open."""
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, allows_support=not allowed).update(
            allows_support=allowed
        )
        if not changed:
            return
        merchant.allows_support = allowed
        action = "accounts.support.allowed" if allowed else "accounts.support.forbidden"
        with tenancy.merchant_scope(merchant.pk):
            audit.record(actor, action, f"merchant:{merchant.pk}")
        if not allowed:
            _end(merchant, actor)


def current_support(person: Person, slug: str) -> SupportSession | None:
    """The newest session of a person at a merchant, open or over; None: there was none."""
    rows = SupportSession.objects.filter(person=person, merchant__slug=slug)
    return rows.select_related("merchant__operator").order_by("-starts_at", "-pk").first()


def refuse_support(session: SupportSession) -> None:
    """Refuse what the session's own person may no longer do; asked on every request.

    Raises:
        SupportForbidden: the merchant has forbidden it since (E_SUPPORT_FORBIDDEN, 403).
        NotFound: the person gives no support there any more, or the merchant moved away from the
            operator (E_NOT_FOUND, 404).
    """
    merchant = session.merchant
    if not merchant.allows_support:
        raise SupportForbidden(name=merchant.name)
    operator = merchant.operator if session.operator_id is not None else None
    if session.operator_id is not None and merchant.operator_id != session.operator_id:
        raise NotFound
    if operator is not None and operator.state != TierState.ACTIVE:
        raise NotFound
    if right_of(operator) not in permissions.of(session.person, operator):
        raise NotFound


def _end(merchant: Merchant, actor: Actor, **which: int) -> None:
    now = clock.now()
    rows = SupportSession.objects.select_for_update().filter(
        merchant=merchant, ended_at__isnull=True, ends_at__gt=now, **which
    )
    for session in rows.order_by("pk"):
        session.ended_at, session.ended_by_id = now, actor.id
        session.save(update_fields=["ended_at", "ended_by_id"])
        _record(session, "accounts.support.ended", actor)


def _record(
    session: SupportSession, action: str, actor: Actor, details: dict[str, object] | None = None
) -> None:
    target = f"person:{session.person_id}"
    with tenancy.merchant_scope(session.merchant_id):
        audit.record(actor, action, target, details=details)
    there = {"merchant": session.merchant_id} | (details or {})
    audit.record_platform(actor, action, target, details=there)
