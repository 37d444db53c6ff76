"""Confirming a code whose stamp wins or loses something: one statement after the other.

``hot.statements.MOVE`` leaves such a card alone; here it is locked, and stamps, rewards and rounds
are booked in one transaction. What may be done is decided by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from zhanggui.accounts import audit
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, idempotency
from zhanggui.core.errors import DomainError
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction, Unit
from zhanggui.stamps import places, rules
from zhanggui.stamps.errors import RewardUsed
from zhanggui.stamps.models import (
    Card,
    Kind,
    Method,
    Reward,
    StampRecord,
)
from zhanggui.stamps.operations import EVENTS, SUBJECT, kind_of
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.services import cycles, joining
from zhanggui.stamps.services.counting import count_operation
from zhanggui.stamps.services.cycles import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zhanggui.accounts.actors import Actor
    from zhanggui.stamps.results import Desk


SEEN_AGAIN = timedelta(hours=12)


class CodeGone(Exception):
    """The code was spent or ended meanwhile: ask again."""


class CardRefuses(Exception):
    """The card refuses; roll back."""

    def __init__(self, refusal: DomainError, code_id: int) -> None:
        self.refusal = refusal
        self.code_id = code_id
        super().__init__()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a manager confirms; it was found allowed a moment ago."""

    desk: Desk
    digits: str
    actor: Actor
    amount: int
    reason: str
    record_id: int | None
    key: str
    fingerprint: bytes
    method: Method
    is_again: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """What a record says about how, where and by whom."""

    method: Method
    cause: str
    """Books once, such as ``code:17``."""
    code: OneTimeCode | None
    store_id: int
    person_id: int
    person_name: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Done:
    """What was booked."""

    record: StampRecord
    card: Card
    before: int
    """As people saw it on the card."""
    won: Sequence[Reward]
    lost: Sequence[Reward]

    @property
    def details(self) -> dict[str, object]:
        """For the audit log, as a hot door writes it; with what was won or lost."""
        rewards = {
            "won": [reward.pk for reward in self.won],
            "lost": [reward.pk for reward in self.lost],
        }
        return {
            "kind": Kind(self.record.kind).value,
            "amount": self.record.amount,
            "record": self.record.pk,
            **{name: ids for name, ids in rewards.items() if ids},
        }


def spend(asked: Asked, store_name: str, action: str) -> Done:
    """Spend the code, move the card, give or withdraw rewards; all or nothing.

    Args:
        asked: the manager's wish.
        store_name: for the answer that is kept under the idempotency key.
        action: of the audit entry.

    Raises:
        CodeGone: somebody else was faster.
        CardRefuses: with the reason.
        IntegrityError: a constraint of ``LOST_TO_ANOTHER``: somebody was faster.
    """
    desk = asked.desk
    with transaction.atomic():
        tries.take_turn(person_id=desk.person_id, store_id=desk.store_id)
        code_id = codes.consume(
            digits=asked.digits,
            store_id=desk.store_id,
            person_id=desk.person_id,
            subject_type=SUBJECT,
        )
        if code_id is None or not count_operation(desk):
            raise CodeGone
        code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
        done = _move(asked, code)
        audit.record(
            asked.actor,
            action,
            f"code:{code_id}",
            store_id=desk.store_id,
            details=done.details,
        )
        answer = answer_of(done, store_name).as_json()
        keep_answer(asked.actor, asked.key, asked.fingerprint, answer)
    return done


def keep_answer(actor: Actor, key: str, print_: bytes, answer: dict[str, object]) -> None:
    """Keep what a key was answered; an answer older than 24 hours makes room."""
    if not key:
        return
    known = IdempotencyRecord.objects.filter(caller=actor.key, key=key)
    known.filter(created_at__lte=clock.now() - idempotency.REPLAY_FOR).delete()
    row = IdempotencyRecord(caller=actor.key, key=key, fingerprint=print_, answer=answer)
    row.save(force_insert=True)


def _move(asked: Asked, code: OneTimeCode) -> Done:
    kind, desk = kind_of(code.operation), asked.desk
    now = rules.lock_with_customer(code.subject_id)
    refusal = rules.why_not(
        now,
        kind,
        counter=rules.Counter(desk.store_id, desk.person_id, desk.zone),
        amount=asked.amount,
        record_id=asked.record_id,
        method=asked.method,
        is_again=asked.is_again,
    )
    if refusal is not None:
        raise CardRefuses(refusal, code.pk)
    origin = Origin(
        method=asked.method,
        cause=f"code:{code.pk}",
        code=code,
        store_id=desk.store_id,
        person_id=desk.person_id,
        person_name=desk.person_name,
        reason=asked.reason,
        place=Place(asked.actor, desk.zone, desk.store_id),
    )
    if kind is Kind.ACCUMULATE:
        return stamp(now.card, asked.amount, origin)
    try:
        return cancel(now.card, _target(asked, now.card), origin)
    except RewardUsed as used:  # meanwhile
        raise CardRefuses(used, code.pk) from used


