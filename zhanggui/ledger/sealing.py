"""Sealing: bookings are chained after they were committed, so that the counter pays nothing for it.

Ids are given before transactions commit, so a smaller id can appear after a larger one. A booking
is sealed when no smaller id can come any more: its id was noted, a minute has passed, and every
transaction of this database that ran at that time has ended. From then on the order of ids is
final, and a row that turns up below the sealed end was put there by hand; the check says so.

Source: stamps specification 5.6; decision 37.
"""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString

from django.db import connection, transaction
from django.db.models import Max

from zhanggui.core import clock, tenancy
from zhanggui.ledger import chain
from zhanggui.ledger.models import Block, Chain, Transaction

BLOCK = 500
"""So many bookings one block holds at most: a fault is told by its block."""
BLOCKS_AT_ONCE = 20
WAIT = timedelta(seconds=50)
"""Longer than a statement takes to write the id it was given; the job comes every minute."""

_CLAIM: LiteralString = """
INSERT INTO ledger_chain (merchant_id, blocks, bookings, hash, sealed_id, watched_id, watched_xact,
                          checked, checked_s, found, findings)
VALUES (%s, 0, 0, %s, 0, 0, 0, 0, 0, 0, '[]')
ON CONFLICT (merchant_id) DO NOTHING
"""

# What other sessions do is looked up once per transaction and kept: looked up anew here.
_OWN_XACT: LiteralString = """
SELECT pg_current_xact_id()::text::bigint, pg_stat_clear_snapshot()
"""

# Nobody can write here from another database, so only this one's transactions are waited for.
# Sessions show their numbers to every role; ``age`` counts back from our own, over the wrap.
_OLDEST_AGE: LiteralString = """
SELECT max(age(running.xact))
FROM (SELECT backend_xid FROM pg_stat_activity WHERE datname = current_database()
      UNION ALL
      SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
     ) running (xact)
"""

_UNSEALED: LiteralString = """
SELECT m.id FROM accounts_merchant m
LEFT JOIN ledger_chain c ON c.merchant_id = m.id
WHERE EXISTS (SELECT FROM ledger_transaction t
              WHERE t.merchant_id = m.id AND t.id > coalesce(c.sealed_id, 0))
ORDER BY m.id
"""


def seal_all() -> int:
    """Seal what can be sealed of every merchant; answers how many bookings."""
    with (
        tenancy.all_merchants("every merchant's ledger is sealed"),
        connection.cursor() as cursor,
    ):
        cursor.execute(_UNSEALED)
        merchants = [merchant_id for (merchant_id,) in cursor.fetchall()]
    sealed = 0
    for merchant_id in merchants:
        with tenancy.merchant_scope(merchant_id):
            sealed += seal()
    return sealed


def seal() -> int:
    """Seal what can be sealed of the merchant in scope; answers how many bookings.

    Called again after a minute or more it has sealed what was booked before the first call.
    """
    newest = Transaction.objects.aggregate(newest=Max("pk"))["newest"] or 0
    sealed = 0
    while True:
        with transaction.atomic():
            head = _locked()
            xact, oldest = _xacts()
            added = _append(head) if _is_final(head, xact, oldest) else 0
            sealed += added
            is_done = head.watched_id <= head.sealed_id
            if is_done and newest > head.sealed_id:
                # noted after ``newest`` was read: whoever holds a smaller id has a smaller number
                head.watched_id, head.watched_xact = newest, xact
                head.watched_at = clock.now()
            head.save()
            if is_done or not added:
                return sealed


def waiting(head: Chain | None, most: int) -> int:
    """How many bookings wait to be sealed, counted up to ``most``."""
    after = head.sealed_id if head else 0
    return Transaction.objects.filter(pk__gt=after).order_by("pk")[:most].count()


def head_of() -> Chain | None:
    """The chain of the merchant in scope; None before anything was sealed or checked."""
    return Chain.objects.first()


def locked_head() -> Chain:
    """The chain's row of the merchant in scope, made if need be, locked by the transaction."""
    return _locked()


def _locked() -> Chain:
    merchant_id = tenancy.current_merchant_id()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [merchant_id, chain.beginning(merchant_id)])
    return Chain.objects.select_for_update().get()


def _xacts() -> tuple[int, int]:
    """The number of our own transaction, and the smallest one still under way in this database.

    Our own is the number ``age`` counts from, so it must have been given before.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OWN_XACT)
        own: int = cursor.fetchone()[0]
        cursor.execute(_OLDEST_AGE)
        (oldest_age,) = cursor.fetchone()
    return own, own - int(oldest_age)


def _is_final(head: Chain, xact: int, oldest: int) -> bool:
    """Whether nothing can come up to the noted id any more.

    A number larger than our own was noted by another cluster, before a backup was restored.
    """
    if head.watched_at is None or head.watched_id <= head.sealed_id:
        return False
    has_waited = head.watched_at <= clock.now() - WAIT
    return has_waited and (oldest >= head.watched_xact or xact < head.watched_xact)


def _append(head: Chain) -> int:
    """Add blocks up to the noted id, at most ``BLOCKS_AT_ONCE``; answers how many bookings."""
    found = list(chain.lines(head.sealed_id, head.watched_id, most=BLOCK * BLOCKS_AT_ONCE))
    blocks, now = [], clock.now()
    for start in range(0, len(found), BLOCK):
        for line in found[start : start + BLOCK]:
            head.bookings += 1
            head.hash = chain.step(head.hash, chain.numbered(head.bookings, line.text))
            head.sealed_id = line.id
        head.blocks += 1
        blocks.append(
            Block(
                merchant_id=head.merchant_id,
                number=head.blocks,
                last_id=head.sealed_id,
                position=head.bookings,
                hash=head.hash,
                sealed_at=now,
            )
        )
    Block.objects.bulk_create(blocks)
    head.sealed_at = now
    return len(found)
