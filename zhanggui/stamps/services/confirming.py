"""A manager confirms a code: one spend, one booking, one answer.

Source: stamps specification R10-R12, D17-D24, D27-D30, D45.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from zhanggui.accounts.models import PHONE_COLUMN, ActorKind, Store
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, constraints, idempotency, sealing
from zhanggui.core.db.pipeline import Statement, hot_transaction
from zhanggui.core.errors import InProgress, KeyReused
from zhanggui.messaging import outbox
from zhanggui.stamps import rules, told
from zhanggui.stamps.errors import NotManager, OtherCode, ReasonMissing
from zhanggui.stamps.hot import confirming as hot
from zhanggui.stamps.hot.facts import Facts
from zhanggui.stamps.models import Kind, Method
from zhanggui.stamps.operations import EVENTS, SUBJECT, kind_of
from zhanggui.stamps.results import Confirmed, Desk
from zhanggui.stamps.services import careful, others, telling
from zhanggui.stamps.services.counting import too_many
from zhanggui.stamps.services.refusing import (
    Refused,
    TakeBack,
    barred,
    counter_of,
    no_code,
    note_refusal,
    read_typed,
)

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

CONFIRMED = "stamps.code.confirmed"
LONGEST_KEY = 80
LONGEST_REASON = 200
RUNS = 3
MOST_ASKED = 1000  # more is refused like this, and fits the database's integer
LAST_ID = 2**63 - 1  # no record has it, and more would not fit the database's bigint
LOST_TO_ANOTHER = frozenset({"one_reversal_each", "cancelled_once", "one_answer_per_key"})


class _AnsweredBefore(Exception):
    """Roll the transaction back and answer what the key was answered before."""

    def __init__(self, answer: Confirmed) -> None:
        self.answer = answer
        super().__init__()


class _CardStays(Exception):
    """Roll the transaction back: the code is good, but the card did not move."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a manager sends."""

    desk: Desk
    digits: str
    actor: Actor
    amount: int
    reason: str
    record_id: int | None
    key: str
    method: Method
    is_again: bool

    @property
    def fingerprint(self) -> bytes:
        """What was asked, as a keyed hash: a bare one of six digits could be tried through."""
        asked = (
            f"{self.digits}|{self.amount}|{self.reason}|{self.record_id}|{self.desk.store_id}"
            f"|{self.method}|{self.is_again}"
        )
        return sealing.keyed_hash(
            asked, purpose="stamps.confirm", merchant_id=self.desk.merchant_id
        )


def confirm(
    *,
    desk: Desk,
    digits: str,
    actor: Actor,
    amount: int = 1,
    reason: str = "",
    record_id: int | None = None,
    key: str = "",
    is_again: bool = False,
) -> Confirmed:
    """Spend a code and book what it stands for; the customer's card changes at once.

    Args:
        desk: where the manager works; the scope of its merchant is open.
        digits: as typed or scanned; full width and blanks are folded.
        actor: the manager.
        amount: stamps to give, for a code that accumulates.
        reason: needed for more than one stamp.
        record_id: which stamp to take back, for a code that cancels; None takes the newest.
        key: idempotency key of the form; a repeat within 24 h answers the same.
        is_again: the manager says that this is another stamp, although one came another way a
            moment ago (D26).

    Raises:
        CodeFormat: not six digits; not counted (E_CODE_FORMAT, 422).
        NotManager: the binding is over; the code stays (E_NOT_MANAGER, 403).
        Locked: too many wrong codes (E_LOCKED, 429).
        CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld, WrongStore: see ``codes``.
        AmountRefused, ReasonMissing: not a number the programme allows (422).
        CardFull, CardState, NothingToCancel, CancelWindow, StampedJustNow, WayOff, TooWeak: the
            card refuses (409); the code stays as it was.
        KeyReused: the key was used for something else (E_KEY_REUSED, 409).
        OtherCode: the code is no card's; ``confirm_other`` does it (E_CODE_OTHER, 409).
    """
    typed = read_typed(digits, desk, actor)
    wish = Wish(
        desk=desk,
        digits=typed.digits,
        actor=actor,
        amount=amount,
        reason=reason.strip()[:LONGEST_REASON],
        record_id=record_id,
        key=key[:LONGEST_KEY],
        method=typed.method,
        is_again=is_again,
    )
    outcome = _run(wish)
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


