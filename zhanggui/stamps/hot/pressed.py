"""The statements of a pressed stamp: one trip to read, then two as for a code (``confirming``).

First trip: the right to press, the stamps of this card's stores, what is known of the phone, an
earlier answer of the key, an equal press. The rule decides in between. Second trip: the right is
used up and the card moves, on the same conditions as for a code. Third: the ledger, the record,
the audit entry, the press, what was learned of the phone, COMMIT.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, LiteralString, NamedTuple

from zhanggui.accounts.hours import Hours
from zhanggui.accounts.standing import AT_WORK
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import HotTransaction, Line, Statement, Value, Values, trip
from zhanggui.core.limits import Claim
from zhanggui.messaging import outbox
from zhanggui.stamps.hot import confirming as hot
from zhanggui.stamps.hot import statements as hot_statements
from zhanggui.stamps.models import MATCHED, SealState
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.recognition.geometry import Shape, points_of
from zhanggui.stamps.recognition.rule import Pattern

_NONCE: LiteralString = """
SELECT id, used_at IS NOT NULL, expires_at <= %(now)s, is_again
FROM stamps_pressnonce
WHERE merchant_id = %(merchant)s AND digest = %(nonce)s AND customer_id = %(customer)s
  AND subject_id = %(card)s AND operation = %(operation)s
"""

_TICKET: LiteralString = """
SELECT id, store_id FROM stamps_counterticket
WHERE merchant_id = %(merchant)s AND card_id = %(card)s AND used_at IS NULL
  AND good_until > %(now)s
ORDER BY id DESC LIMIT 1
"""

_BOOK: LiteralString = f"""
SELECT p.id, p.name, p.store_id, p.state, p.points, s.name, s.state = 'open' AND {AT_WORK},
       s.hours
FROM stamps_seal p
JOIN accounts_store s ON s.merchant_id = %(merchant)s AND s.id = p.store_id
JOIN accounts_merchant m ON m.id = %(merchant)s
WHERE p.merchant_id = %(merchant)s AND p.state = ANY(%(matched)s)
  AND (p.store_id IN (SELECT x.store_id FROM stamps_programmestore x
                      WHERE x.merchant_id = %(merchant)s AND x.programme_id = %(programme)s)
       OR NOT EXISTS (SELECT 1 FROM stamps_programmestore x
                      WHERE x.merchant_id = %(merchant)s AND x.programme_id = %(programme)s))
"""  # noqa: S608  constants only

_DEVICE: LiteralString = """
SELECT presses, scale_sum_e4 FROM stamps_devicescale
WHERE merchant_id = %(merchant)s AND model = %(model)s
"""

_BEFORE: LiteralString = f"""
SELECT i.fingerprint, i.answer, i.created_at, {outbox.SWITCHED_ON}, e.id,
       e.at <= %(marks_since)s,
       (SELECT l.may_press_when_shut FROM stamps_limits l WHERE l.merchant_id = %(merchant)s)
FROM (SELECT 1) one
LEFT JOIN core_idempotencyrecord i
  ON i.merchant_id = %(merchant)s AND i.caller = %(caller)s AND i.key = %(key)s
LEFT JOIN stamps_press e ON e.merchant_id = %(merchant)s AND e.mark = %(mark)s
"""  # noqa: S608  constants only

_USE: LiteralString = """
UPDATE stamps_pressnonce SET used_at = %(now)s
WHERE merchant_id = %(merchant)s AND id = %(nonce_id)s AND used_at IS NULL
  AND expires_at > %(now)s
  AND EXISTS (SELECT 1 FROM stamps_seal p
              WHERE p.merchant_id = %(merchant)s AND p.id = %(seal)s AND p.state = 'active'
                AND p.store_id = %(store)s)
RETURNING id, operation, subject_id
"""

MOVE: LiteralString = f"WITH spent AS ({_USE}),{hot_statements.MOVING}"

_FREE_MARK: LiteralString = """
UPDATE stamps_press SET mark = NULL
WHERE merchant_id = %(merchant)s AND mark = %(mark)s AND at <= %(marks_since)s
"""

_PRESS: LiteralString = """
INSERT INTO stamps_press
  (merchant_id, seal_id, store_id, use, outcome, customer_id, card_id, record_id, model, phone,
   residual_um, largest_um, scale_e4, turn_e1, touches, is_stray, mark, frames, at)
VALUES (%(merchant)s, %(seal)s, %(store)s, %(use)s, 'ok', %(customer)s, %(card)s, %(record)s,
        %(model)s, '', %(residual)s, %(largest)s, %(scale)s, %(turn)s, %(touches)s, %(is_stray)s,
        %(mark)s, %(frames)s, %(now)s)
"""

_LEARN: LiteralString = """
INSERT INTO stamps_devicescale AS d
  (merchant_id, model, presses, scale_sum_e4, most_touches, doctor, at)
