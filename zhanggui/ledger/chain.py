"""The hash chain over a merchant's ledger: how a booking is written down, and hashed.

A booking is one line of text with its entries, its position in the chain in front.
``h_i = SHA-256(h_{i-1} + newline + line_i)`` in hexadecimal; ``h_0`` is the hash of the chain's
first line, which names format and merchant.
Nobody's name or number is in a line, so that a person can be erased without breaking the chain.

Source: stamps specification 5.6; decision 37.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import LiteralString, NamedTuple

from django.db import connection

from zhanggui.core import tenancy

FORMAT = "zhanggui-ledger-1"
AT_ONCE = 2_000

# Text and order are spelled out: they must not depend on a setting of the database or session.
_LINES: LiteralString = """
SELECT t.id, concat_ws(E'\\t', t.id,
    to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    to_char(t.business_date, 'YYYY-MM-DD'), t.unit, t.event, t.cause,
    coalesce(t.store_id::text, '-'), coalesce(t.reverses_id::text, '-'),
    (SELECT string_agg(concat_ws(' ', e.id, a.code, e.amount), E'\\t' ORDER BY e.id)
     FROM ledger_entry e
     LEFT JOIN ledger_account a ON a.merchant_id = %(merchant)s AND a.id = e.account_id
     WHERE e.merchant_id = %(merchant)s AND e.transaction_id = t.id))
FROM ledger_transaction t
WHERE t.merchant_id = %(merchant)s AND t.id > %(after)s AND t.id <= %(up_to)s
ORDER BY t.id LIMIT %(most)s
"""


class Line(NamedTuple):
    """A booking as it is hashed; its position in the chain comes in front."""

    id: int
    text: str


def lines(after: int, up_to: int, *, most: int | None = None) -> Iterator[Line]:
    """Bookings of the merchant in scope with ``after < id <= up_to``, in the chain's order.

    Args:
        after: id of a transaction, 0 for all.
        up_to: the last one wanted.
        most: at most so many; None for all, read in pieces.
    """
    merchant_id = tenancy.current_merchant_id()
    while True:
        values = {
            "merchant": merchant_id,
            "after": after,
            "up_to": up_to,
            "most": AT_ONCE if most is None else most,
        }
        with connection.cursor() as cursor:
            cursor.execute(_LINES, values)
            found = [Line(*row) for row in cursor.fetchall()]
        yield from found
        if most is not None or len(found) < AT_ONCE:
            return
        after = found[-1].id


def first_line(merchant_id: int) -> str:
    """What the chain begins with."""
    return f"{FORMAT}\t{merchant_id}"


def beginning(merchant_id: int) -> str:
    """The hash before the first booking."""
    return sha256(first_line(merchant_id).encode()).hexdigest()


def numbered(position: int, text: str) -> str:
    """A booking with its place in the chain, counted from 1."""
    return f"{position}\t{text}"


def step(before: str, line: str) -> str:
    """The hash after one more numbered booking."""
    return sha256(f"{before}\n{line}".encode()).hexdigest()