def _run(wish: Wish) -> Confirmed | Refused:
    for _ in range(RUNS):
        try:
            return _spend(wish)
        except _AnsweredBefore as before:
            return before.answer
        except TakeBack as back:
            return _noted(wish, Refused(back.refusal, back.code_id))
        except _CardStays:
            outcome = _card_refusal(wish) or _spend_carefully(wish)
            if isinstance(outcome, Refused):
                return _noted(wish, outcome)
            if outcome is not None:
                return outcome
            # else somebody was faster: again, to say so
        except IntegrityError as error:
            if constraints.violated(error) not in LOST_TO_ANOTHER:
                raise
    return _noted(wish, Refused(InProgress()))


def _noted(wish: Wish, refused: Refused) -> Refused:
    note_refusal(wish.desk, wish.actor, refused)
    return refused


def _spend(wish: Wish) -> Confirmed | Refused:
    question = _question(wish)
    with hot_transaction() as transaction_:
        facts, moved = hot.ask(transaction_, question, wish.desk.check)
        _before_the_code(wish, question, facts)
        if moved is None and others.is_there(wish.desk, wish.digits):
            return Refused(OtherCode())
        if moved is None:
            return no_code(wish.desk, wish.digits, wish.actor, facts.tries)
        if moved.card_id is None or (moved.delta > 1 and not wish.reason):
            raise _CardStays
        if moved.delta > 0 and not facts.may_stamp_own and _is_own(moved, facts, wish.desk):
            raise _CardStays
        answer = _confirmed(question, moved, facts.store_name)
        booking = _booking(wish, question, moved, answer, facts)
        is_key_old = facts.answered_at is not None
        hot.book(transaction_, question, moved, booking, is_key_old=is_key_old)
    return answer


def _is_own(moved: hot.Moved, facts: Facts, desk: Desk) -> bool:
    """Whether the card is the manager's own (D37)."""
    if moved.is_same_wechat:
        return True
    if not moved.phone_hash or not facts.phone_sealed:
        return False
    phone = sealing.unseal(facts.phone_sealed, column=PHONE_COLUMN, merchant_id=None)
    return rules.is_phone_of(moved.phone_hash, phone, desk.merchant_id)


def _spend_carefully(wish: Wish) -> Confirmed | Refused | None:
    """Something is won or lost by it, or what stood in the way has gone; None: ask again."""
    desk = wish.desk
    store_name = Store.objects.values_list("name", flat=True).get(pk=desk.store_id)
    asked = careful.Asked(
        desk=desk,
        digits=wish.digits,
        actor=wish.actor,
        amount=wish.amount,
        reason=wish.reason,
        record_id=wish.record_id,
        key=wish.key,
        fingerprint=wish.fingerprint,
        method=wish.method,
        is_again=wish.is_again,
    )
    try:
        with transaction.atomic():
            done = careful.spend(asked, store_name, CONFIRMED)
            telling.tell(done.record, done.card, store_name, desk.zone, done.won)
    except careful.CodeGone:
        return None
    except careful.CardRefuses as refuses:
        return Refused(refuses.refusal, refuses.code_id)
    except IntegrityError as error:
        if constraints.violated(error) not in LOST_TO_ANOTHER:
            raise
        return None
    return careful.answer_of(done, store_name)


def _question(wish: Wish) -> hot.Question:
    moment = clock.now()
    desk = wish.desk
    day = clock.local_date(moment, desk.zone)
    return hot.Question(
        merchant_id=desk.merchant_id,
        binding_id=desk.binding_id,
        person_id=desk.person_id,
        store_id=desk.store_id,
        hashes=codes.hashes_of(wish.digits),
        subject_type=SUBJECT,
        now=moment,
        day=day,
        day_end=clock.start_of(day + timedelta(days=1), desk.zone),
        tries_since=moment - tries.DAY,
        cancel_since=moment - rules.MANAGER_CANCELS_WITHIN,
        replay_since=moment - idempotency.REPLAY_FOR,
        amount=min(wish.amount, MOST_ASKED),
        record_id=None if wish.record_id is None else max(0, min(wish.record_id, LAST_ID)),
        method=wish.method,
        caller=wish.actor.key,
        key=wish.key,
    )


