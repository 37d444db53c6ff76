"""Which messages a worker takes: due ones nobody else has, each for a short while.

Single messages come first, those of mailings when none of them waits; an index leads to each kind.

``SKIP LOCKED`` lets any number of workers share one queue; a claim that ran out belongs to a worker
that was killed, and somebody else carries its messages on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from django.db import connection

from zhanggui.core import clock, tenancy, tokens
from zhanggui.messaging.models import Campaign, Message, State
from zhanggui.messaging.outcomes import Outcome

LEASE = timedelta(seconds=120)
BATCH = 200

_SINGLE: LiteralString = "campaign_id IS NULL"
_MAILED: LiteralString = "campaign_id IS NOT NULL AND (%(by_wechat)s OR route <> 'wechat')"

_DUE: LiteralString = """
WITH due AS (
  SELECT id, state FROM messaging_message
  WHERE merchant_id = %(merchant)s AND due_at <= %(now)s
    AND state IN ('queued', 'sending')
    AND (state = 'queued' OR claimed_until < %(now)s)
    AND """
_TAKE: LiteralString = """
  ORDER BY due_at, id LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
)
UPDATE messaging_message m
SET state = 'sending', claim = %(claim)s, claimed_until = %(until)s, attempt = m.attempt + 1,
    first_try_at = coalesce(m.first_try_at, %(now)s::timestamptz)
FROM due
WHERE m.merchant_id = %(merchant)s AND m.id = due.id
RETURNING m.id, due.state
"""
_CLAIM_SINGLE: LiteralString = _DUE + _SINGLE + _TAKE
_CLAIM_MAILED: LiteralString = _DUE + _MAILED + _TAKE

_NOTE: LiteralString = """
UPDATE messaging_message m
SET state = v.state, error = v.error, error_kind = v.error_kind, segments = v.segments,
    platform_id = CASE WHEN v.platform_id = '' THEN m.platform_id ELSE v.platform_id END,
    due_at = coalesce(v.again_at, m.due_at),
    sent_at = CASE WHEN v.is_out THEN %(now)s::timestamptz ELSE m.sent_at END,
    done_at = CASE WHEN v.state = 'queued' THEN NULL ELSE %(now)s::timestamptz END,
    claim = '', claimed_until = NULL
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(errors)s::text[], %(kinds)s::text[],
            %(segments)s::int[], %(platforms)s::text[], %(again)s::timestamptz[],
            %(out)s::bool[])
     AS v(id, state, error, error_kind, segments, platform_id, again_at, is_out)
WHERE m.merchant_id = %(merchant)s AND m.id = v.id
  AND m.claim = %(claim)s AND m.state = 'sending'
RETURNING m.id
"""

_FALL_BACK: LiteralString = """
UPDATE messaging_message
SET state = 'queued', route = 'sms', wechat_error = %(error)s, error = '',
    due_at = %(now)s, claim = '', claimed_until = NULL, attempt = 0, first_try_at = NULL
WHERE merchant_id = %(merchant)s AND id = %(id)s AND claim = %(claim)s AND state = 'sending'
RETURNING id
"""

_POSTPONE: LiteralString = """
UPDATE messaging_message SET due_at = %(until)s, error = %(error)s
WHERE merchant_id = %(merchant)s AND campaign_id IS NOT NULL AND route = 'wechat'
  AND state = 'queued' AND due_at <= %(now)s
"""

_WORK: LiteralString = """
SELECT merchant_id, bool_or(campaign_id IS NULL), bool_or(campaign_id IS NOT NULL)
FROM messaging_message
WHERE state IN ('queued', 'sending') AND due_at <= %(now)s
  AND (state = 'queued' OR claimed_until < %(now)s)
GROUP BY merchant_id
"""

NOT_NEEDED = ("name_key", "sort_key", "search", "note", "store_ids", "tag_ids")
"""What no message says of a customer; half of the row, and lists take time to read."""
OUT = (State.SENT, State.DELIVERED, State.LOST, State.UNSURE)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages one worker has for a while."""

    claim: str
    until: datetime
    messages: list[Message]
    left_behind: frozenset[int]
    """Those a killed worker may have handed over already."""