VALUES (%(merchant)s, %(model)s, 1, %(scale)s::bigint, %(touches)s::smallint, '', %(now)s)
ON CONFLICT (merchant_id, model) DO UPDATE
SET presses = d.presses + 1, scale_sum_e4 = d.scale_sum_e4 + excluded.scale_sum_e4,
    most_touches = greatest(d.most_touches, excluded.most_touches), at = excluded.at
"""


class Held(NamedTuple):
    """A stamp of the book."""

    seal_id: int
    name: str
    store_id: int
    state: SealState
    pattern: Pattern
    store_name: str
    is_open: bool
    hours: Hours


@dataclass(frozen=True, slots=True)
class Known:
    """What the first trip answers."""

    nonce_id: int | None
    is_used: bool
    is_over: bool
    is_again: bool
    """The customer wants another stamp although one came a moment ago (D26)."""
    ticket_id: int | None
    """The counter's code that this customer took for this card, and its store."""
    ticket_store_id: int | None
    book: dict[int, Held]
    presses: int
    scale_sum_e4: int
    fingerprint: bytes
    answer: dict[str, Any]
    answered_at: datetime | None
    told: tuple[str, ...]
    equal_id: int | None
    """A press of the last 90 days with the same coordinates."""
    is_mark_old: bool
    """An older one has them: its mark makes room."""
    may_press_when_shut: bool
    """Whether a press outside the store's hours counts."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is kept of an accepted press."""

    use: str
    residual_um: int
    largest_um: int
    scale_e4: int
    turn_e1: int
    touches: int
    is_stray: bool
    frames: dict[str, Any]


def look(values: Values, claim: Claim | None) -> Known:
    """The first trip.

    Args:
        values: what was sent and by whom.
        claim: of one press; None when it was claimed before.

    Raises:
        TooMany: no press is left (429).
    """
    asked = {
        **values,
        "feature": FEATURE.name,
        "matched": [state.value for state in MATCHED],
        "templates": hot.TOLD,
    }
    reads = [Statement(sql, asked) for sql in (_NONCE, _TICKET, _BOOK, _DEVICE, _BEFORE)]
    *claimed, nonce, ticket, seals, device, before = trip(
        [*claim.statements, *reads] if claim else reads
    )
    if claim:
        claim.check(claimed)
    nonce_id, is_used, is_over, is_again = nonce[0] if nonce else (None,) * 4
    ticket_id, ticket_store_id = ticket[0] if ticket else (None, None)
    presses, scale_sum = device[0] if device else (None, None)
    fingerprint, answer, answered_at, told, equal, is_old, when_shut = before[0]
    return Known(
        nonce_id=read.number_or_none(nonce_id),
        is_used=read.is_true(is_used),
        is_over=read.is_true(is_over),
        is_again=read.is_true(is_again),
        ticket_id=read.number_or_none(ticket_id),
        ticket_store_id=read.number_or_none(ticket_store_id),
        book={held.seal_id: held for held in map(_held, seals)},
        presses=read.number(presses),
        scale_sum_e4=read.number(scale_sum),
        fingerprint=read.raw_bytes(fingerprint),
        answer=json.loads(answer) if answer else {},
        answered_at=read.moment(answered_at),
        told=read.names(told),
        equal_id=None if read.is_true(is_old) else read.number_or_none(equal),
        is_mark_old=read.is_true(is_old),
        may_press_when_shut=when_shut is None or read.is_true(when_shut),
    )


def _held(row: Line) -> Held:
    seal_id = read.number(row[0])
    return Held(
        seal_id,
        read.text(row[1]),
        read.number(row[2]),
        SealState(read.text(row[3])),
        Pattern(seal_id, shape_of(read.text(row[4]))),
        read.text(row[5]),
        read.is_true(row[6]),
        json.loads(read.text(row[7])),
    )


@lru_cache(maxsize=4096)
def shape_of(points: str) -> Shape:
    """The shape of a stored pattern; its numbers are worked out once in a process."""
    return Shape.of(points_of(json.loads(points)))


def move(
    transaction: HotTransaction, values: Values, *, nonce_id: int, held: Held
) -> hot.Moved | None:
    """The second trip: use the right up and move the card; None when the right is gone."""
    spent = {**values, "nonce_id": nonce_id, "seal": held.seal_id, "store": held.store_id}
    return hot.moved_of(transaction.first([Statement(MOVE, spent)])[0])


def keep(
    values: Values, written: Written, *, held: Held, record_id: int, frees_mark: bool
) -> list[Statement]:
    """What commits with the booking: the press, and what it says about the phone."""
    kept: dict[str, Value] = {
        **values,
        "seal": held.seal_id,
        "store": held.store_id,
        "use": written.use,
        "record": record_id,
        "residual": written.residual_um,
        "largest": written.largest_um,
        "scale": written.scale_e4,
        "turn": written.turn_e1,
        "touches": written.touches,
        "is_stray": written.is_stray,
        "frames": written.frames,
    }
    statements = [Statement(_FREE_MARK, kept)] if frees_mark else []
    statements.append(Statement(_PRESS, kept))
    return [*statements, Statement(_LEARN, kept)] if values["model"] else statements