def _before_the_code(wish: Wish, question: hot.Question, facts: Facts) -> None:
    if not facts.is_bound:
        raise TakeBack(NotManager())
    if facts.answered_at is not None and facts.answered_at > question.replay_since:
        if facts.fingerprint != wish.fingerprint:
            raise TakeBack(KeyReused())
        raise _AnsweredBefore(Confirmed.from_json(facts.answer))
    refused = barred(facts.tries, is_bound=True, is_open=facts.is_open)
    if refused is not None:
        raise TakeBack(refused)
    if facts.operations >= facts.operations_a_day:
        raise TakeBack(too_many(wish.desk, facts.operations_a_day))


def _confirmed(question: hot.Question, moved: hot.Moved, store_name: str) -> Confirmed:
    return Confirmed(
        record_id=moved.record_id,
        kind=kind_of(moved.operation).value,
        amount=moved.delta,
        customer_name=masked_name(moved.customer_name),
        programme_name=moved.programme_name,
        store_name=store_name,
        slots=moved.slots,
        before=moved.balance - moved.delta,
        after=moved.balance,
        at=question.now.isoformat(),
    )


def _booking(
    wish: Wish, question: hot.Question, moved: hot.Moved, answer: Confirmed, facts: Facts
) -> hot.Booking:
    kind = kind_of(moved.operation)
    return hot.Booking(
        kind=kind,
        method=wish.method,
        cause=f"code:{moved.code_id}",
        code_id=moved.code_id,
        actor_kind=ActorKind.PERSON,
        actor_id=question.person_id,
        event=EVENTS[kind],
        manager_name=wish.desk.person_name,
        reason=wish.reason,
        action=CONFIRMED,
        details={"kind": kind.value, "amount": moved.delta, "record": moved.record_id},
        device=wish.actor.device,
        ip=wish.actor.ip,
        fingerprint=wish.fingerprint if wish.key else b"",
        answer=answer.as_json(),
        message=_message(wish, question, moved, facts),
    )


def _message(
    wish: Wish, question: hot.Question, moved: hot.Moved, facts: Facts
) -> Statement | None:
    template = told.STAMPED if moved.delta > 0 else told.CANCELLED
    if template.name not in facts.told:
        return None
    desk = wish.desk
    return outbox.statement(
        merchant_id=question.merchant_id,
        customer_id=moved.customer_id,
        customer_name=moved.customer_name,
        template=template.name,
        data=told.values(
            programme=moved.programme_name,
            amount=moved.delta,
            balance=moved.balance,
            slots=moved.slots,
            store=facts.store_name,
            at=question.now,
            zone=desk.zone,
        ),
        once=("stamps", f"record:{moved.record_id}", ""),
        now=question.now,
    )


def _card_refusal(wish: Wish) -> Refused | None:
    """Why the card did not move although the code is good; None when it would move now."""
    with transaction.atomic():
        code_id = codes.find_usable(
            digits=wish.digits,
            store_id=wish.desk.store_id,
            person_id=wish.desk.person_id,
            subject_type=SUBJECT,
        )
        if code_id is None:
            return None
        code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
        kind = kind_of(code.operation)
        card = rules.card_of(code.subject_id)
        refusal = rules.why_not(
            card,
            kind,
            counter=counter_of(wish.desk),
            amount=wish.amount,
            record_id=wish.record_id,
            method=wish.method,
            is_again=wish.is_again,
        )
        is_unexplained = kind is Kind.ACCUMULATE and wish.amount > 1 and not wish.reason
        if refusal is None and is_unexplained:
            refusal = ReasonMissing()
    return Refused(refusal, code_id) if refusal else None
