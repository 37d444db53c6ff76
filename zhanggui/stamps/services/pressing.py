"""A stamp laid on the customer's card: the right to press, and the press.

Source: stamps specification 7.3, R11.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind, Merchant
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, constraints, idempotency, limits, tokens
from zhanggui.core.db.pipeline import Value, hot_transaction, trip
from zhanggui.core.errors import InProgress, KeyReused
from zhanggui.core.limits import Limit
from zhanggui.messaging import outbox
from zhanggui.stamps import rules, told
from zhanggui.stamps.errors import NonceUsed
from zhanggui.stamps.hot import confirming as hot
from zhanggui.stamps.hot import pressed
from zhanggui.stamps.models import Card, CounterTicket, Kind, Method, PressNonce, Seal, SealState
from zhanggui.stamps.operations import EVENTS, OPERATIONS
from zhanggui.stamps.recognition.rule import Match
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.services import careful, telling
from zhanggui.stamps.services.alarming import USES, note, watch_press
from zhanggui.stamps.services.cycles import Place
from zhanggui.stamps.services.judging import (
    E4,
    MARKS_FOR,
    Judged,
    Refused,
    Wish,
    decide,
    judge_touch,
    replay,
)
from zhanggui.stamps.touches import Sent

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.core.db.pipeline import Statement

NONCE_LIVES = timedelta(seconds=120)
LONGEST_KEY = 80
RUNS = 3
PRESSED = "stamps.press.accepted"
PRESSES = Limit("stamps-press", most=40, window_s=600, lock_s=300)
"""Of one customer; a shop's own phone that serves a queue presses less often than this."""
NONCES = Limit("stamps-press-nonce", most=120, window_s=600, lock_s=300)


@dataclass(frozen=True, slots=True)
class Nonce:
    """The right to press once, as the page holds it."""

    token: str
    life_s: int


class _CardStays(Exception):
    """Roll the transaction back: the right is good, but the card did not move."""


def allow_press(*, card: Card, kind: Kind, actor: Actor, is_again: bool = False) -> Nonce:
    """Give the phone the right to press once, for this card and operation, for 120 s.

    Args:
        card: the customer's own card.
        kind: what the press shall do.
        actor: the customer.
        is_again: the customer says that this is another stamp, although one came another way a
            moment ago (D26).

    Raises:
        TooMany: a phone that asks without end (429).
    """
    limits.claim(NONCES, actor.key)
    token = tokens.new_token()
    moment = clock.now()
    PressNonce(
        merchant_id=card.merchant_id,
        digest=tokens.digest(token),
        customer_id=card.customer_id,
        subject_id=card.pk,
        operation=OPERATIONS[kind],
        is_again=is_again,
        created_at=moment,
        expires_at=moment + NONCE_LIVES,
    ).save(force_insert=True)
    return Nonce(token, int(NONCE_LIVES.total_seconds()))


def press(
    *,
    card: Card,
    kind: Kind,
    nonce: str,
    sent: Sent,
    actor: Actor,
    zone: str,
    key: str = "",
) -> Confirmed:
    """Recognise the stamp on the card and book what it stands for.

    Args:
        card: the customer's own card, with its programme.
        kind: give a stamp, or take the newest of the stamp's store back (R11).
        nonce: of ``allow_press``.
        sent: what the phone recorded; everything is decided here.
        actor: the customer.
        zone: of the merchant.
        key: idempotency key; a repeat within 24 h answers the same.

    Raises:
        TooMany: 40 presses in ten minutes (429).
        NonceUsed, NonceOver: the right is gone (409, 410).
        PointsFew, PointsMany, PointsBad, PressTime, StampUnknown, ScaleOff, Ambiguous: not surely
            a stamp (422).
        SealNotInUse: a suspended, retired or lost stamp; the last two alarm (409).
        Replayed: equal to a press of the last 90 days; alarms (409).
        CardFull, CardState, NothingToCancel, CancelWindow, StampedJustNow, PressOff, TooWeak: the
            card refuses (409).
        KeyReused: the key was used for something else (409).
    """
    key = key.replace("\0", "")[:LONGEST_KEY]
    wish = Wish(card, kind, nonce, sent, actor, key, clock.now(), zone)
    try:
        return _run(wish)
    except Refused as refused:
        note(wish, refused)
        raise refused.refusal from None


