"""What confirming a code would do, shown before it is done.

Source: stamps specification D17, D27, D31.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock
from zhanggui.stamps import places, rewards, rules, ways
from zhanggui.stamps.models import Card, Kind, ManagerBinding, Method, StampRecord
from zhanggui.stamps.operations import SUBJECT, kind_of
from zhanggui.stamps.results import CancelChoice, Desk, Preview
from zhanggui.stamps.services import others
from zhanggui.stamps.services.refusing import (
    Refused,
    TakeBack,
    barred,
    counter_of,
    is_open_now,
    no_code,
    note_refusal,
    read_typed,
)

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

PREVIEWED = "stamps.code.previewed"


def preview(*, desk: Desk, digits: str, actor: Actor) -> Preview | others.Seen:
    """Show what confirming a code would do, and hold it for this manager for 60 s (D17).

    Args:
        desk: where the manager works; the scope of its merchant is open.
        digits: as typed or scanned; full width and blanks are folded.
        actor: the manager.

    Raises:
        CodeFormat: not six digits; not counted (E_CODE_FORMAT, 422).
        NotManager: the binding is over (E_NOT_MANAGER, 403).
        Locked: too many wrong codes (E_LOCKED, 429).
        CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld, WrongStore: see ``codes``.
        CardFull, CardState, NothingToCancel, CancelWindow: the card refuses (409); the code
            stays as it was.
    """
    typed = read_typed(digits, desk, actor)
    outcome: Preview | others.Seen | Refused
    try:
        with transaction.atomic():
            outcome = _look(desk, typed, actor)
    except TakeBack as back:
        outcome = Refused(back.refusal, back.code_id)
        note_refusal(desk, actor, outcome)
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


def _look(desk: Desk, typed: ways.Typed, actor: Actor) -> Preview | others.Seen | Refused:
    known = tries.take_turn(person_id=desk.person_id, store_id=desk.store_id)
    is_bound = ManagerBinding.objects.filter(pk=desk.binding_id, removed_at=None).exists()
    refused = barred(known, is_bound=is_bound, is_open=is_open_now(desk))
    if refused is not None:
        raise TakeBack(refused)
    code_id = codes.hold(
        digits=typed.digits, store_id=desk.store_id, person_id=desk.person_id, subject_type=SUBJECT
    )
    if code_id is None:
        other = others.look(desk, typed.digits)
        if other is None:
            return no_code(desk, typed.digits, actor, known)
        if other.refusal is not None:
            raise TakeBack(other.refusal, other.code_id)
        audit.record(actor, PREVIEWED, f"code:{other.code_id}", store_id=desk.store_id)
        return other
    code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
    kind = kind_of(code.operation)
    card = rules.card_of(code.subject_id)
    refusal = rules.why_not(
        card, kind, counter=counter_of(desk), method=typed.method, is_again=True
    )
    if refusal is not None:
        raise TakeBack(refusal, code_id)
    audit.record(
        actor, PREVIEWED, f"code:{code_id}", store_id=desk.store_id, details={"kind": kind}
    )
    return shown(code, kind, card, desk.store_id, typed.method)


def shown(
    code: OneTimeCode, kind: Kind, now: rules.CardNow, store_id: int, method: Method
) -> Preview:
    """What spending a code would do to its card at a store; the rules were asked before."""
    moment, card = clock.now(), now.card
    choices = _choices(card, store_id, moment) if kind is Kind.CANCEL else ()
    first = -choices[0].amount if choices else 1
    held_until = code.held_until or code.expires_at
    place = places.seen(customer_id=card.customer_id, store_id=store_id)
    past = rules.seconds_since_other_way(card, method) if kind is Kind.ACCUMULATE else None
    return Preview(
        code_id=code.pk,
        kind=kind,
        customer_name=masked_name(card.customer.name),
        avatar_url=now.avatar_url(),
        customer_number=card.customer.number,
        programme_name=card.programme.name,
        slots=card.slots,
        before=card.shown,
        after=_after(card, first),
        most=now.most,
        wins=tuple((one["at"] - card.balance, one["name"]) for one in _ahead(card)),
        choices=choices,
        expires_at=code.expires_at,
        held_until=held_until,
        seconds_left=max(0, int((held_until - moment).total_seconds())),
        stamped_s_ago=past,
        stamped_by=str(Method(card.stamped_by).label) if past is not None else "",
        far_m=place.distance_m if place.is_far else None,
    )


def _after(card: Card, change: int) -> int:
    """How many stamps people will see: a full card first, what is over on the next round."""
    count = card.shown + change
    if count < 0 and card.cycle:
        return count + card.slots
    return count if count <= card.slots else count % card.slots


def _ahead(card: Card) -> list[dict[str, Any]]:
    """The rewards that this code may lead to."""
    return [] if card.is_filled else [one for one in card.terms.rewards if one["at"] > card.balance]


def _choices(card: Card, store_id: int, moment: datetime) -> tuple[CancelChoice, ...]:
    found = rules.to_cancel(card.pk, store_id=store_id, moment=moment)
    return tuple(_choice(card, record) for record in found)


def _choice(card: Card, record: StampRecord) -> CancelChoice:
    lost = rewards.falling(card, record.amount)
    return CancelChoice(
        record.pk,
        record.amount,
        record.at,
        record.manager_name,
        tuple(reward.name for reward in lost),
        has_uncouponed=any(reward.coupon_id is None for reward in lost),
    )
