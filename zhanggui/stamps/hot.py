"""The statements of confirming a code: two trips to the database, the last one commits.

First trip: take the turn, read tries and an earlier answer, spend the code, move the card and note
the visit in one chained UPDATE, and check who stands at the desk (``desks.assumed``; a desk that
nobody remembers costs a trip before). Second: the ledger, the record, the audit entry, the answer,
COMMIT. ``services.confirming`` decides what they mean.

Every statement names the merchant for each tenant table; UPDATEs are chained in one command and
INSERTs stand alone, so that the tables may be sharded by merchant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple

from zhanggui.accounts.models import ActorKind
from zhanggui.accounts.standing import AT_WORK
from zhanggui.codes.services import CONSUME
from zhanggui.codes.tries import MOST_IN_A_DAY, TOLD_EXPIRED_AT_MOST, Tries
from zhanggui.core.db import pipeline as read
from zhanggui.core.db import turns
from zhanggui.core.db.pipeline import HotTransaction, Line, Statement, Value, Values
from zhanggui.ledger.models import Unit
from zhanggui.messaging import outbox
from zhanggui.stamps.models import Kind, Method
from zhanggui.stamps.models_cards import OPERATIONS_A_DAY
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Check
from zhanggui.stamps.told import CANCELLED, STAMPED

FACTS: LiteralString = f"""
SELECT
  (SELECT CASE WHEN b.operated_on = %(day)s THEN b.operations ELSE 0 END
   FROM stamps_managerbinding b
   WHERE b.id = %(binding)s AND b.person_id = %(person)s AND b.removed_at IS NULL),
  s.state = 'open' AND {AT_WORK}, s.name,
  ARRAY(SELECT t.at FROM codes_codetry t
        WHERE t.merchant_id = %(merchant)s AND t.store_id = %(store)s
          AND t.person_id = %(person)s AND t.at > %(tries_since)s AND t.kind = 'wrong'
        ORDER BY t.at DESC LIMIT {MOST_IN_A_DAY}),
  ARRAY(SELECT t.at FROM codes_codetry t
        WHERE t.merchant_id = %(merchant)s AND t.store_id = %(store)s
          AND t.person_id = %(person)s AND t.at > %(tries_since)s AND t.kind = 'expired'
        ORDER BY t.at DESC LIMIT {TOLD_EXPIRED_AT_MOST}),
  i.fingerprint, i.answer, i.created_at, {outbox.SWITCHED_ON},
  l.operations_a_day, l.may_stamp_own,
  (SELECT q.phone_sealed FROM accounts_person q WHERE q.id = %(person)s)
FROM accounts_store s
JOIN accounts_merchant m ON m.id = %(merchant)s
LEFT JOIN stamps_limits l ON l.merchant_id = %(merchant)s
LEFT JOIN core_idempotencyrecord i
  ON i.merchant_id = %(merchant)s AND i.caller = %(caller)s AND i.key = %(key)s
