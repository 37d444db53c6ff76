"""Operators and merchants: taken in, frozen, let work again."""

from __future__ import annotations

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import AddressTaken, PlaceFrozen
from zhanggui.accounts.models import Merchant, Operator, Person, Role, TierState
from zhanggui.accounts.services.memberships import NewStaff, add_staff, working_places
from zhanggui.accounts.services.sessions import end_sessions
from zhanggui.core import constraints, tenancy


def create_operator(*, name: str, slug: str, actor: Actor) -> Operator:
    """Take in an operator.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
    """
    operator = Operator(name=name, slug=slug)
    with transaction.atomic():
        constraints.insert(operator, AddressTaken)
        audit.record_platform(actor, "accounts.operator.created", f"operator:{operator.pk}")
    return operator


def take_in_operator(
    *, name: str, slug: str, owner_name: str, owner_phone: str, actor: Actor
) -> tuple[Operator, NewStaff]:
    """Take in an operator together with its first owner, or neither.

    Raises:
        AddressTaken, PhoneFormat: as ``create_operator`` and ``add_staff``.
    """
    with transaction.atomic():
        operator = create_operator(name=name, slug=slug, actor=actor)
        owner = add_staff(
            place=operator, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return operator, owner


def create_merchant(
    *,
    name: str,
    slug: str,
    actor: Actor,
    operator: Operator | None = None,
    trade: str = "",
    time_zone: str = "Asia/Shanghai",
) -> Merchant:
    """Take in a merchant under an operator or directly under the platform.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
        PlaceFrozen: the operator is frozen (E_FROZEN, 403).
    """
    if operator is not None and operator.state == TierState.FROZEN:
        raise PlaceFrozen(name=operator.name)
    merchant = Merchant(name=name, slug=slug, operator=operator, trade=trade, time_zone=time_zone)
    with transaction.atomic():
        constraints.insert(merchant, AddressTaken)
        with tenancy.merchant_scope(merchant.pk):
            audit.record(actor, "accounts.merchant.created", f"merchant:{merchant.pk}")
        audit.record_platform(actor, "accounts.merchant.created", f"merchant:{merchant.pk}")
    return merchant


def take_in_merchant(
    *,
    name: str,
    slug: str,
    owner_name: str,
    owner_phone: str,
    actor: Actor,
    trade: str = "",
    operator: Operator | None = None,
) -> tuple[Merchant, NewStaff]:
    """Take in a merchant together with its first owner, or neither.

    Raises:
        AddressTaken, PlaceFrozen, PhoneFormat: as ``create_merchant`` and ``add_staff``.
    """
    with transaction.atomic():
        merchant = create_merchant(
            name=name, slug=slug, trade=trade, operator=operator, actor=actor
        )
        owner = add_staff(
            place=merchant, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return merchant, owner


def freeze_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Shut a merchant's people out at once and refuse new business; customers keep theirs.

    Sessions of people who work nowhere else end; the others lose this back office only.
    """
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, state=TierState.ACTIVE).update(
            state=TierState.FROZEN
        )
        if not changed:
            return
        merchant.state = TierState.FROZEN
        members = Person.objects.filter(memberships__merchant=merchant)
        for person in members:
            if not working_places(person):
                end_sessions(person)
        _record_state(merchant, "accounts.merchant.frozen", actor)


def unfreeze_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Let a frozen merchant work again."""
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, state=TierState.FROZEN).update(
            state=TierState.ACTIVE
        )
        if not changed:
            return
        merchant.state = TierState.ACTIVE
        _record_state(merchant, "accounts.merchant.unfrozen", actor)


def refuse_frozen(merchant: Merchant) -> None:
    """Refuse new business of a frozen merchant; services of products ask this first.

    Raises:
        PlaceFrozen: it is frozen (E_FROZEN, 403).
    """
    if merchant.state == TierState.FROZEN:
        raise PlaceFrozen(name=merchant.name)


def _record_state(merchant: Merchant, action: str, actor: Actor) -> None:
    with tenancy.merchant_scope(merchant.pk):
        audit.record(actor, action, f"merchant:{merchant.pk}")
    audit.record_platform(actor, action, f"merchant:{merchant.pk}")
