"""Operators and merchants: taken in, renamed, given to another operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import (
    AddressTaken,
    ArchivedAlready,
    OperatorShut,
    WorksElsewhere,
)
from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    ShutBy,
    TierState,
)
from zhanggui.accounts.permissions import membership_at, of_membership
from zhanggui.accounts.services import slugs
from zhanggui.accounts.services.authority import authority_of
from zhanggui.accounts.services.memberships import NewStaff, add_membership, add_staff
from zhanggui.accounts.services.people import reset_password
from zhanggui.core import tenancy

DISPLAY_NAME_AT_MOST = 40
"""Signs of the name the public sees (U-2)."""


def create_operator(*, name: str, actor: Actor, slug: str = "", form_key: str = "") -> Operator:
    """Take in an operator; without a short name one is made from the name.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
        SentTwice: the form with this key was sent before (E_SENT_TWICE, 409).
    """
    operator = Operator(name=name, slug=slug, form_key=form_key)
    with transaction.atomic():
        slugs.insert(operator, name)
        audit.record_platform(actor, "accounts.operator.created", f"operator:{operator.pk}")
    return operator


def take_in_operator(
    *,
    name: str,
    owner_name: str,
    owner_phone: str,
    actor: Actor,
    slug: str = "",
    form_key: str = "",
) -> tuple[Operator, NewStaff]:
    """Take in an operator together with its first head, or neither.

    Raises:
        AddressTaken, SentTwice, PhoneFormat: as ``create_operator`` and ``add_staff``.
    """
    with transaction.atomic():
        operator = create_operator(name=name, slug=slug, form_key=form_key, actor=actor)
        owner = add_staff(
            place=operator, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return operator, owner


def edit_operator(*, operator: Operator, name: str, slug: str, actor: Actor) -> None:
    """Change what an operator is called and its short name, which its addresses carry.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
    """
    rows = Operator.objects.filter(pk=operator.pk)
    try:
        with transaction.atomic():
            kept = lock_operators([operator.pk]).values("name", "slug").get()
            before, after = audit.changed(kept, {"name": name, "slug": slug})
            if not after:
                return
            rows.update(**after)
            audit.record_platform(
                actor,
                "accounts.operator.edited",
                f"operator:{operator.pk}",
                before=before,
                after=after,
            )
    except IntegrityError as error:
        raise AddressTaken from error
    operator.name, operator.slug = name, slug


def create_merchant(
    *,
    name: str,
    actor: Actor,
    slug: str = "",
    registered_name: str = "",
    operator: Operator | None = None,
    trade: str = "",
    time_zone: str = "Asia/Shanghai",
    form_key: str = "",
) -> Merchant:
    """Take in a merchant under an operator or directly under the platform.

    Args:
        name: what the public sees.
        actor: who takes it in.
        slug: the short name in its addresses; made from the name when not given.
        registered_name: as registered; the name when not given.
        operator: whose merchant it is; None is the platform itself.
        trade: what it does, free text.
        time_zone: where its business days begin.
        form_key: key of the form, so that sending it twice makes one.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
        SentTwice: the form with this key was sent before (E_SENT_TWICE, 409).
        OperatorShut: the operator is frozen or archived (E_OPERATOR_SHUT, 409).
    """
    merchant = Merchant(
        name=name[:DISPLAY_NAME_AT_MOST],
        registered_name=registered_name or name,
        slug=slug,
        operator=operator,
        trade=trade,
        time_zone=time_zone,
        form_key=form_key,
    )
    with transaction.atomic():
        if operator is not None:
            refuse_shut_operator(lock_operators([operator.pk]), operator.pk)
        slugs.insert(merchant, name)
        record_merchant(merchant, "accounts.merchant.created", actor)
        hooks.merchant_created(merchant, actor)
    return merchant


def take_in_merchant(
    *,
    name: str,
    owner_name: str,
    owner_phone: str,
    actor: Actor,
    slug: str = "",
    registered_name: str = "",
    trade: str = "",
    operator: Operator | None = None,
    form_key: str = "",
) -> tuple[Merchant, NewStaff]:
    """Take in a merchant together with its first owner, or neither.

    Raises:
        AddressTaken, SentTwice, OperatorShut, PhoneFormat: as ``create_merchant`` and
            ``add_staff``.
    """
    with transaction.atomic():
        merchant = create_merchant(
            name=name,
            slug=slug,
            registered_name=registered_name,
            trade=trade,
            operator=operator,
            form_key=form_key,
            actor=actor,
        )
        owner = add_staff(
            place=merchant, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return merchant, owner


def take_in_applicant(
    *,
    person: Person,
    registered_name: str,
    actor: Actor,
    trade: str = "",
    operator: Operator | None = None,
) -> Merchant:
    """Take in the merchant of somebody who registered by themselves and becomes its owner.

    Raises:
        OperatorShut: as ``create_merchant``.
    """
    with transaction.atomic():
        merchant = create_merchant(
            name=registered_name, trade=trade, operator=operator, actor=actor
        )
        add_membership(person=person, place=merchant, role=Role.OWNER, actor=actor)
    return merchant


def edit_merchant(*, merchant: Merchant, name: str, trade: str, actor: Actor) -> None:
    """Change what the public sees of a merchant."""
    _edit(merchant, {"name": name, "trade": trade}, "accounts.merchant.edited", actor, {})


def change_registered_name(
    *, merchant: Merchant, registered_name: str, reason: str, actor: Actor
) -> None:
    """Change the name in the register, which the merchant itself cannot (A6, U-2)."""
    wanted = {"registered_name": registered_name}
    _edit(merchant, wanted, "accounts.merchant.registered_name", actor, {"reason": reason})


def transfer_merchant(*, merchant: Merchant, to: Operator | None, actor: Actor) -> None:
    """Give a merchant to another operator, or (None) directly to the platform.

    What had shut it together with its former operator ends with the transfer.

    Raises:
        ArchivedAlready: the merchant is archived (E_IS_ARCHIVED, 409).
        OperatorShut: the new operator is frozen or archived (E_OPERATOR_SHUT, 409).
    """
    with transaction.atomic():
        kept = lock_merchant(merchant, to.pk if to else None)
        if kept.state == TierState.ARCHIVED:
            raise ArchivedAlready(name=kept.name)
        if to is not None:
            refuse_shut_operator(Operator.objects.filter(pk=to.pk), to.pk)
        before = kept.operator_id
        if before == (to.pk if to else None):
            return
        kept.operator = to
        if kept.shut_by == ShutBy.OPERATOR:
            kept.state, kept.shut_by, kept.state_reason = TierState.ACTIVE, ShutBy.NOBODY, ""
        kept.save(update_fields=["operator", "state", "shut_by", "state_reason"])
        record_merchant(
            kept,
            "accounts.merchant.transferred",
            actor,
            before={"operator": before},
            after={"operator": kept.operator_id},
        )
    merchant.operator, merchant.state = kept.operator, kept.state
    merchant.shut_by, merchant.state_reason = kept.shut_by, kept.state_reason


def reset_owner_password(*, owner: Membership, operator: Operator | None, actor: Actor) -> str:
    """Give an owner or a head a new initial password, answered once; all their sessions end.

    Args:
        owner: whose password.
        operator: the operator that acts; None is the platform, which may do so for everybody.
        actor: who acts.

    Raises:
        WorksElsewhere: an operator may not open the other places of a person
            (E_WORKS_ELSEWHERE, 409).
        OwnerOnly, MoreThanOwn: the person has more rights at the platform than the actor (403).
    """
    person = owner.person
    at_platform = membership_at(person, None)
    if operator is None and at_platform is not None:
        authority_of(actor, None).refuse_more(
            of_membership(at_platform), owner=at_platform.role == Role.OWNER
        )
    if operator is not None:
        elsewhere = Membership.objects.filter(person=person).exclude(merchant__operator=operator)
        if elsewhere.exists():
            raise WorksElsewhere(name=person.name)
    return reset_password(person=person, actor=actor)


# -- what the steps share


def lock_operators(ids: list[int]) -> QuerySet[Operator]:
    """Hold operators to the end of the transaction, in one order; always before merchants."""
    rows = Operator.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    len(rows)
    return rows


def lock_merchant(merchant: Merchant, *more_operators: int | None) -> Merchant:
    """Hold a merchant, and before it its operator, so that neither is frozen in between."""
    while True:
        row = Merchant.objects.values("operator_id").get(pk=merchant.pk)
        wanted = {row["operator_id"], *more_operators}
        lock_operators([pk for pk in wanted if pk is not None])
        kept = Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        if kept.operator_id == row["operator_id"]:
            return kept


def refuse_shut_operator(rows: QuerySet[Operator], pk: int) -> None:
    """Refuse what an operator that is not at work cannot do.

    Raises:
        OperatorShut: frozen or archived (E_OPERATOR_SHUT, 409).
    """
    operator = rows.get(pk=pk)
    if operator.state != TierState.ACTIVE:
        raise OperatorShut(name=operator.name)


def record_merchant(
    merchant: Merchant,
    action: str,
    actor: Actor,
    *,
    details: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write what happened to a merchant into its own log and into the installation's."""
    target = f"merchant:{merchant.pk}"
    with tenancy.merchant_scope(merchant.pk):
        audit.record(actor, action, target, details=details, before=before, after=after)
    audit.record_platform(actor, action, target, details=details, before=before, after=after)


def _edit(
    merchant: Merchant,
    wanted: dict[str, str],
    action: str,
    actor: Actor,
    details: dict[str, str],
) -> None:
    rows = Merchant.objects.filter(pk=merchant.pk)
    with transaction.atomic():
        kept = rows.select_for_update(no_key=True).values(*wanted).get()
        before, after = audit.changed(kept, wanted)
        if not after:
            return
        rows.update(**after)
        record_merchant(merchant, action, actor, details=details, before=before, after=after)
    for field, value in after.items():
        setattr(merchant, field, value)
