"""Confirming a code of another module at the desk: one code, one effect, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.codes import desk as registry
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock, idempotency
from zhanggui.core.errors import DomainError
from zhanggui.stamps.errors import NotManager
from zhanggui.stamps.models import ManagerBinding
from zhanggui.stamps.services.confirming import CONFIRMED
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
    from zhanggui.stamps.results import Desk


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
    content = {"digits": codes.hashes_of(typed)[0].hex(), "store": desk.store_id}

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
    operation = registry.of(answer["subject"])
    assert operation is not None  # noqa: S101  it was there when it answered
    return Done(operation.done_template, answer["page"])


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
    return {"subject": subject_type, "page": {**page, "at": clock.now().isoformat()}}