WHERE s.merchant_id = %(merchant)s AND s.id = %(store)s
"""  # noqa: S608  constants only

# A card moves here only while nothing is won or lost by it (``due_at``, ``floor``); the rest is
# done by ``services.careful``, one statement after the other.
# The visit shows in the list of customers, once a day and store. A merge locks customers before
# cards, a booking cards first: whoever is being merged is left alone, so neither waits for ever.
MOVING: LiteralString = """
target AS (
  SELECT r.id, r.amount, r.transaction_id, r.business_date
  FROM stamps_stamprecord r
  WHERE r.merchant_id = %(merchant)s
    AND r.card_id = (SELECT subject_id FROM spent WHERE operation = 'stamps.cancel')
    AND r.store_id = %(store)s AND r.kind = 'accumulate' AND r.at >= %(cancel_since)s
    AND (%(record)s::bigint IS NULL OR r.id = %(record)s)
    AND NOT EXISTS (SELECT 1 FROM stamps_stamprecord c
                    WHERE c.merchant_id = %(merchant)s AND c.reverses_id = r.id)
  ORDER BY r.card_id, r.at DESC, r.id DESC LIMIT 1
),
wanted AS (
  SELECT spent.subject_id,
         CASE spent.operation WHEN 'stamps.accumulate' THEN %(amount)s::integer
                              WHEN 'stamps.cancel' THEN -target.amount END AS delta,
         target.business_date
  FROM spent LEFT JOIN target ON true
),
moved AS (
  UPDATE stamps_card c
  SET balance = c.balance + w.delta, version = c.version + 1,
      stamped_at = CASE WHEN w.delta > 0 THEN %(now)s::timestamptz ELSE c.stamped_at END,
      day = CASE WHEN w.delta > 0 THEN %(day)s::date ELSE c.day END,
      day_stamps = CASE
        WHEN w.delta > 0 THEN
          w.delta + CASE WHEN c.day = %(day)s::date THEN c.day_stamps ELSE 0 END
        WHEN c.day = w.business_date THEN greatest(0, c.day_stamps + w.delta)
        ELSE c.day_stamps END,
      expires_at = CASE
        WHEN c.expires_at IS NULL AND c.valid_days > 0 AND w.delta > 0
        THEN %(day_end)s::timestamptz + c.valid_days * interval '1 day'
        ELSE c.expires_at END
  FROM wanted w, stamps_programme p, contacts_customer k
  WHERE c.merchant_id = %(merchant)s AND c.id = w.subject_id AND c.state = 'open'
    AND p.merchant_id = %(merchant)s AND p.id = c.programme_id AND p.state = 'active'
    AND k.merchant_id = %(merchant)s AND k.id = c.customer_id AND k.state = 'active'
    AND (c.expires_at IS NULL OR c.expires_at > %(now)s::timestamptz)
    AND ((w.delta BETWEEN 1 AND p.max_per_code AND c.balance + w.delta < c.due_at
          AND (c.stamped_at IS NULL
               OR c.stamped_at <= %(now)s::timestamptz - p.gap_s * interval '1 second')
          AND w.delta + CASE WHEN c.day = %(day)s::date THEN c.day_stamps ELSE 0 END
              <= p.per_day)
         OR (w.delta < 0 AND c.balance + w.delta >= c.floor))
  RETURNING c.id, c.account_id, c.balance, w.delta, p.name AS programme_name, c.slots,
            p.issue_account_id, k.id AS customer_id, k.name, k.name_key, k.phone_hash
),
counted AS (
  UPDATE stamps_managerbinding
  SET operations = CASE WHEN operated_on = %(day)s::date THEN operations + 1 ELSE 1 END,
      operated_on = %(day)s::date
  WHERE id = %(binding)s AND EXISTS (SELECT 1 FROM moved)
),
visit AS (
  UPDATE contacts_customer
  SET last_seen_at = greatest(last_seen_at, %(now)s::timestamptz),
      store_ids = CASE WHEN store_ids @> ARRAY[%(store)s::bigint] THEN store_ids
                       ELSE store_ids || %(store)s::bigint END
  WHERE merchant_id = %(merchant)s AND id = (
    SELECT id FROM contacts_customer
    WHERE merchant_id = %(merchant)s AND id = (SELECT customer_id FROM moved)
      AND (last_seen_at < %(now)s::timestamptz - interval '12 hours'
           OR NOT store_ids @> ARRAY[%(store)s::bigint])
    FOR NO KEY UPDATE SKIP LOCKED)
)
SELECT spent.id, spent.operation, moved.id, moved.account_id, moved.balance, moved.delta,
       moved.programme_name, moved.slots, moved.issue_account_id, moved.customer_id,
       moved.name, moved.name_key, target.id, target.transaction_id,
       nextval('ledger_transaction_id_seq'), nextval('stamps_stamprecord_id_seq'),
       moved.phone_hash,
       EXISTS (SELECT 1 FROM contacts_identitylink n
               JOIN wechat_personidentity i
                 ON i.person_id = %(person)s AND i.account_id = n.account_id
                    AND i.openid = n.openid
               WHERE n.merchant_id = %(merchant)s AND n.customer_id = moved.customer_id
                 AND n.state = 'active')
FROM spent LEFT JOIN moved ON true LEFT JOIN target ON true
"""
"""What follows the CTE ``spent``: a code here, the right to press once in ``pressed``."""

MOVE: LiteralString = f"WITH spent AS ({CONSUME}),{MOVING}"

_TRANSACTION: LiteralString = """
INSERT INTO ledger_transaction
  (merchant_id, id, unit, event, cause, reverses_id, store_id, at, business_date)
VALUES (%(merchant)s, %(transaction)s, %(unit)s, %(event)s, %(cause)s, %(reversed)s, %(store)s,
        %(now)s, %(day)s)
"""

_ENTRIES: LiteralString = """
INSERT INTO ledger_entry (merchant_id, transaction_id, account_id, amount)
VALUES (%(merchant)s::bigint, %(transaction)s::bigint, %(issue_account)s::bigint,
        -%(delta)s::bigint),
       (%(merchant)s, %(transaction)s, %(card_account)s::bigint, %(delta)s)