def _run(wish: Wish) -> Confirmed:
    judged = judge_touch(wish)
    values = _values(wish, judged)
    claim: limits.Claim | None = limits.Claim(PRESSES, wish.actor.key)
    for _ in range(RUNS):
        known, claim = pressed.look(values, claim), None
        answer = _answered(wish, known)
        if answer is not None:
            return answer
        held, match = decide(wish, known, judged)
        try:
            return _book_either_way(wish, known, values, held, match)
        except IntegrityError as error:
            name = constraints.violated(error)
            if name == "press_never_repeated":
                raise replay(None, judged, held) from error
            if name not in {"one_answer_per_key", "cancelled_once", "one_reversal_each"}:
                raise
    raise Refused(InProgress())


def _book_either_way(
    wish: Wish, known: pressed.Known, values: dict[str, Value], held: pressed.Held, match: Match
) -> Confirmed:
    """In two trips; one statement after the other where more hangs on it than the card."""
    answer = None
    if _ticket_of(wish, known, held) is None:
        with suppress(_CardStays):
            answer = _book(wish, known, values, held, match)
    if answer is None:
        answer = _book_carefully(wish, known, values, held, match)
    watch_press(wish, held, match)
    return answer


def _ticket_of(wish: Wish, known: pressed.Known, held: pressed.Held) -> int | None:
    """The counter's code that the customer scanned a moment ago at the store of this stamp."""
    if wish.kind is Kind.CANCEL or known.ticket_store_id != held.store_id:
        return None
    return known.ticket_id


def _values(wish: Wish, judged: Judged) -> dict[str, Value]:
    merchant_id = wish.card.merchant_id
    day = clock.local_date(wish.now, wish.zone)
    return {
        "merchant": merchant_id,
        "now": wish.now,
        "nonce": tokens.digest(wish.nonce),
        "customer": wish.card.customer_id,
        "card": wish.card.pk,
        "operation": OPERATIONS[wish.kind],
        "programme": wish.card.programme_id,
        "model": wish.sent.model,
        "caller": wish.actor.key,
        "key": wish.key,
        "mark": judged.mark,
        "marks_since": wish.now - MARKS_FOR,
        "amount": 1,
        "record": None,
        "cancel_since": wish.now - rules.MANAGER_CANCELS_WITHIN,
        "binding": None,
        "person": None,
        "day": day,
        "day_end": clock.start_of(day + timedelta(days=1), wish.zone),
        **hot.way_values(Method.PRESS, wish.now),
    }


def _answered(wish: Wish, known: pressed.Known) -> Confirmed | None:
    if known.answered_at is None or known.answered_at <= wish.now - idempotency.REPLAY_FOR:
        return None
    if known.fingerprint != wish.print:
        raise KeyReused
    return Confirmed.from_json(known.answer)


def _book(
    wish: Wish,
    known: pressed.Known,
    values: dict[str, Value],
    held: pressed.Held,
    match: Match,
) -> Confirmed:
    with hot_transaction() as transaction_:
        nonce_id = known.nonce_id or 0
        moved = pressed.move(transaction_, values, nonce_id=nonce_id, held=held)
        if moved is None:
            raise Refused(NonceUsed(), match)
        if moved.card_id is None:
            raise _CardStays
        answer = _confirmed(wish, held, moved)
        written = _written(wish, match)
        hot.book(
            transaction_,
            _question(wish, held),
            moved,
            _booking(wish, held, moved, answer, known),
            is_key_old=known.answered_at is not None,
            more=pressed.keep(
                values,
                written,
                held=held,
                record_id=moved.record_id,
                frees_mark=known.is_mark_old,
            ),
        )
    return answer


def _book_carefully(
    wish: Wish, known: pressed.Known, values: dict[str, Value], held: pressed.Held, match: Match
) -> Confirmed:
    """The card refuses, or something is won or lost by this stamp."""
    written, mark = _written(wish, match), values["mark"]
    with transaction.atomic():
        now = rules.lock_with_customer(wish.card.pk)
        counter = rules.Counter(held.store_id, None, wish.zone)
        ticket_id = _ticket_of(wish, known, held)
        method = Method.PRESS if ticket_id is None else Method.PRESS_COUNTER
        refusal = rules.why_not(
            now, wish.kind, counter=counter, method=method, is_again=known.is_again
        )
        if refusal is not None:
            raise Refused(refusal, match, mark if isinstance(mark, bytes) else None, held)
        rights = PressNonce.objects.filter(pk=known.nonce_id or 0, used_at=None)
        is_in_use = Seal.objects.filter(pk=held.seal_id, state=SealState.ACTIVE).exists()
        if not is_in_use or not rights.filter(expires_at__gt=wish.now).update(used_at=wish.now):
            raise Refused(NonceUsed(), match)
        tickets = CounterTicket.objects.filter(pk=ticket_id or 0, used_at=None)
        if ticket_id is not None and not tickets.update(used_at=wish.now):
            raise Refused(NonceUsed(), match)
        origin = careful.Origin(
            method=method,
            cause=f"press:{known.nonce_id}",
            code=None,
            store_id=held.store_id,
            person_id=0,
            person_name=held.name,
            reason="",
            place=Place(wish.actor, wish.zone, held.store_id),
        )
        if wish.kind is Kind.ACCUMULATE:
            done = careful.stamp(now.card, 1, origin)
        else:
            newest = rules.to_cancel(now.card.pk, store_id=held.store_id, moment=wish.now)
            done = careful.cancel(now.card, newest[0], origin)
        audit.record(
            wish.actor,
            PRESSED,
            f"press:{known.nonce_id}",
            store_id=held.store_id,
            details=done.details,
        )
        answer = careful.answer_of(done, held.store_name)
        careful.keep_answer(wish.actor, wish.key, wish.print, answer.as_json())
        kept = pressed.keep(
            values, written, held=held, record_id=done.record.pk, frees_mark=known.is_mark_old
        )
        trip(kept)
        telling.tell(done.record, done.card, held.store_name, wish.zone, done.won)
    return answer