def take(most: int = BATCH, *, with_mailings: bool = True, by_wechat: bool = True) -> Batch | None:
    """Claim due messages of the merchant in scope, oldest first; None when nothing waits.

    Args:
        most: how many.
        with_mailings: take those of mailings where no single one waits.
        by_wechat: take also those of mailings that go by WeChat.
    """
    batch = _take(_CLAIM_SINGLE, most, by_wechat=True)
    if batch is None and with_mailings:
        batch = _take(_CLAIM_MAILED, most, by_wechat=by_wechat)
    return batch


def _take(statement: LiteralString, most: int, *, by_wechat: bool) -> Batch | None:
    now, claim = clock.now(), tokens.new_token()
    until = now + LEASE
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "merchant": tenancy.current_merchant_id(),
                "now": now,
                "until": until,
                "claim": claim,
                "most": most,
                "by_wechat": by_wechat,
            },
        )
        found = dict(cursor.fetchall())
    if not found:
        return None
    behind = frozenset(pk for pk, state in found.items() if state == State.SENDING)
    rows = sorted(_messages(found), key=lambda row: (row.due_at, row.pk))
    return Batch(claim, until, rows, behind)


def _messages(ids: Collection[int]) -> list[Message]:
    """Messages with their customers; those of one mailing share its row."""
    rows = list(
        Message.objects.select_related("customer")
        .defer(*(f"customer__{name}" for name in NOT_NEEDED))
        .filter(pk__in=ids)
    )
    mailings = Campaign.objects.in_bulk({row.campaign_id for row in rows if row.campaign_id})
    for row in rows:
        if row.campaign_id is not None:
            row.campaign = mailings[row.campaign_id]
    return rows


def note(claim: str, results: Sequence[tuple[Message, Outcome]]) -> set[int]:
    """Write down what became of messages; answers the ids that were still this worker's."""
    if not results:
        return set()
    outcomes = [outcome for _message, outcome in results]
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "merchant": tenancy.current_merchant_id(),
                "claim": claim,
                "now": clock.now(),
                "ids": [message.pk for message, _outcome in results],
                "states": [one.state.value for one in outcomes],
                "errors": [one.error[:80] for one in outcomes],
                "kinds": [one.error_kind[:20] for one in outcomes],
                "segments": [
                    message.segments if one.state == State.QUEUED else one.used
                    for message, one in results
                ],
                "platforms": [one.platform_id[:80] for one in outcomes],
                "again": [one.again_at for one in outcomes],
                "out": [one.state in OUT for one in outcomes],
            },
        )
        return {pk for (pk,) in cursor.fetchall()}


def fall_back(claim: str, message: Message, error: str) -> bool:
    """Let a message go by SMS next; False when it was not this worker's any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FALL_BACK,
            {
                "merchant": tenancy.current_merchant_id(),
                "id": message.pk,
                "claim": claim,
                "error": error[:20],
                "now": clock.now(),
            },
        )
        return cursor.fetchone() is not None


def postpone(*, until: datetime, error: str) -> None:
    """Let what mailings still send by WeChat wait: the day's allowance is used up."""
    with connection.cursor() as cursor:
        cursor.execute(
            _POSTPONE,
            {
                "merchant": tenancy.current_merchant_id(),
                "until": until,
                "error": error[:80],
                "now": clock.now(),
            },
        )


class Work(NamedTuple):
    """What is due at a merchant."""

    merchant_id: int
    has_single: bool
    has_mailing: bool


def work_of_merchants() -> list[Work]:
    """Merchants that have messages due; inside ``all_merchants``."""
    with connection.cursor() as cursor:
        cursor.execute(_WORK, {"now": clock.now()})
        return [Work(*row) for row in cursor.fetchall()]
