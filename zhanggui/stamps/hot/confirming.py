"""The statements of confirming a code: two trips to the database, the last one commits.

First trip: take the turn, read tries and an earlier answer, spend the code, move the card and note
the visit in one chained UPDATE, and check who stands at the desk (``desks.assumed``; a desk that
nobody remembers costs a trip before). Second: the ledger, the record, the audit entry, the answer,
COMMIT. ``services.confirming`` decides what they mean;
``statements`` holds their text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from zhanggui.accounts.models import ActorKind
from zhanggui.core import idempotency
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import HotTransaction, Line, Statement, Value, Values
from zhanggui.ledger.models import Unit
from zhanggui.stamps import ways
from zhanggui.stamps.hot import facts as desk_facts
from zhanggui.stamps.hot import statements as sql
from zhanggui.stamps.hot.facts import Facts
from zhanggui.stamps.models import Kind, Method
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Check
from zhanggui.stamps.told import CANCELLED, STAMPED

TOLD = [STAMPED.name, CANCELLED.name]


class Moved(NamedTuple):
    """What ``MOVE`` answers when a code was spent; ``card_id`` is None when the card refused."""

    code_id: int
    operation: str
    card_id: int | None
    card_account_id: int
    balance: int
    delta: int
    programme_name: str
    slots: int
    issue_account_id: int
    customer_id: int
    customer_name: str
    name_key: str
    cancelled_id: int | None
    reversed_id: int | None
    transaction_id: int
    record_id: int
    phone_hash: bytes
    is_same_wechat: bool
    """Whether the customer's WeChat is the manager's."""
    distance_m: int | None
    is_far: bool
    """See ``places``."""


@dataclass(frozen=True, slots=True)
class Question:
    """What both trips need to know; ids of the open scope."""

    merchant_id: int
    binding_id: int
    person_id: int
    store_id: int
    hashes: list[bytes]
    subject_type: str
    now: datetime
    day: date
    day_end: datetime
    """When the business day ends."""
    tries_since: datetime
    cancel_since: datetime
    replay_since: datetime
    amount: int
    record_id: int | None
    method: Method
    caller: str
    key: str


@dataclass(frozen=True, slots=True)
class Booking:
    """What the second trip writes, besides what ``MOVE`` found."""

    kind: Kind
    method: Method
    cause: str
    """What it refers to, such as ``code:17``; books once."""
    code_id: int | None
    actor_kind: ActorKind
    actor_id: int | None
    event: str
    manager_name: str
    reason: str
    action: str
    details: Mapping[str, Any]
    device: str
    ip: str | None
    fingerprint: bytes
    answer: Mapping[str, Any]
    message: Statement | None
    """What the customer is told, if the shop wants that."""


def ask(hot: HotTransaction, question: Question, check: Check | None) -> tuple[Facts, Moved | None]:
    """The first trip: take the turn, read the facts, spend the code and move the card.

    Raises:
        Assumed: the desk was another one, so this must not have happened.
    """
    q = question
    values: Values = {
        "merchant": q.merchant_id,
        "binding": q.binding_id,
        "person": q.person_id,
        "store": q.store_id,
        "hashes": q.hashes,
        "subject_type": q.subject_type,
        "now": q.now,
        "day": q.day,
        "day_end": q.day_end,
        "feature": FEATURE.name,
        "tries_since": q.tries_since,
        "cancel_since": q.cancel_since,
        "amount": q.amount,
        "record": q.record_id,
        "caller": q.caller,
        "key": q.key,
        "templates": TOLD,
        **way_values(q.method, q.now),
    }
    facts, (moved,) = desk_facts.ask(hot, values, [Statement(sql.MOVE, values)], check)
    return facts, moved_of(moved)


def way_values(method: Method, now: datetime) -> dict[str, Value]:
    """What ``MOVING`` needs to know of how it was proved."""
    return {
        "method": method.value,
        "way": ways.listed(method).value,
        "alike": ways.alike(method),
        "again_before": now - ways.AGAIN_WITHIN,
    }


def moved_of(rows: list[Line]) -> Moved | None:
    """Read what ``MOVING`` answers."""
    if not rows:
        return None
    row = rows[0]
    return Moved(
        code_id=read.number(row[0]),
        operation=read.text(row[1]),
        card_id=read.number_or_none(row[2]),
        card_account_id=read.number(row[3]),
        balance=read.number(row[4]),
        delta=read.number(row[5]),
        programme_name=read.text(row[6]),
        slots=read.number(row[7]),
        issue_account_id=read.number(row[8]),
        customer_id=read.number(row[9]),
        customer_name=read.text(row[10]),
        name_key=read.text(row[11]),
        cancelled_id=read.number_or_none(row[12]),
        reversed_id=read.number_or_none(row[13]),
        transaction_id=read.number(row[14]),
        record_id=read.number(row[15]),
        phone_hash=read.raw_bytes(row[16]),
        is_same_wechat=read.is_true(row[17]),
        distance_m=read.number_or_none(row[18]),
        is_far=read.is_true(row[19]),
    )


def book(
    hot: HotTransaction,
    question: Question,
    moved: Moved,
    booking: Booking,
    *,
    is_key_old: bool,
    more: Sequence[Statement] = (),
) -> None:
    """The second trip: the ledger, the record, the audit entry, the answer, COMMIT.

    Args:
        hot: the transaction of ``ask``.
        question: the same as there.
        moved: what it found.
        booking: what else is written.
        is_key_old: the key was used more than 24 hours ago: its old answer makes room.
        more: what else commits with it.
    """
    values = _booking_values(question, moved, booking)
    statements = [Statement(text, values) for text in sql.BOOKED]
    statements += idempotency.keeping(
        merchant_id=question.merchant_id,
        caller=question.caller,
        key=question.key,
        print_=booking.fingerprint,
        answer=booking.answer,
        now=question.now,
        is_old=is_key_old,
    )
    if booking.message:
        statements.append(booking.message)
    hot.last([*statements, *more])


def _booking_values(question: Question, moved: Moved, booking: Booking) -> dict[str, Value]:
    q, m, b = question, moved, booking
    return {
        "merchant": q.merchant_id,
        "transaction": m.transaction_id,
        "unit": Unit.STAMP.value,
        "event": b.event,
        "cause": b.cause,
        "reversed": m.reversed_id,
        "store": q.store_id,
        "now": q.now,
        "day": q.day,
        "from_account": m.issue_account_id,
        "to_account": m.card_account_id,
        "amount": m.delta,
        "record": m.record_id,
        "kind": b.kind.value,
        "method": b.method.value,
        "card": m.card_id,
        "customer": m.customer_id,
        "person": q.person_id,
        "manager_name": b.manager_name,
        "customer_name": m.customer_name,
        "name_key": m.name_key,
        "balance": m.balance,
        "code": b.code_id,
        "cancelled": m.cancelled_id,
        "reason": b.reason,
        "distance": m.distance_m,
        "is_far": m.is_far,
        "actor_kind": b.actor_kind.value,
        "actor": b.actor_id,
        "action": b.action,
        "target": b.cause,
        "details": dict(b.details),
        "device": b.device,
        "ip": b.ip,
    }
