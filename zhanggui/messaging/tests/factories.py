"""Smallest valid rows of messaging; a test names only what it is about."""

from __future__ import annotations

from itertools import count

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.messaging import wallet
from zhanggui.messaging.models import Grant, Purse

_numbers = count(1)


def fill_purse(merchant: Merchant, segments: int, purse: Purse = Purse.SERVICE) -> Grant:
    """Credit that was bought."""
    return wallet.grant(
        merchant=merchant,
        segments=segments,
        cause=f"order:{next(_numbers)}",
        actor=ACTOR,
        purse=purse,
    )
