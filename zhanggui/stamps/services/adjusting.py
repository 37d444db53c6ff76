"""Stamps that the office gives or takes by hand: with a reason, large ones by two people (D38).

Source: stamps specification D38, 5.6 (manual).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Unit
from zhanggui.stamps import rules
from zhanggui.stamps.errors import (
    AdjustmentDecided,
    AdjustmentTooFar,
    AmountRefused,
    CardFull,
    CardState,
    ReasonMissing,
    SecondPerson,
)
from zhanggui.stamps.models import Adjustment, AdjustmentState, Card, EventKind
from zhanggui.stamps.models import CardState as State
from zhanggui.stamps.services import cycles, telling
from zhanggui.stamps.services.cycles import Place
from zhanggui.stamps.services.shop_limits import limits

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

MOST = 100
LONGEST_REASON = 200
ADJUSTED = "stamps.adjusted"


def adjust(*, card_id: int, amount: int, reason: str, actor: Actor) -> Adjustment:
    """Give (+) or take (-) stamps by hand; above the shop's limits a second person must approve.

    Args:
        card_id: of the merchant in scope.
        amount: not 0, at most 100 either way.
        reason: kept with the entry.
        actor: a person of the office.

    Raises:
        NotFound: no such card (404).
        AmountRefused: 0, or more than 100 (E_AMOUNT, 422).
        ReasonMissing: no reason (E_REASON, 422).
        CardState, CardFull, AdjustmentTooFar: the card cannot take it (409).
    """
    words = reason.strip()[:LONGEST_REASON]
    if not words:
        raise ReasonMissing
    if not 1 <= abs(amount) <= MOST:
        raise AmountRefused(most=MOST)
    with transaction.atomic():
        card = _locked(card_id)
        _check(card, amount)
        row = Adjustment(
            card=card,
            amount=amount,
            reason=words,
            asked_by_id=actor.id or 0,
            asked_by=actor.name[:80],
        )
        is_small = _is_small(card, amount)
        if is_small:
            row.state, row.decided_at = AdjustmentState.DONE, clock.now()
        row.save(force_insert=True)
        if is_small:
            _book(row, card, actor)
        action = "stamps.adjustment.booked" if is_small else "stamps.adjustment.asked"
        audit.record(actor, action, f"adjustment:{row.pk}", details=_facts(row))
    return row


def approve(*, adjustment_id: int, actor: Actor) -> Adjustment:
    """A second person lets an adjustment happen.

    Raises:
        NotFound: no such adjustment (404).
        SecondPerson: the one who asked for it (E_SECOND_PERSON, 403).
        AdjustmentDecided: a colleague was faster (E_ADJUST_DECIDED, 409).
        CardState, CardFull, AdjustmentTooFar: the card cannot take it any more (409).
    """
    with transaction.atomic():
        row = _waiting(adjustment_id, actor)
        card = _locked(row.card_id)
        _check(card, row.amount)
        _decide(row, AdjustmentState.DONE, actor, "")
        _book(row, card, actor)
        audit.record(
            actor, "stamps.adjustment.approved", f"adjustment:{row.pk}", details=_facts(row)
        )
    return row


def reject(*, adjustment_id: int, note: str, actor: Actor) -> Adjustment:
    """A second person turns an adjustment down, and says why.

    Raises:
        NotFound: no such adjustment (404).
        ReasonMissing: no note (E_REASON, 422).
        SecondPerson: the one who asked for it (E_SECOND_PERSON, 403).
        AdjustmentDecided: a colleague was faster (E_ADJUST_DECIDED, 409).
    """
    words = note.strip()[:LONGEST_REASON]
    if not words:
        raise ReasonMissing
    with transaction.atomic():
        row = _waiting(adjustment_id, actor)
        _decide(row, AdjustmentState.REJECTED, actor, words)
        audit.record(
            actor, "stamps.adjustment.rejected", f"adjustment:{row.pk}", details=_facts(row)
        )
    return row


def _is_small(card: Card, amount: int) -> bool:
    """Whether one person decides: few stamps, and no more won than a card may win in a day."""
    if abs(amount) > limits().second_person_above:
        return False
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=card.merchant_id)
    return amount < 0 or rules.too_valuable(card, amount, zone) is None


def _waiting(adjustment_id: int, actor: Actor) -> Adjustment:
    row = Adjustment.objects.select_for_update().filter(pk=adjustment_id).first()
    if row is None:
        raise NotFound
    if row.state != AdjustmentState.WAITING:
        raise AdjustmentDecided
    if row.asked_by_id == actor.id:
        raise SecondPerson
    return row


def _decide(row: Adjustment, state: AdjustmentState, actor: Actor, note: str) -> None:
    row.state, row.note = state, note
    row.decided_by_id, row.decided_by, row.decided_at = actor.id, actor.name[:80], clock.now()
    row.save(update_fields=["state", "note", "decided_by_id", "decided_by", "decided_at"])


def _locked(card_id: int) -> Card:
    if not Card.objects.filter(pk=card_id).exists():
        raise NotFound
    return rules.lock_with_customer(card_id).card


def _check(card: Card, amount: int) -> None:
    if card.state == State.EXPIRED or card.is_over(clock.now()):
        raise CardState
    if amount > 0 and card.room is not None and amount > card.room:
        raise CardFull(balance=card.shown, slots=card.slots)
    most = 0 if card.is_filled else max(0, card.balance - card.floor)
    if amount < 0 and -amount > most:
        raise AdjustmentTooFar(most=most)


def _book(row: Adjustment, card: Card, actor: Actor) -> None:
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=card.merchant_id)
    place, was_blocked = Place(actor, zone), card.state == State.BLOCKED
    account = ledger.open_account(
        unit=Unit.STAMP, code=f"adjust:{card.programme_id}", is_cached=False
    )
    booked = ledger.book(
        unit=Unit.STAMP,
        event=ADJUSTED,
        cause=f"adjustment:{row.pk}",
        amounts={card.account_id: row.amount, account.pk: -row.amount},
        zone=zone,
    )
    event = cycles.note(card, EventKind.ADJUST, row.amount, booked, place, text=row.reason)
    if row.amount > 0:
        for reward in cycles.add(card, row.amount, place):
            if reward.coupon_id is None:
                telling.tell_won(reward, card, "")
    else:
        cycles.take(card, -row.amount, place)
    if was_blocked:
        card.state = State.BLOCKED
        card.save(update_fields=["state"])
    event.balance_after = card.shown
    event.save(update_fields=["balance_after"])


def _facts(row: Adjustment) -> dict[str, object]:
    return {"card": row.card_id, "amount": row.amount, "reason": row.reason}
