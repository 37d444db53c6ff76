"""Does the ledger add up? Sums, caches, reversals and the hash chain of one merchant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import LiteralString

from django.db import connection
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.core import tenancy
from zhanggui.ledger import caches, chain, sealing
from zhanggui.ledger.models import Block, Chain

Text = str | Promise
Tell = Callable[[int], None]

BALANCED, UNITS, REVERSALS, CHAINS = "balanced", "units", "reversals", "reversed_twice"
CACHE, NUMBERS, COUNTS, HASHES, HEAD = "cache", "block_numbers", "block_counts", "hashes", "head"
RULES: dict[str, Text] = {
    BALANCED: _("Each booking sums to 0 and has two sides"),
    UNITS: _("An account and its entries have one unit"),
    REVERSALS: _("A reversal is the opposite of its original"),
    CHAINS: _("No reversal is reversed"),
    CACHE: _("What pages show is the sum of its entries"),
    NUMBERS: _("No part of the sealed ledger is missing"),
    COUNTS: _("No sealed booking is missing, none was slipped in"),
    HASHES: _("Sealed bookings are as they were when they were sealed"),
    HEAD: _("The seal ends where it was last closed"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up."""

    rule: str
    """A key of ``RULES``."""
    what: str
    """``transaction:17``, ``account:3``, ``block:12`` or what a cache names."""
    expected: int
    found: int
    where: str = ""
    """Which cache."""

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        with translation.override("en"):  # for logs and the command
            rule = str(RULES[self.rule])
        return f"{rule}{place}: {self.what} is {self.found}, should be {self.expected}"


_UNBALANCED: LiteralString = """
SELECT 'transaction:' || t.id, 0, coalesce(sum(e.amount), 0)
FROM ledger_transaction t
LEFT JOIN ledger_entry e ON e.merchant_id = %(merchant)s AND e.transaction_id = t.id
WHERE t.merchant_id = %(merchant)s
GROUP BY t.id HAVING coalesce(sum(e.amount), 0) <> 0 OR count(e.id) < 2
"""

_UNIT_MIX: LiteralString = """
SELECT 'entry:' || e.id, 0, 1
FROM ledger_entry e
JOIN ledger_transaction t ON t.merchant_id = %(merchant)s AND t.id = e.transaction_id
JOIN ledger_account a ON a.merchant_id = %(merchant)s AND a.id = e.account_id
WHERE e.merchant_id = %(merchant)s AND a.unit <> t.unit
"""

_REVERSALS: LiteralString = """
WITH moved AS (
  SELECT e.transaction_id, e.account_id, sum(e.amount) AS amount
  FROM ledger_entry e WHERE e.merchant_id = %(merchant)s
  GROUP BY e.transaction_id, e.account_id
), pairs AS (
  SELECT t.id, t.reverses_id FROM ledger_transaction t
  WHERE t.merchant_id = %(merchant)s AND t.reverses_id IS NOT NULL
)
SELECT 'transaction:' || side.id, 0, sum(side.amount)::bigint
FROM (
  SELECT p.id, m.account_id, m.amount FROM pairs p JOIN moved m ON m.transaction_id = p.id
  UNION ALL
  SELECT p.id, m.account_id, m.amount FROM pairs p
  JOIN moved m ON m.transaction_id = p.reverses_id
) side
GROUP BY side.id, side.account_id HAVING sum(side.amount) <> 0
"""

_TWICE: LiteralString = """
SELECT 'transaction:' || t.id, 0, 1
FROM ledger_transaction t
JOIN ledger_transaction o ON o.merchant_id = %(merchant)s AND o.id = t.reverses_id
WHERE t.merchant_id = %(merchant)s AND o.reverses_id IS NOT NULL
"""

_STATEMENTS: dict[str, LiteralString] = {
    BALANCED: _UNBALANCED,
    UNITS: _UNIT_MIX,
    REVERSALS: _REVERSALS,
    CHAINS: _TWICE,
}


def findings(tell: Tell = lambda _done: None) -> list[Finding]:
    """Everything that does not add up for the merchant in scope; empty when all is well.

    Args:
        tell: is told how many sealed bookings were hashed again.
    """
    return [*_sums(), *broken_blocks(tell)]


def _sums() -> Iterator[Finding]:
    values = {"merchant": tenancy.current_merchant_id()}
    with connection.cursor() as cursor:
        for rule, sql in _STATEMENTS.items():
            cursor.execute(sql, values)
            yield from [Finding(rule, *row) for row in cursor.fetchall()]
        for cache in caches.all_caches():
            cursor.execute(cache.sql, values)
            for what, cached, total in cursor.fetchall():
                yield Finding(CACHE, what, expected=total, found=cached, where=cache.name)


@dataclass
class _Walk:
    """How far the chain was hashed again."""

    hash: str
    position: int = 0
    number: int = 0


def broken_blocks(tell: Tell = lambda _done: None) -> Iterator[Finding]:
    """Blocks that do not agree with the ledger's rows, or with each other.

    After a fault the walk goes on from what the block says, so that each fault is told once.
    """
    head = sealing.head_of()
    if head is None:
        return
    walk = _Walk(chain.beginning(head.merchant_id))
    rows = chain.lines(0, head.sealed_id)
    row = next(rows, None)
    for block in Block.objects.filter(number__lte=head.blocks).order_by("number").iterator():
        if block.number != walk.number + 1:
            yield Finding(NUMBERS, f"block:{walk.number + 1}", walk.number + 1, block.number)
        hash_, count = walk.hash, 0
        while row is not None and row.id <= block.last_id:
            count += 1
            hash_ = chain.step(hash_, chain.numbered(walk.position + count, row.text))
            row = next(rows, None)
        wanted = block.position - walk.position
        if count != wanted:
            yield Finding(COUNTS, f"block:{block.number}", wanted, count)
        elif hash_ != block.hash:
            yield Finding(HASHES, f"block:{block.number}", 0, 1)
        walk = _Walk(block.hash, block.position, block.number)
        tell(walk.position)
    yield from _of_head(head, walk)


def _of_head(head: Chain, walk: _Walk) -> Iterator[Finding]:
    if walk.number != head.blocks:
        yield Finding(HEAD, f"block:{head.blocks}", head.blocks, walk.number)
    elif (walk.hash, walk.position) != (head.hash, head.bookings):
        yield Finding(HEAD, f"block:{head.blocks}", head.bookings, walk.position)