def stamp(card: Card, amount: int, origin: Origin) -> Done:
    """Book stamps on a locked card, with what they win; the rules were asked before."""
    before = card.shown
    record = _record(card, Kind.ACCUMULATE, origin)
    record.amount = amount
    record.transaction = ledger.book(
        unit=Unit.STAMP,
        event=EVENTS[Kind.ACCUMULATE],
        cause=origin.cause,
        amounts={card.programme.issue_account_id: -amount, card.account_id: amount},
        zone=origin.place.zone,
        store_id=origin.store_id,
    )
    card.stamped_by = origin.method
    won = cycles.give(card, amount, origin.place)
    return _finish(record, card, Done(record, card, before, won, []))


def cancel(card: Card, target: StampRecord, origin: Origin) -> Done:
    """Take a record's stamps off a locked card, with what they had won.

    Raises:
        RewardUsed: a reward was used (E_REWARD_USED, 409).
    """
    before = card.shown
    record = _record(card, Kind.CANCEL, origin)
    record.amount, record.reverses = -target.amount, target
    record.transaction = ledger.reverse(
        original=Transaction.objects.get(pk=target.transaction_id),
        event=EVENTS[Kind.CANCEL],
        cause=origin.cause,
        zone=origin.place.zone,
        store_id=origin.store_id,
    )
    if target.card_id != card.pk:
        joining.cover(target, card, origin.place)
    lost = cycles.take(card, target.amount, origin.place)
    cycles.forget_today(card, target)
    return _finish(record, card, Done(record, card, before, [], lost))


def answer_of(done: Done, store_name: str) -> Confirmed:
    """What was booked, for pages and for a repeat of the same key."""
    record = done.record
    return Confirmed(
        record_id=record.pk,
        kind=Kind(record.kind).value,
        amount=record.amount,
        customer_name=masked_name(record.customer_name),
        programme_name=done.card.programme.name,
        store_name=store_name,
        slots=done.card.slots,
        before=done.before,
        after=done.card.shown,
        at=record.at.isoformat(),
        won=[reward.name for reward in done.won],
        lost=[reward.name for reward in done.lost],
    )


def _finish(record: StampRecord, card: Card, done: Done) -> Done:
    record.balance_after = card.shown
    if record.method != Method.UNDO:  # which is no act of the customer's
        record.distance_m, record.is_far = places.seen(
            customer_id=card.customer_id, store_id=record.store_id
        )
    record.at, record.business_date = record.transaction.at, record.transaction.business_date
    record.save(force_insert=True)
    _note_visit(card, record.store_id)
    return done


def _target(asked: Asked, card: Card) -> StampRecord:
    if asked.record_id is not None:
        return StampRecord.objects.get(pk=asked.record_id)
    found = rules.to_cancel(card.pk, store_id=asked.desk.store_id, moment=clock.now())
    return found[0]


def _record(card: Card, kind: Kind, origin: Origin) -> StampRecord:
    return StampRecord(
        kind=kind,
        method=origin.method,
        card=card,
        customer_id=card.customer_id,
        store_id=origin.store_id,
        manager_id=origin.person_id,
        manager_name=origin.person_name,
        customer_name=card.customer.name,
        name_key=card.customer.name_key,
        code=origin.code,
        reason=origin.reason,
    )


def _note_visit(card: Card, store_id: int) -> None:
    """As ``hot.statements.MOVE``: twice a day and store, whoever is being merged is left alone."""
    customers = Customer.objects.select_for_update(skip_locked=True, no_key=True)
    is_due = Q(last_seen_at__lt=clock.now() - SEEN_AGAIN) | ~Q(store_ids__contains=[store_id])
    customer = customers.filter(is_due, pk=card.customer_id).first()
    if customer is None:
        return
    customer.last_seen_at = max(customer.last_seen_at, clock.now())
    if store_id not in customer.store_ids:
        customer.store_ids = [*customer.store_ids, store_id]
    customer.save(update_fields=["last_seen_at", "store_ids"])
