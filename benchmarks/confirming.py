"""Confirms per second through HTTP, against pgbench doing the least of it."""

from __future__ import annotations

from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import load, pgbench
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

CONNECTIONS = pgbench.CONNECTIONS
REFERENCE = Path(__file__).with_name("reference.sql")


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Both in the same run, on the same database, the reference before and after."""
    each = 100 if is_quick else 400
    warm(world)
    before = reference(world, each)
    product = confirm(world, each)
    after = reference(world, each)
    least = (before + after) / 2
    return [
        Result("confirm.pgbench", least, "per second", None, f"{CONNECTIONS} connections"),
        Result("confirm.http", product.rate, "per second", product.rate / least, "confirm.pgbench"),
        Result("confirm.http.p50", product.percentile(0.5), "ms"),
        Result("confirm.http.p99", product.percentile(0.99), "ms", None, "at most 60"),
        Result("confirm.http.failed", failed(product), "requests"),
    ]


def failed(outcome: load.Outcome) -> int:
    """Answers other than 200."""
    return sum(count for status, count in outcome.statuses.items() if status != 200)


def warm(world: World) -> None:
    """Let every thread open its connection and prepare its statements, for tables that hold rows.

    Autovacuum counts a new table's rows within a minute; plans made before that read it whole.
    """
    confirm(world, 20)
    with world.place.connect() as connection:
        connection.execute("ANALYZE")
    confirm(world, 20)


def confirm(world: World, each: int) -> load.Outcome:
    """Let 32 managers confirm ``each`` codes, one after the other."""
    desks = world.desks[:CONNECTIONS]
    digits = world.live_codes(each * len(desks))
    port = world.place.port
    plans = [
        iter([desk.confirm(port, six, f"key-{six}") for six in share])
        for desk, share in zip(desks, batched(digits, each), strict=True)
    ]
    return load.run(port, plans)


def reference(world: World, each: int) -> float:
    """Transactions per second of pgbench over codes of its own."""
    first = reference_codes(world, each * CONNECTIONS)
    variables = {
        "merchant": world.merchant.pk,
        "store": world.store.pk,
        "issue": world.programme.issue_account_id,
        "first": first,
    }
    return pgbench.rate(world.place, REFERENCE, each, variables)


def reference_codes(world: World, many: int) -> int:
    """Codes whose hash pgbench can work out by itself; answers the first number."""
    ids = world.cards(many)
    first = world.counted("SELECT coalesce(max(id), 0) + 1 FROM codes_onetimecode")
    with world.place.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO codes_onetimecode
              (merchant_id, operation, subject_type, subject_id, customer_id, store_ids,
               digits_hash, key_version, state, created_at, expires_at)
            VALUES (%s, 'stamps.accumulate', 'stamps.card', %s, %s, ARRAY[%s]::bigint[],
                    sha256(convert_to('bench' || %s::text, 'UTF8')), 1, 'active', now(),
                    now() + interval '6 hours')
            """,
            [
                (world.merchant.pk, card_id, card_id, world.store.pk, str(first + number))
                for number, card_id in enumerate(ids)
            ],
        )
        cursor.execute("ANALYZE codes_onetimecode, stamps_card")
    return first
