"""Confirming a code of another module at the desk: one code, one effect, one answer.

What goes through without a question is done in two trips, as a card's code is. Whatever is refused,
repeated or out of the ordinary goes one statement after the other and decides everything anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.codes import desk as registry
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock, constraints, idempotency
from zhanggui.core.db.pipeline import hot_transaction
from zhanggui.core.errors import DomainError
from zhanggui.stamps.errors import NotManager
from zhanggui.stamps.hot import others as hot
from zhanggui.stamps.models import ManagerBinding
from zhanggui.stamps.services.confirming import CONFIRMED, LOST_TO_ANOTHER
from zhanggui.stamps.services.counting import count_operation, too_many
from zhanggui.stamps.services.others import counter_of
from zhanggui.stamps.services.refusing import (
    Refused,
    barred,
    is_open_now,
    no_code,
    note_refusal,
    read_typed,
)
from zhanggui.stamps.services.shop_limits import limits

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.stamps.hot.facts import Facts
    from zhanggui.stamps.results import Desk

LOST = LOST_TO_ANOTHER | {"code_redeemed_once", "one_booking_per_cause"}


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and the piece of page that says so."""

    template: str
    page: dict[str, Any]


class _Refuse(Exception):
    """Roll the transaction back and refuse; the code stays as it was."""

    def __init__(self, refusal: DomainError, code_id: int | None = None) -> None:
        self.refused = Refused(refusal, code_id)
        super().__init__()


class _NoCode(Exception):
    """No code is usable here: nothing was written, the reason is read afterwards."""


class _LeftAlone(Exception):
    """Nothing was written: it is decided one statement after the other."""

    def __init__(self, store_name: str) -> None:
        self.store_name = store_name
        super().__init__()


def confirm_other(*, desk: Desk, digits: str, actor: Actor, key: str = "") -> Done:
    """Spend a code of another module and do what it stands for.

    Args:
        desk: where the manager works; the scope of its merchant is open.
        digits: as typed.
        actor: the manager.
        key: idempotency key of the form; a repeat within 24 h answers the same.

    Raises:
        CodeFormat, NotManager, Locked, CodeInvalid, CodeExpired, CodeUsed, CodeRevoked, CodeHeld,
        TooManyOperations: as ``confirm``.
        DomainError: the operation refuses; the code stays as it was.
    """
    typed = read_typed(digits, desk, actor).digits
    key = key.replace("\0", "")[: idempotency.LONGEST_KEY]
    try:
        return _at_once(desk, typed, actor, key)
    except _LeftAlone as left:
        desk = replace(desk, store_name=left.store_name)
    return _carefully(desk, typed, actor, key)


def _at_once(desk: Desk, typed: str, actor: Actor, key: str) -> Done:
    """In two trips.

    Raises:
        _LeftAlone: it does not go through without a question.
    """
    moment = clock.now()
    asked = registry.Asked(
        merchant_id=desk.merchant_id,
        store_id=desk.store_id,
        person_id=desk.person_id,
        zone=desk.zone,
        hashes=codes.hashes_of(typed),
        now=moment,
        day=clock.local_date(moment, desk.zone),
    )
    ways, store_name = registry.all_at_once(), desk.store_name
    try:
        with hot_transaction() as trips:
            facts, found = hot.ask(trips, desk, asked, ways, caller=actor.key, key=key)
            store_name = facts.store_name
            counter = replace(counter_of(desk), store_name=store_name)
            booked = None
            if found is not None and _may_type(facts, moment):
                booked = found.operation.book(found.row, asked, counter, actor, facts.told)
            if found is None or booked is None:
                raise _LeftAlone(store_name)
            answer = _answer(found.subject_type, booked.page, moment)
            kept = idempotency.keeping(
                merchant_id=desk.merchant_id,
                caller=actor.key,
                key=key,
                print_=idempotency.fingerprint(_content(asked.hashes, desk)),
                answer=answer,
                now=moment,
                is_old=facts.answered_at is not None,
            )
            hot.book(trips, desk, asked, booked, actor=actor, action=CONFIRMED, more=kept)
    except IntegrityError as error:
        if constraints.violated(error) not in LOST:
            raise
        raise _LeftAlone(store_name) from error
    return _done(answer)


def _may_type(facts: Facts, moment: datetime) -> bool:
    """Whether the code was spent rightly; a repeat of a key is answered by ``idempotency``."""
    is_repeat = (
        facts.answered_at is not None and facts.answered_at > moment - idempotency.REPLAY_FOR
    )
    is_barred = barred(facts.tries, is_bound=facts.is_bound, is_open=facts.is_open) is not None
    return not (is_repeat or is_barred) and facts.operations < facts.operations_a_day


def _content(hashes: list[bytes], desk: Desk) -> dict[str, Any]:
    """What a key stands for."""
    return {"digits": hashes[0].hex(), "store": desk.store_id}


def _answer(subject_type: str, page: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """What is kept under the key."""
    return {"subject": subject_type, "page": {**page, "at": moment.isoformat()}}


def _done(answer: Mapping[str, Any]) -> Done:
    operation = registry.of(answer["subject"])
    assert operation is not None  # noqa: S101  it was there when it answered
    return Done(operation.done_template, answer["page"])


def _carefully(desk: Desk, typed: str, actor: Actor, key: str) -> Done:
    """One statement after the other."""
    try:
        with transaction.atomic():
            done = _in_turn(desk, typed, actor, key)
    except _Refuse as back:
        note_refusal(desk, actor, back.refused)
        raise back.refused.refusal from None
    if isinstance(done, Refused):
        raise done.refusal
    return done


def _in_turn(desk: Desk, typed: str, actor: Actor, key: str) -> Done | Refused:
    """One at a time for each person, so that no wrong try is made before the last was counted."""
    known = tries.take_turn(person_id=desk.person_id, store_id=desk.store_id)
    is_bound = ManagerBinding.objects.filter(pk=desk.binding_id, removed_at=None).exists()
    content = _content(codes.hashes_of(typed), desk)

    def write() -> dict[str, Any]:
        refusal = barred(known, is_bound=is_bound, is_open=is_open_now(desk))
        if refusal is not None:
            raise _Refuse(refusal)
        return _spend(desk, typed, actor)

    if not is_bound:
        raise _Refuse(NotManager())
    try:
        answer = idempotency.once(caller=actor.key, key=key, content=content, write=write)
    except _NoCode:
        return no_code(desk, typed, actor, known)
    return _done(answer)


def _spend(desk: Desk, typed: str, actor: Actor) -> dict[str, Any]:
    for subject_type in registry.subject_types():
        code_id = codes.consume(
            digits=typed,
            store_id=desk.store_id,
            person_id=desk.person_id,
            subject_type=subject_type,
        )
        if code_id is not None and not count_operation(desk):
            raise _Refuse(too_many(desk, limits().operations_a_day), code_id)
        if code_id is not None:
            return _do(desk, code_id, subject_type, actor)
    raise _NoCode


def _do(desk: Desk, code_id: int, subject_type: str, actor: Actor) -> dict[str, Any]:
    operation = registry.of(subject_type)
    assert operation is not None  # noqa: S101  its own key
    code = OneTimeCode.objects.defer("digits_hash", "digits_sealed").get(pk=code_id)
    try:
        page = operation.confirm(code, counter_of(desk), actor)
    except DomainError as refusal:
        raise _Refuse(refusal, code_id) from refusal
    audit.record(
        actor,
        CONFIRMED,
        f"code:{code_id}",
        store_id=desk.store_id,
        details={"operation": code.operation},
    )
    return _answer(subject_type, page, clock.now())
