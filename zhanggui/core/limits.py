"""Counting of whatever can be guessed or flooded.

A limit is checked before the business transaction and counted after the refusal in a
transaction of its own, so that rolling back cannot give a try back. Where the try itself costs
something (a password's hash, a text message) it is claimed before instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import LiteralString

from django.db import connection, transaction
from django.db.models import Case, F, Value, When

from zhanggui.core import clock
from zhanggui.core.db.pipeline import Line, Statement
from zhanggui.core.errors import TooMany
from zhanggui.core.models import LimitCounter


@dataclass(frozen=True, slots=True)
class Limit:
    """``most`` tries within ``window_s`` seconds; the try that reaches it locks for ``lock_s``."""

    kind: str
    most: int
    window_s: int
    lock_s: int


_COUNT = """
INSERT INTO core_limitcounter AS c (kind, subject, window_starts_at, count, locked_until)
VALUES (%(kind)s, %(subject)s, %(now)s, 1,
        CASE WHEN %(most)s <= 1 THEN %(until)s ELSE NULL::timestamptz END)
ON CONFLICT (kind, subject) DO UPDATE SET
  window_starts_at = CASE WHEN c.window_starts_at <= %(oldest)s THEN %(now)s
                          ELSE c.window_starts_at END,
  count = CASE WHEN c.window_starts_at <= %(oldest)s THEN 1 ELSE c.count + 1 END,
  locked_until = CASE
    WHEN (CASE WHEN c.window_starts_at <= %(oldest)s THEN 1 ELSE c.count + 1 END) >= %(most)s
    THEN %(until)s ELSE c.locked_until END
RETURNING count, locked_until
"""


def count(limit: Limit, subject: str) -> datetime | None:
    """Count one try, committed at once; answers until when the subject is locked, if it is.

    Raises:
        RuntimeError: called inside a transaction, whose end could take the count back.
    """
    moment = clock.now()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "kind": limit.kind,
                "subject": subject,
                "now": moment,
                "most": limit.most,
                "oldest": moment - timedelta(seconds=limit.window_s),
                "until": moment + timedelta(seconds=limit.lock_s),
            },
        )
        _count, locked_until = cursor.fetchone()
    return locked_until if locked_until and locked_until > moment else None


_CLAIM: LiteralString = """
INSERT INTO core_limitcounter AS c (kind, subject, window_starts_at, count, locked_until)
VALUES (%(kind)s, %(subject)s, %(now)s::timestamptz, 1,
        CASE WHEN %(most)s::integer <= 1 THEN %(until)s::timestamptz END)
ON CONFLICT (kind, subject) DO UPDATE SET
  window_starts_at = CASE WHEN c.window_starts_at <= %(oldest)s::timestamptz
                          THEN %(now)s::timestamptz ELSE c.window_starts_at END,
  count = CASE WHEN c.window_starts_at <= %(oldest)s::timestamptz THEN 1 ELSE c.count + 1 END,
  locked_until = CASE
    WHEN (CASE WHEN c.window_starts_at <= %(oldest)s::timestamptz THEN 1 ELSE c.count + 1 END)
         >= %(most)s::integer
    THEN %(until)s::timestamptz END
WHERE c.locked_until IS NULL OR c.locked_until <= %(now)s::timestamptz
RETURNING count
"""


_NO_WAIT: LiteralString = "SELECT set_config('synchronous_commit', 'off', true)"


def claim(limit: Limit, subject: str) -> None:
    """Take one of the tries before it is made, committed at once.

    However many ask at the same moment, ``most`` of them get through: counting after the try
    would let all of them see the same free place.

    Raises:
        TooMany: none is left; carries the seconds to wait (429).
        RuntimeError: called inside a transaction, whose end could give the try back.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_CLAIM, _claim_values(limit, subject))
        is_free = cursor.fetchone() is not None
    if not is_free:
        raise _none_left(limit, subject)


def _none_left(limit: Limit, subject: str) -> TooMany:
    return TooMany(retry_after_s=max(seconds_locked([(limit, subject)]), 1))


class Claim:
    """``claim`` among the first reads of a hot door; they make one trip and so one transaction.

    That transaction ends with the trip: nothing that is refused later gives the try back. It does
    not wait for the disk: after a crash of the machine the count of its last moment may be missing.
    """

    def __init__(self, limit: Limit, subject: str) -> None:
        self.limit, self.subject = limit, subject
        self.statements = (Statement(_NO_WAIT), Statement(_CLAIM, _claim_values(limit, subject)))

    def check(self, answers: Sequence[Sequence[Line]]) -> None:
        """Read what ``statements`` answered.

        Raises:
            TooMany: no try is left; carries the seconds to wait (429).
        """
        _set, claimed = answers
        if not claimed:
            raise _none_left(self.limit, self.subject)


def claim_and(
    limit: Limit, subject: str, statement: LiteralString, values: Mapping[str, int | str]
) -> bool:
    """Take one of the tries and, if one is left, run a statement in the same trip.

    Args:
        limit: which limit.
        subject: who or what is counted.
        statement: reads ``FROM claimed``, which has one row or none.
        values: of the statement; not named as the limit's own.

    Returns:
        Whether a try was left.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH claimed AS ({_CLAIM}) {statement}",
            {**_claim_values(limit, subject), **values},
        )
        is_free: bool = cursor.rowcount > 0
        return is_free


def _claim_values(limit: Limit, subject: str) -> dict[str, int | str | datetime]:
    moment = clock.now()
    return {
        "kind": limit.kind,
        "subject": subject,
        "now": moment,
        "most": limit.most,
        "oldest": moment - timedelta(seconds=limit.window_s),
        "until": moment + timedelta(seconds=limit.lock_s),
    }


def release(limit: Limit, subject: str) -> None:
    """Give a claimed try back, for example after a right password of a whole shop's address."""
    LimitCounter.objects.filter(kind=limit.kind, subject=subject, count__gt=0).update(
        count=F("count") - 1,
        locked_until=Case(When(count__lte=limit.most, then=Value(None)), default=F("locked_until")),
    )


def seconds_locked(pairs: Iterable[tuple[Limit, str]]) -> int:
    """How long the longest of these locks still holds, in whole seconds; 0 when none does."""
    moment = clock.now()
    wanted = {(limit.kind, subject) for limit, subject in pairs}
    rows = LimitCounter.objects.filter(
        kind__in={kind for kind, _ in wanted},
        subject__in={subject for _, subject in wanted},
        locked_until__gt=moment,
    ).values_list("kind", "subject", "locked_until")
    waits = [until - moment for kind, subject, until in rows if (kind, subject) in wanted and until]
    return max((ceil(wait.total_seconds()) for wait in waits), default=0)


def check(*pairs: tuple[Limit, str]) -> None:
    """Refuse while any of these subjects is locked.

    Raises:
        TooMany: locked; carries the seconds to wait (429).
    """
    wait = seconds_locked(pairs)
    if wait:
        raise TooMany(retry_after_s=wait)


def forget(limit: Limit, subject: str) -> None:
    """Start counting anew, for example after a right password."""
    LimitCounter.objects.filter(kind=limit.kind, subject=subject).delete()
