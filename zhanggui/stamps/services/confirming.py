"""The manager's side: look at a code, confirm it; the office's side: cancel a stamp.

Source: stamps specification R10-R12, D16-D24, D27-D30, D45.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit, standing
from zhanggui.accounts.models import PHONE_COLUMN, ActorKind, Store, StoreState
from zhanggui.codes import desk as code_desk
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.errors import CodeExpired, CodeInvalid, Locked
from zhanggui.codes.models import OneTimeCode, TryKind
from zhanggui.codes.tries import Tries
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, constraints, idempotency, sealing
from zhanggui.core.db.pipeline import Statement, hot_transaction
from zhanggui.core.errors import DomainError, InProgress, KeyReused
from zhanggui.messaging import outbox
from zhanggui.stamps import hot, rewards, rules, told
from zhanggui.stamps.errors import CardState, NotManager, ReasonMissing, TooManyOperations
from zhanggui.stamps.models import Card, Kind, ManagerBinding, Method
from zhanggui.stamps.operations import EVENTS, SUBJECT, kind_of
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import CancelChoice, Confirmed, Desk, Preview
from zhanggui.stamps.services import careful, others, telling

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

PREVIEWED = "stamps.code.previewed"
CONFIRMED = "stamps.code.confirmed"
REFUSED = "stamps.code.refused"
LONGEST_KEY = 80
LONGEST_REASON = 200
RUNS = 3
MOST_ASKED = 1000  # more is refused like this, and fits the database's integer
LAST_ID = 2**63 - 1  # no record has it, and more would not fit the database's bigint
LOST_TO_ANOTHER = frozenset({"one_reversal_each", "cancelled_once", "one_answer_per_key"})


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that is answered after its transaction, so that what it counted stays."""

    refusal: DomainError
    code_id: int | None = None


class _TakeBack(Exception):
    """Roll the transaction back and refuse."""

    def __init__(self, refusal: DomainError, code_id: int | None = None) -> None:
        self.refusal = refusal
        self.code_id = code_id
        super().__init__()


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

    @property
    def fingerprint(self) -> bytes:
        """What was asked, as a keyed hash: a bare one of six digits could be tried through."""
        asked = f"{self.digits}|{self.amount}|{self.reason}|{self.record_id}|{self.desk.store_id}"
        return sealing.keyed_hash(
            asked, purpose="stamps.confirm", merchant_id=self.desk.merchant_id
        )


def preview(*, desk: Desk, digits: str, actor: Actor) -> Preview | others.Seen:
    """Show what confirming a code would do, and hold it for this manager for 60 s (D17).

    Args:
        desk: where the manager works; the scope of its merchant is open.
        digits: as typed; full width and blanks are folded.
        actor: the manager.

    Raises:
        CodeFormat: not six digits; not counted (E_CODE_FORMAT, 422).
        NotManager: the binding is over (E_NOT_MANAGER, 403).
        Locked: too many wrong codes (E_LOCKED, 429).
        CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld, WrongStore: see ``codes``.
        CardFull, CardState, NothingToCancel, CancelWindow: the card refuses (409); the code
            stays as it was.
    """
    typed = typed_digits(digits, desk, actor)
    outcome: Preview | others.Seen | Refused
    try:
        with transaction.atomic():
            outcome = _look(desk, typed, actor)
    except _TakeBack as back:
        outcome = Refused(back.refusal, back.code_id)
        note_refusal(desk, actor, outcome)
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


def typed_digits(digits: str, desk: Desk, actor: Actor) -> str:
    """Six half-width digits; anything else is refused and noted, but no try."""
    try:
        return codes.normalise(digits)
    except DomainError as refusal:
        if desk.check is None:
            note_refusal(desk, actor, Refused(refusal))
        raise


def _look(desk: Desk, typed: str, actor: Actor) -> Preview | others.Seen | Refused:
    known = tries.take_turn(person_id=desk.person_id, store_id=desk.store_id)
    is_bound = ManagerBinding.objects.filter(pk=desk.binding_id, removed_at=None).exists()
    refused = barred(known, is_bound=is_bound, is_open=is_open_now(desk))
    if refused is not None:
        raise _TakeBack(refused)
    code_id = codes.hold(
        digits=typed, store_id=desk.store_id, person_id=desk.person_id, subject_type=SUBJECT
    )
    if code_id is None:
        other = others.look(desk, typed)
        if other is None:
            return no_code(desk, typed, actor, known)
        if other.refusal is not None:
            raise _TakeBack(other.refusal, other.code_id)
        audit.record(actor, PREVIEWED, f"code:{other.code_id}", store_id=desk.store_id)
        return other
    code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
    kind = kind_of(code.operation)
    card = rules.card_of(code.subject_id)
    refusal = rules.why_not(card, kind, counter=_counter(desk))
    if refusal is not None:
        raise _TakeBack(refusal, code_id)
    audit.record(
        actor, PREVIEWED, f"code:{code_id}", store_id=desk.store_id, details={"kind": kind}
    )
    return _preview(code, kind, card, desk)


def _counter(desk: Desk) -> rules.Counter:
    return rules.Counter(desk.store_id, desk.person_id, desk.zone)


def is_open_now(desk: Desk) -> bool:
    """Whether the store is open and the shop takes business."""
    stores = Store.objects.filter(pk=desk.store_id, state=StoreState.OPEN)
    store = stores.select_related("merchant").first()
    return store is not None and standing.takes_business(store.merchant, FEATURE.name)


def barred(known: Tries, *, is_bound: bool, is_open: bool) -> DomainError | None:
    """Why this person may type no code here now, whatever the code."""
    if not is_bound:
        return NotManager()
    wait = known.seconds_locked(clock.now())
    if wait:
        return Locked(retry_after_s=wait)
    if not is_open:
        return CardState()
    return None


