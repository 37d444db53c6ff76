"""What a code typed at a counter may let happen: modules register their operations here.

One input takes every code (R14); the code itself says what it is for. The page of the counter lies
in a product, the operations in modules beside or below it, so they meet in this registry, filled in
``apps.py``. The counter looks after whoever types: binding, wrong tries, holding and spending the
code, the idempotency key. An operation says what it would do, and does it in the transaction that
spends the code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from zhanggui.codes.errors import CodeRevoked, WrongStore
from zhanggui.codes.models import OneTimeCode
from zhanggui.core.db.pipeline import Line, Statement
from zhanggui.core.errors import DomainError

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.codes.services import Reason


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a code is typed, and by whom; the merchant's scope is open."""

    store_id: int
    store_name: str
    person_id: int
    person_name: str
    zone: str


Preview = Callable[[OneTimeCode, Counter], Mapping[str, Any]]
"""What confirming would do, for the template; raises the refusal if it cannot be done."""
Confirm = Callable[[OneTimeCode, Counter, "Actor"], dict[str, Any]]
"""Does it, in the caller's transaction; answers plain JSON, which a repeat gets again."""

Gone = Callable[[int], DomainError | None]
"""Why a subject, by its number, took its code with it; None: the customer withdrew the code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A code typed at a counter, as both trips of ``AtOnce`` need to know it."""

    merchant_id: int
    store_id: int
    person_id: int
    zone: str
    hashes: list[bytes]
    """Under which the digits may stand (``services.hashes_of``)."""
    now: datetime
    day: date
    """The shop's business day."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What is written in the second trip, and what is answered."""

    code_id: int
    operation: str
    page: dict[str, Any]
    """As ``Confirm`` answers it."""
    statements: Sequence[Statement]


@dataclass(frozen=True)
class AtOnce:
    """An operation in two trips to the database (``core.db.pipeline``), for what happens often.

    It does only what goes through without a question. Whatever it leaves alone is rolled back and
    done or refused by ``Operation.confirm``, so both must write the same rows.
    """

    spend: Callable[[Asked], Statement]
    """Spends the code (``services.CONSUME``) and moves its subject; no row: no code to spend."""
    book: Callable[[Line, Asked, Counter, Actor, Collection[str]], Booked | None]
    """From that row, and from the messages that the shop wants told; None: leave it alone."""
    tells: tuple[str, ...] = ()
    """Names of the messages that it may send."""


@dataclass(frozen=True)
class Operation:
    """One thing that codes of a subject let happen at a counter."""

    subject_type: str
    preview: Preview
    preview_template: str
    confirm: Confirm
    done_template: str
    wrong_store: type[DomainError] = WrongStore
    at_once: AtOnce | None = None


_operations: dict[str, Operation] = {}
_gone: dict[str, Gone] = {}


def register(operation: Operation) -> None:
    """Let counters take codes of this subject.

    Raises:
        ValueError: another operation takes them already.
    """
    if _operations.get(operation.subject_type, operation) != operation:
        message = f"two operations take codes of {operation.subject_type}"
        raise ValueError(message)
    _operations[operation.subject_type] = operation


def register_gone(subject_type: str, why: Gone) -> None:
    """Let a counter hear why a code ended with its subject: blocked, frozen, taken away."""
    _gone[subject_type] = why


def subject_types() -> list[str]:
    """All subjects whose codes a counter takes."""
    return list(_operations)


def of(subject_type: str) -> Operation | None:
    """The operation for codes of this subject."""
    return _operations.get(subject_type)


def all_at_once() -> list[tuple[str, AtOnce]]:
    """The operations that can be done in two trips, with their subjects."""
    return [(name, one.at_once) for name, one in _operations.items() if one.at_once is not None]


def in_its_words(reason: Reason) -> DomainError:
    """A code for other stores, or ended with its subject, is refused in the subject's words."""
    operation = of(reason.subject_type)
    if operation is not None and isinstance(reason.refusal, WrongStore):
        return operation.wrong_store()
    why = _gone.get(reason.subject_type)
    if why is not None and isinstance(reason.refusal, CodeRevoked):
        return why(reason.subject_id) or reason.refusal
    return reason.refusal
