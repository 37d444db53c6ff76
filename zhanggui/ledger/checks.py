"""Does the ledger add up? Sums, caches and reversals of one merchant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from django.db import connection

from zhanggui.core import tenancy
from zhanggui.ledger import caches


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up."""

    rule: str
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.rule}: {self.what} is {self.found}, should be {self.expected}"


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

_CHAINS: LiteralString = """
SELECT 'transaction:' || t.id, 0, 1
FROM ledger_transaction t
JOIN ledger_transaction o ON o.merchant_id = %(merchant)s AND o.id = t.reverses_id
WHERE t.merchant_id = %(merchant)s AND o.reverses_id IS NOT NULL
"""

_RULES: dict[str, LiteralString] = {
    "each transaction sums to 0 and has two sides": _UNBALANCED,
    "an account and its entries have one unit": _UNIT_MIX,
    "a reversal is the opposite of its original": _REVERSALS,
    "no reversal is reversed": _CHAINS,
}


def findings() -> list[Finding]:
    """Everything that does not add up for the merchant in scope; empty when all is well."""
    merchant_id = tenancy.current_merchant_id()
    found: list[Finding] = []
    with connection.cursor() as cursor:
        for rule, sql in _RULES.items():
            cursor.execute(sql, {"merchant": merchant_id})
            found += [Finding(rule, *row) for row in cursor.fetchall()]
        for cache in caches.all_caches():
            cursor.execute(cache.sql, {"merchant": merchant_id})
            found += [
                Finding(f"balance kept in {cache.name}", what, expected=total, found=cached)
                for what, cached, total in cursor.fetchall()
            ]
    return found
