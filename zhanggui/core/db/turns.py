"""Taking turns: one at a time for a named thing, until the transaction ends."""

from __future__ import annotations

from hashlib import blake2b

from django.db import connection

TAKE = "SELECT pg_advisory_xact_lock(%(turn)s::bigint)"


def number(*parts: object) -> int:
    """The lock number of a thing, for example ``("codes.tries", merchant_id, person_id)``.

    64 bits of a hash: two things that share a number only wait for each other now and then.
    """
    name = "|".join(str(part) for part in parts).encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)


def take(*parts: object) -> None:
    """Wait for the turn; it is given back when the transaction ends.

    The statements after this one see what the one before has committed.
    """
    if not connection.in_atomic_block:
        message = "a turn lasts until the end of a transaction: open one first"
        raise RuntimeError(message)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"turn": number(*parts)})
