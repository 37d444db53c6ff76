"""Double entry for every unit: open accounts, book, reverse.

Every function runs in the open merchant scope and in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from zhanggui.ledger.models import Account, Transaction, Unit


def open_account(*, unit: Unit, code: str, is_cached: bool = True) -> Account:
    """The account of this code, made when it is not there yet."""
    raise NotImplementedError


def book(
    *,
    unit: Unit,
    event: str,
    cause: str,
    amounts: Mapping[int, int],
    zone: str,
    store_id: int | None = None,
    reverses: Transaction | None = None,
) -> Transaction:
    """Book amounts (account id to amount) that sum to zero."""
    raise NotImplementedError


def reverse(*, original: Transaction, event: str, cause: str, zone: str) -> Transaction:
    """Book the opposite of a transaction, once."""
    raise NotImplementedError
