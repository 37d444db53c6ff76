"""Six digits at a till: looking at what they are for, and spending them (D12-D23).

As at a manager's desk: whoever types takes a turn, wrong codes are counted before it ends, a code
is held for the till that looks at it. The limits are those of a manager at one store, and they
hold for the token in all of its stores together: going from store to store gives no more tries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from zhanggui.accounts import audit
from zhanggui.accounts.models import Store
from zhanggui.api import operations, scopes
from zhanggui.api.errors import OtherPurpose, ScopeMissing
from zhanggui.api.guards import Caller, caller_of
from zhanggui.api.operations import Operation, Text, Typed
from zhanggui.api.stores import store_of
from zhanggui.api.writing import Booking
from zhanggui.codes import desk, tries
from zhanggui.codes import services as codes
from zhanggui.codes.desk import Counter
from zhanggui.codes.errors import Locked
from zhanggui.codes.models import LIVE, OneTimeCode
from zhanggui.codes.tries import Tries
from zhanggui.core import clock
from zhanggui.core.errors import DomainError

REFUSED = "codes.till.refused"
LOOKED = "codes.till.looked"


@dataclass(frozen=True, slots=True)
class Till:
    """A till at a store."""

    caller: Caller
    store: Store

    @property
    def counter(self) -> Counter:
        """As the modules see it that codes belong to."""
        return Counter(
            store_id=self.store.pk,
            store_name=self.store.name,
            person_id=self.caller.actor.typist,
            person_name=self.caller.token.name,
            zone=self.caller.merchant.time_zone,
        )


def till_of(request: HttpRequest, store_id: int | None) -> Till:
    """The till at the store of a call.

    Raises:
        StoreMissing, StoreUnknown, StoreShut: see ``stores.store_of``.
    """
    caller = caller_of(request)
    return Till(caller, store_of(caller.token, store_id))


class _Back(Exception):
    """Roll the transaction back and refuse; the code stays as it was."""

    def __init__(self, refusal: DomainError, code_id: int | None = None) -> None:
        self.refusal = refusal
        self.code_id = code_id
        super().__init__()


class _NoCode(Exception):
    """No code is usable here: nothing was written, the reason is read afterwards."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A code that this till holds now."""

    code: OneTimeCode
    operation: Operation
    told: Mapping[str, Any]
    seconds_left: int


def look(till: Till, digits: str) -> Seen:
    """What a code would do; it is held for this till for 60 seconds (D17).

    Raises:
        CodeFormat: not six digits; not counted (422).
        Locked: too many wrong codes (E_LOCKED, 429).
        CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld, WrongStore: see ``codes``.
        ScopeMissing: the token may not do what the code is for (E_SCOPE, 403).
        DomainError: the card or coupon refuses; the code stays as it was.
    """

    def seen(typed: Typed) -> Seen:
        code = _usable(till, typed.digits)
        operation = _allowed(till, code)
        held = codes.hold(
            digits=typed.digits,
            store_id=till.store.pk,
            person_id=till.caller.actor.typist,
            subject_type=code.subject_type,
        )
        if held is None:
            raise _NoCode
        code.refresh_from_db()
        told = _asked(code, lambda: operation.look(code, till.counter, typed))
        until = code.held_until or code.expires_at
        audit.record(till.caller.actor, LOOKED, f"code:{code.pk}", store_id=till.store.pk)
        return Seen(code, operation, told, max(0, int((until - clock.now()).total_seconds())))

    return _in_turn(till, digits, seen, lambda _typed, use: use())