def _preview(code: OneTimeCode, kind: Kind, now: rules.CardNow, desk: Desk) -> Preview:
    moment, card = clock.now(), now.card
    choices = _choices(card, desk, moment) if kind is Kind.CANCEL else ()
    first = -choices[0].amount if choices else 1
    held_until = code.held_until or code.expires_at
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


def _choices(card: Card, desk: Desk, moment: datetime) -> tuple[CancelChoice, ...]:
    found = rules.to_cancel(card.pk, store_id=desk.store_id, moment=moment)
    return tuple(
        CancelChoice(
            record.pk,
            record.amount,
            record.at,
            record.manager_name,
            tuple(reward.name for reward in rewards.falling(card, record.amount)),
        )
        for record in found
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
) -> Confirmed:
    """Spend a code and book what it stands for; the customer's card changes at once.

    Args:
        desk: where the manager works; the scope of its merchant is open.
        digits: as typed; full width and blanks are folded.
        actor: the manager.
        amount: stamps to give, for a code that accumulates.
        reason: needed for more than one stamp.
        record_id: which stamp to take back, for a code that cancels; None takes the newest.
        key: idempotency key of the form; a repeat within 24 h answers the same.

    Raises:
        CodeFormat: not six digits; not counted (E_CODE_FORMAT, 422).
        NotManager: the binding is over; the code stays (E_NOT_MANAGER, 403).
        Locked: too many wrong codes (E_LOCKED, 429).
        CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld, WrongStore: see ``codes``.
        AmountRefused, ReasonMissing: not a number the programme allows (422).
        CardFull, CardState, NothingToCancel, CancelWindow: the card refuses (409); the code
            stays as it was.
        KeyReused: the key was used for something else (E_KEY_REUSED, 409).
    """
    typed = typed_digits(digits, desk, actor)
    wish = Wish(
        desk, typed, actor, amount, reason.strip()[:LONGEST_REASON], record_id, key[:LONGEST_KEY]
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
        except _TakeBack as back:
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


def _is_own(moved: hot.Moved, facts: hot.Facts, desk: Desk) -> bool:
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
        caller=wish.actor.key,
        key=wish.key,
    )


def _before_the_code(wish: Wish, question: hot.Question, facts: hot.Facts) -> None:
    if not facts.is_bound:
        raise _TakeBack(NotManager())
    if facts.answered_at is not None and facts.answered_at > question.replay_since:
        if facts.fingerprint != wish.fingerprint:
            raise _TakeBack(KeyReused())
        raise _AnsweredBefore(Confirmed.from_json(facts.answer))
    refused = barred(facts.tries, is_bound=True, is_open=facts.is_open)
    if refused is not None:
        raise _TakeBack(refused)
    if facts.operations >= facts.operations_a_day:
        wait = question.day_end - question.now
        raise _TakeBack(
            TooManyOperations(
                retry_after_s=-(-wait // timedelta(seconds=1)), most=facts.operations_a_day
            )
        )


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
    wish: Wish, question: hot.Question, moved: hot.Moved, answer: Confirmed, facts: hot.Facts
) -> hot.Booking:
    kind = kind_of(moved.operation)
    return hot.Booking(
        kind=kind,
        method=Method.CODE,
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
    wish: Wish, question: hot.Question, moved: hot.Moved, facts: hot.Facts
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


def no_code(desk: Desk, typed: str, actor: Actor, known: Tries) -> Refused:
    """Say why no code was found, count it if it was a guess; inside the turn."""
    reason = codes.why_not(
        digits=typed,
        store_id=desk.store_id,
        person_id=desk.person_id,
        subject_types=[SUBJECT, *code_desk.subject_types()],
    )
    refusal, moment = others.in_its_words(reason), clock.now()
    if isinstance(refusal, CodeExpired) and not known.may_hear_expired(moment):
        refusal = CodeInvalid()
    if isinstance(refusal, CodeExpired):
        tries.count(
            kind=TryKind.EXPIRED, person_id=desk.person_id, store_id=desk.store_id, actor=actor
        )
    if isinstance(refusal, CodeInvalid):
        tries.count(
            kind=TryKind.WRONG, person_id=desk.person_id, store_id=desk.store_id, actor=actor
        )
        refusal = _wrong(known, moment)
    refused = Refused(refusal, reason.code_id)
    _record_refusal(desk, actor, refused)
    return refused


def _wrong(known: Tries, moment: datetime) -> DomainError:
    counted = Tries((moment, *known.wrong), known.told_expired)
    wait = counted.seconds_locked(moment)
    return Locked(retry_after_s=wait) if wait else CodeInvalid(left=counted.left(moment))


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
            counter=_counter(wish.desk),
            amount=wish.amount,
            record_id=wish.record_id,
        )
        is_unexplained = kind is Kind.ACCUMULATE and wish.amount > 1 and not wish.reason
        if refusal is None and is_unexplained:
            refusal = ReasonMissing()
    return Refused(refusal, code_id) if refusal else None


def note_refusal(desk: Desk, actor: Actor, refused: Refused) -> None:
    """Write a refusal into the audit log, after the transaction that it ended."""
    with transaction.atomic():
        _record_refusal(desk, actor, refused)


def _record_refusal(desk: Desk, actor: Actor, refused: Refused) -> None:
    known = refused.code_id is not None
    details: dict[str, Any] = {"code": refused.refusal.code}
    audit.record(
        actor,
        REFUSED,
        f"code:{refused.code_id}" if known else f"store:{desk.store_id}",
        store_id=desk.store_id,
        details=details,
    )
