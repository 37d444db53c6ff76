"""How often a person may type wrong codes at a store (D22, D23).

Whoever types a code takes a turn first: one code at a time for a person at a store. The limits
are read after that, and a wrong code is counted before the turn ends; so guesses sent all at
once count like guesses sent one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from django.db import connection

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import AuditEntry
from zhanggui.codes.errors import CodeExpired, CodeInvalid, Locked
from zhanggui.codes.models import CodeTry, TryKind
from zhanggui.core import clock, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import DomainError

WINDOW = timedelta(minutes=10)
LOCK = timedelta(minutes=10)
DAY = timedelta(hours=24)
MOST_IN_WINDOW = 5
MOST_IN_A_DAY = 20
STORE_ALERT_AT = 40
TOLD_EXPIRED_AT_MOST = 3
ALERT = "codes.tries.alert"

SQL: LiteralString = """
SELECT kind, at FROM codes_codetry
WHERE merchant_id = %(merchant)s AND store_id = %(store)s AND person_id = %(person)s
  AND at > %(tries_since)s
ORDER BY at DESC LIMIT 60
"""


@dataclass(frozen=True, slots=True)
class Tries:
    """A person's tries in vain of the last 24 hours at one store, newest first."""

    wrong: tuple[datetime, ...] = ()
    told_expired: tuple[datetime, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[str, datetime]]) -> Tries:
        """Sort what ``SQL`` found."""
        known = list(rows)
        return cls(
            wrong=tuple(at for kind, at in known if kind == TryKind.WRONG),
            told_expired=tuple(at for kind, at in known if kind == TryKind.EXPIRED),
        )

    def seconds_locked(self, moment: datetime) -> int:
        """How long typing stays locked, in whole seconds; 0 when it is not."""
        until = moment
        recent = self.wrong[:MOST_IN_WINDOW]
        if len(recent) == MOST_IN_WINDOW and recent[0] - recent[-1] < WINDOW:
            until = max(until, recent[0] + LOCK)
        if len(self.wrong) >= MOST_IN_A_DAY:
            until = max(until, self.wrong[MOST_IN_A_DAY - 1] + DAY)
        wait = until - moment
        return -(-wait // timedelta(seconds=1)) if wait else 0

    def left(self, moment: datetime) -> int:
        """How many wrong codes are still allowed before the lock."""
        in_window = sum(at > moment - WINDOW for at in self.wrong)
        in_a_day = sum(at > moment - DAY for at in self.wrong)
        return max(0, min(MOST_IN_WINDOW - in_window, MOST_IN_A_DAY - in_a_day))

    def may_hear_expired(self, moment: datetime) -> bool:
        """Whether "expired" may be said once more (three times in ten minutes)."""
        return sum(at > moment - WINDOW for at in self.told_expired) < TOLD_EXPIRED_AT_MOST


def take_turn(*, person_id: int, store_id: int) -> Tries:
    """Wait for this person's turn at the store and read the tries so far."""
    turns.take("codes.tries", tenancy.current_merchant_id(), person_id, store_id)
    return of_person(person_id=person_id, store_id=store_id)


def of_person(*, person_id: int, store_id: int) -> Tries:
    """The tries so far, for a page that shows whether typing is locked; waits for nobody."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL,
            {
                "merchant": tenancy.current_merchant_id(),
                "store": store_id,
                "person": person_id,
                "tries_since": clock.now() - DAY,
            },
        )
        return Tries.of(cursor.fetchall())


EVERYWHERE: LiteralString = """
SELECT kind, at FROM codes_codetry
WHERE merchant_id = %(merchant)s AND person_id = %(person)s AND at > %(tries_since)s
  AND store_id IN (SELECT id FROM accounts_store WHERE merchant_id = %(merchant)s)
ORDER BY at DESC LIMIT 60
"""
"""The stores are named for the index, which begins with them."""


def take_turn_everywhere(*, typist: int) -> Tries:
    """As ``take_turn`` for a till that may be used in several stores: its tries in all of them."""
    merchant_id = tenancy.current_merchant_id()
    turns.take("codes.tries", merchant_id, typist)
    with connection.cursor() as cursor:
        cursor.execute(
            EVERYWHERE,
            {"merchant": merchant_id, "person": typist, "tries_since": clock.now() - DAY},
        )
        return Tries.of(cursor.fetchall())


def refuse(
    refusal: DomainError, known: Tries, *, person_id: int, store_id: int, actor: Actor
) -> DomainError:
    """What is told of a code that is of no use, and counted as a try if it was a guess.

    Inside the turn. "Expired" is told three times in ten minutes, then such a code is a wrong one
    (D22); the wrong code that reaches the limit answers the lock (D23).
    """
    moment = clock.now()
    if isinstance(refusal, CodeExpired) and not known.may_hear_expired(moment):
        refusal = CodeInvalid()
    if isinstance(refusal, CodeExpired):
        count(kind=TryKind.EXPIRED, person_id=person_id, store_id=store_id, actor=actor)
    if not isinstance(refusal, CodeInvalid):
        return refusal
    count(kind=TryKind.WRONG, person_id=person_id, store_id=store_id, actor=actor)
    counted = Tries((moment, *known.wrong), known.told_expired)
    wait = counted.seconds_locked(moment)
    return Locked(retry_after_s=wait) if wait else CodeInvalid(left=counted.left(moment))


def count(*, kind: TryKind, person_id: int, store_id: int, actor: Actor) -> None:
    """Count one try in the transaction that holds the turn; tells the office at 40 a day."""
    moment = clock.now()
    CodeTry(kind=kind, person_id=person_id, store_id=store_id, at=moment).save(force_insert=True)
    if kind != TryKind.WRONG:
        return
    today = wrong_at_store(store_id, since=moment - DAY)
    if today < STORE_ALERT_AT:
        return
    is_told = AuditEntry.objects.filter(
        at__gt=moment - DAY, action=ALERT, target=f"store:{store_id}"
    ).exists()
    if not is_told:
        audit.record(actor, ALERT, f"store:{store_id}", store_id=store_id, details={"wrong": today})


def wrong_at_store(store_id: int, *, since: datetime) -> int:
    """Wrong codes typed at a store since then."""
    return CodeTry.objects.filter(store_id=store_id, at__gt=since, kind=TryKind.WRONG).count()