def spend(
    till: Till,
    digits: str,
    wanted: Operation,
    booking: Booking,
    write: Callable[[OneTimeCode, Typed], dict[str, Any]],
) -> dict[str, Any]:
    """Spend a code of one purpose and do what it stands for, once for the booking's key.

    Args:
        till: where and who.
        digits: as typed or scanned.
        wanted: what the code must be for.
        booking: with the key.
        write: does it, in the transaction that spends the code; answers JSON.

    Raises:
        as ``look``; besides
        OtherPurpose: the code is for something else and stays (E_CODE_PURPOSE, 409).
        KeyReused, InProgress, TooManyWrites: see ``Booking.once``.
    """

    def once(typed: Typed, use: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        booking.also(store=till.store.pk, digits=codes.hashes_of(typed.digits)[0].hex())
        return booking.once(use)

    def spent(typed: Typed) -> dict[str, Any]:
        code = _usable(till, typed.digits)
        if code.operation != wanted.operation:
            raise _Back(OtherPurpose(purpose=_purpose(code)), code.pk)
        code_id = codes.consume(
            digits=typed.digits,
            store_id=till.store.pk,
            person_id=till.caller.actor.typist,
            subject_type=code.subject_type,
        )
        if code_id is None:
            raise _NoCode
        return _asked(code, lambda: write(code, typed))

    return _in_turn(till, digits, spent, once)


def _in_turn[Answer](
    till: Till,
    digits: str,
    use: Callable[[Typed], Answer],
    around: Callable[[Typed, Callable[[], Answer]], Answer],
) -> Answer:
    """Use six digits in this till's turn.

    Args:
        till: where and who.
        digits: as typed or scanned.
        use: what is done with them.
        around: runs it, or knows its answer already.
    """
    try:
        typed = operations.read(digits)
    except DomainError as refusal:
        _note(till, refusal, None)
        raise
    try:
        with transaction.atomic():
            known = tries.take_turn_everywhere(typist=till.caller.actor.typist)

            def unlocked() -> Answer:
                wait = known.seconds_locked(clock.now())
                if wait:
                    raise _Back(Locked(retry_after_s=wait))
                return use(typed)

            outcome = _try(till, typed.digits, known, lambda: around(typed, unlocked))
    except _Back as back:
        _note(till, back.refusal, back.code_id)
        raise back.refusal from None
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _try[Answer](
    till: Till, typed: str, known: Tries, use: Callable[[], Answer]
) -> Answer | DomainError:
    """A refusal that is answered keeps what it counted."""
    try:
        with transaction.atomic():
            return use()
    except _NoCode:
        return _no_code(till, typed, known)


def _asked[Answer](code: OneTimeCode, ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except DomainError as refusal:
        raise _Back(refusal, code.pk) from refusal


def _usable(till: Till, typed: str) -> OneTimeCode:
    """The code that this till could use now; reads only."""
    live = OneTimeCode.objects.filter(
        digits_hash__in=codes.hashes_of(typed), state__in=LIVE, expires_at__gt=clock.now()
    ).defer("digits_hash", "digits_sealed")
    for code in live:
        found = codes.find_usable(
            digits=typed,
            store_id=till.store.pk,
            person_id=till.caller.actor.typist,
            subject_type=code.subject_type,
        )
        if found == code.pk:
            return code
    raise _NoCode


def _allowed(till: Till, code: OneTimeCode) -> Operation:
    operation = operations.of(code.operation)
    if operation is None:
        raise _NoCode
    if operation.scope not in till.caller.token.scopes:
        raise _Back(ScopeMissing(scope=scopes.get(operation.scope).label), code.pk)
    return operation


def _purpose(code: OneTimeCode) -> Text:
    operation = operations.of(code.operation)
    return operation.label if operation else code.operation


def _no_code(till: Till, typed: str, known: Tries) -> DomainError:
    typist = till.caller.actor.typist
    reason = codes.why_not(
        digits=typed,
        store_id=till.store.pk,
        person_id=typist,
        subject_types=operations.subject_types(),
    )
    refusal = tries.refuse(
        desk.in_its_words(reason),
        known,
        person_id=typist,
        store_id=till.store.pk,
        actor=till.caller.actor,
    )
    _record(till, refusal, reason.code_id)
    return refusal


def _note(till: Till, refusal: DomainError, code_id: int | None) -> None:
    """Write a refusal into the audit log, after the transaction that it ended."""
    with transaction.atomic():
        _record(till, refusal, code_id)


def _record(till: Till, refusal: DomainError, code_id: int | None) -> None:
    audit.record(
        till.caller.actor,
        REFUSED,
        f"code:{code_id}" if code_id else f"store:{till.store.pk}",
        store_id=till.store.pk,
        details={"code": refusal.code},
    )