"""

_RECORD: LiteralString = """
INSERT INTO stamps_stamprecord
  (merchant_id, id, transaction_id, kind, method, card_id, customer_id, store_id, manager_id,
   manager_name, customer_name, name_key, amount, balance_after, code_id, reverses_id, reason,
   at, business_date)
VALUES (%(merchant)s, %(record)s, %(transaction)s, %(kind)s, %(method)s, %(card)s, %(customer)s,
        %(store)s, %(person)s, %(manager_name)s, %(customer_name)s, %(name_key)s, %(delta)s,
        %(balance)s, %(code)s, %(cancelled)s, %(reason)s, %(now)s, %(day)s)
"""

_AUDIT: LiteralString = """
INSERT INTO accounts_auditentry
  (merchant_id, at, actor_kind, actor_id, action, target, store_id, details, device, ip)
VALUES (%(merchant)s, %(now)s, %(actor_kind)s, %(actor)s, %(action)s, %(target)s, %(store)s,
        %(details)s, %(device)s, %(ip)s)
"""

_FORGET: LiteralString = """
DELETE FROM core_idempotencyrecord
WHERE merchant_id = %(merchant)s AND caller = %(caller)s AND key = %(key)s
  AND created_at <= %(replay_since)s
"""

_ANSWER: LiteralString = """
INSERT INTO core_idempotencyrecord (merchant_id, caller, key, fingerprint, answer, created_at)
VALUES (%(merchant)s, %(caller)s, %(key)s, %(fingerprint)s, %(answer)s, %(now)s)
"""


TOLD = [STAMPED.name, CANCELLED.name]


class Assumed(Exception):
    """The desk is not what it was taken for."""


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What ``FACTS`` answers."""

    is_bound: bool
    is_open: bool
    store_name: str
    tries: Tries
    fingerprint: bytes
    answer: dict[str, Any]
    answered_at: datetime | None
    told: tuple[str, ...]
    """Names of the messages that the shop wants told."""
    operations: int
    """Codes that this manager has confirmed today."""
    operations_a_day: int
    may_stamp_own: bool
    phone_sealed: bytes
    """The manager's number."""


NO_STORE = Facts(
    is_bound=False,
    is_open=False,
    store_name="",
    tries=Tries(),
    fingerprint=b"",
    answer={},
    answered_at=None,
    told=(),
    operations=0,
    operations_a_day=OPERATIONS_A_DAY,
    may_stamp_own=False,
    phone_sealed=b"",
)


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
    turn = turns.number("codes.tries", q.merchant_id, q.person_id, q.store_id)
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
    }
    statements = [
        Statement(turns.TAKE, {"turn": turn}),
        Statement(FACTS, values),
        Statement(MOVE, values),
    ]
    if check is not None:
        statements.append(check.statement)
    _turn, facts, moved, *who = hot.first(statements)
    if check is not None:
        if who != [[check.expected]]:
            raise Assumed
        check.is_passed = True
    return _facts(facts), moved_of(moved)


def _facts(rows: list[Line]) -> Facts:
    if not rows:
        return NO_STORE
    operations, is_open, store_name, wrong, expired, fingerprint, answer, answered_at, told = rows[
        0
    ][:9]
    operations_a_day, may_stamp_own, phone_sealed = rows[0][9:]
    return Facts(
        is_bound=operations is not None,
        is_open=read.is_true(is_open),
        store_name=read.text(store_name),
        tries=Tries(read.moments(wrong), read.moments(expired)),
        fingerprint=read.raw_bytes(fingerprint),
        answer=json.loads(answer) if answer else {},
        answered_at=read.moment(answered_at),
        told=read.names(told),
        operations=read.number(operations),
        operations_a_day=read.number_or_none(operations_a_day) or OPERATIONS_A_DAY,
        may_stamp_own=read.is_true(may_stamp_own),
        phone_sealed=read.raw_bytes(phone_sealed),
    )


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
    statements = [Statement(sql, values) for sql in (_TRANSACTION, _ENTRIES, _RECORD, _AUDIT)]
    if is_key_old:
        statements.append(Statement(_FORGET, values | {"replay_since": question.replay_since}))
    if question.key:
        statements.append(Statement(_ANSWER, values))
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
        "issue_account": m.issue_account_id,
        "card_account": m.card_account_id,
        "delta": m.delta,
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
        "actor_kind": b.actor_kind.value,
        "actor": b.actor_id,
        "action": b.action,
        "target": b.cause,
        "details": dict(b.details),
        "device": b.device,
        "ip": b.ip,
        "caller": q.caller,
        "key": q.key,
        "fingerprint": b.fingerprint,
        "answer": dict(b.answer),
    }