def _confirmed(wish: Wish, held: pressed.Held, moved: hot.Moved) -> Confirmed:
    return Confirmed(
        record_id=moved.record_id,
        kind=wish.kind.value,
        amount=moved.delta,
        customer_name=masked_name(moved.customer_name),
        programme_name=moved.programme_name,
        store_name=held.store_name,
        slots=moved.slots,
        before=moved.balance - moved.delta,
        after=moved.balance,
        at=wish.now.isoformat(),
    )


def _written(wish: Wish, match: Match) -> pressed.Written:
    return pressed.Written(
        use=USES[wish.kind].value,
        residual_um=round(match.fit.residual * 1000),
        largest_um=round(match.fit.largest * 1000),
        scale_e4=round(match.fit.scale * E4),
        turn_e1=round(match.fit.turn_deg * 10),
        touches=wish.sent.touches,
        is_stray=match.is_stray,
        frames=wish.sent.raw,
    )


def _question(wish: Wish, held: pressed.Held) -> hot.Question:
    day = clock.local_date(wish.now, wish.zone)
    return hot.Question(
        merchant_id=wish.card.merchant_id,
        binding_id=0,
        person_id=0,
        store_id=held.store_id,
        hashes=[],
        subject_type="",
        now=wish.now,
        day=day,
        day_end=clock.start_of(day + timedelta(days=1), wish.zone),
        tries_since=wish.now,
        cancel_since=wish.now - rules.MANAGER_CANCELS_WITHIN,
        replay_since=wish.now - idempotency.REPLAY_FOR,
        amount=1,
        record_id=None,
        method=Method.PRESS,
        caller=wish.actor.key,
        key=wish.key,
    )


def _booking(
    wish: Wish,
    held: pressed.Held,
    moved: hot.Moved,
    answer: Confirmed,
    known: pressed.Known,
) -> hot.Booking:
    return hot.Booking(
        kind=wish.kind,
        method=Method.PRESS,
        cause=f"press:{known.nonce_id}",
        code_id=None,
        actor_kind=ActorKind.CUSTOMER,
        actor_id=wish.actor.id,
        event=EVENTS[wish.kind],
        manager_name=held.name,
        reason="",
        action=PRESSED,
        details={"kind": wish.kind.value, "amount": moved.delta, "record": moved.record_id},
        device=wish.actor.device,
        ip=wish.actor.ip,
        fingerprint=wish.print if wish.key else b"",
        answer=answer.as_json(),
        message=_message(wish, held, moved, known),
    )


def _message(
    wish: Wish, held: pressed.Held, moved: hot.Moved, known: pressed.Known
) -> Statement | None:
    template = told.STAMPED if moved.delta > 0 else told.CANCELLED
    if template.name not in known.told:
        return None
    return outbox.statement(
        merchant_id=wish.card.merchant_id,
        customer_id=moved.customer_id,
        customer_name=moved.customer_name,
        template=template.name,
        data=told.values(
            programme=moved.programme_name,
            amount=moved.delta,
            balance=moved.balance,
            slots=moved.slots,
            store=held.store_name,
            at=wish.now,
            zone=wish.zone,
        ),
        once=("stamps", f"record:{moved.record_id}", ""),
        now=wish.now,
    )


def zone_of(card: Card) -> str:
    """The time zone of the card's merchant."""
    return Merchant.objects.values_list("time_zone", flat=True).get(pk=card.merchant_id)
