"""Stamps by a till: the code is typed there, or read from the customer's phone.

The rules, the ledger and the message are those of a manager's desk; a till is nobody's person, so
"not the own card" (D37) asks nothing here, and the token's name stands where a manager's would.
A code that the till read from the QR picture beside the digits proves more than typed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhanggui.accounts import audit
from zhanggui.codes.models import OneTimeCode
from zhanggui.stamps import rules
from zhanggui.stamps.errors import NothingToCancel, ReasonMissing
from zhanggui.stamps.models import Card, Kind, Method, StampRecord
from zhanggui.stamps.operations import kind_of
from zhanggui.stamps.results import Confirmed, Preview
from zhanggui.stamps.services import careful, previewing, telling
from zhanggui.stamps.services.confirming import CONFIRMED
from zhanggui.stamps.services.cycles import Place

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.codes.desk import Counter


@dataclass(frozen=True, slots=True)
class Wish:
    """What a till asks for."""

    amount: int
    reason: str
    is_again: bool
    """One more stamp, although one came another way a moment ago (D26)."""


def look(code: OneTimeCode, counter: Counter, method: Method) -> Preview:
    """What spending the code would do (D17).

    Raises:
        CardFull, CardState, NothingToCancel, CancelWindow, TooFast, TooManyToday: the card refuses.
    """
    kind, card = kind_of(code.operation), rules.card_of(code.subject_id)
    refusal = rules.why_not(card, kind, counter=_counter(counter), method=method, is_again=True)
    if refusal is not None:
        raise refusal
    return previewing.shown(code, kind, card, counter.store_id, method)


def give(
    *, code: OneTimeCode, counter: Counter, wish: Wish, method: Method, actor: Actor
) -> Confirmed:
    """Stamp the card of a code that is spent in this transaction.

    Raises:
        AmountRefused, ReasonMissing: not a number the programme allows (422).
        CardFull, CardState, TooFast, TooManyToday: the card refuses (409, 429).
        WayOff, ScanOff, CodesOff, TooWeak, StampedJustNow: not this way, or not without saying
            that it is one more (409).
    """
    if wish.amount > 1 and not wish.reason:
        raise ReasonMissing
    now = rules.lock_with_customer(code.subject_id)
    refusal = rules.why_not(
        now,
        Kind.ACCUMULATE,
        counter=_counter(counter),
        amount=wish.amount,
        method=method,
        is_again=wish.is_again,
    )
    if refusal is not None:
        raise refusal
    done = careful.stamp(now.card, wish.amount, _origin(code, counter, wish.reason, method, actor))
    return _kept(done, code, counter, actor)


def take_back(
    *,
    code: OneTimeCode,
    counter: Counter,
    record_id: int | None,
    method: Method,
    actor: Actor,
) -> Confirmed:
    """Take a stamp off the card of a code that is spent in this transaction.

    Args:
        code: of this purpose.
        counter: the till at its store.
        record_id: which stamp; None for the newest of the store.
        method: typed or scanned.
        actor: the till.

    Raises:
        CardState, NothingToCancel, CancelWindow, RewardUsed: nothing can be taken back (409).
    """
    now = rules.lock_with_customer(code.subject_id)
    refusal = rules.why_not(
        now, Kind.CANCEL, counter=_counter(counter), record_id=record_id, method=method
    )
    if refusal is not None:
        raise refusal
    target = _target(now.card, counter, record_id)
    done = careful.cancel(now.card, target, _origin(code, counter, "", method, actor))
    return _kept(done, code, counter, actor)


def _counter(counter: Counter) -> rules.Counter:
    return rules.Counter(counter.store_id, None, counter.zone)


def _target(card: Card, counter: Counter, record_id: int | None) -> StampRecord:
    given = rules.to_cancel(card.pk, store_id=counter.store_id, moment=None)
    found = given.filter(pk=record_id).first() if record_id is not None else given.first()
    if found is None:
        raise NothingToCancel
    return found


def _origin(
    code: OneTimeCode, counter: Counter, reason: str, method: Method, actor: Actor
) -> careful.Origin:
    return careful.Origin(
        method=method,
        cause=f"code:{code.pk}",
        code=code,
        store_id=counter.store_id,
        person_id=0,
        person_name=counter.person_name,
        reason=reason,
        place=Place(actor, counter.zone, counter.store_id),
    )


def _kept(done: careful.Done, code: OneTimeCode, counter: Counter, actor: Actor) -> Confirmed:
    audit.record(
        actor,
        CONFIRMED,
        f"code:{code.pk}",
        store_id=counter.store_id,
        details=done.details,
    )
    telling.tell(done.record, done.card, counter.store_name, counter.zone, done.won)
    return careful.answer_of(done, counter.store_name)
