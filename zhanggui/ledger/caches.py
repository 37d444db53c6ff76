"""Balances kept outside the ledger: each owner says how to compare them with the entries.

``Account.balance`` is compared by itself; a product that keeps the balance in a row of its own
(one row to lock, not two) registers a statement here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class BalanceCache:
    """A statement that lists what does not agree.

    ``sql`` takes ``%(merchant)s`` and answers rows (what, cached balance, sum of the entries),
    only those that differ.
    """

    name: str
    sql: LiteralString


_caches: dict[str, BalanceCache] = {}


def register(cache: BalanceCache) -> None:
    """Let ``verify_ledger`` compare this cache, too; called from ``apps.py``."""
    _caches[cache.name] = cache


def all_caches() -> list[BalanceCache]:
    """The ledger's own cache and every registered one."""
    return [_OWN, *_caches.values()]


_OWN = BalanceCache(
    name="ledger.account",
    sql="""
    SELECT 'account:' || a.id, a.balance, coalesce(e.total, 0)
    FROM ledger_account a
    LEFT JOIN (
      SELECT account_id, sum(amount) AS total FROM ledger_entry
      WHERE merchant_id = %(merchant)s GROUP BY account_id
    ) e ON e.account_id = a.id
    WHERE a.merchant_id = %(merchant)s AND a.is_cached AND a.balance <> coalesce(e.total, 0)
    """,
)
