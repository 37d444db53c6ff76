"""Pressed stamps per second through HTTP, against pgbench writing the least of it."""

from __future__ import annotations

import random
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import confirming, load, pgbench, phones
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

REFERENCE = Path(__file__).with_name("press.sql")


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Both in the same run, on the same database, the reference before and after."""
    each = 25 if is_quick else 150
    seal_id = phones.carve(world)
    press(world, 10)
    with world.place.connect() as connection:
        connection.execute("ANALYZE")
    press(world, 10)
    before = reference(world, each, seal_id)
    product = press(world, each)
    after = reference(world, each, seal_id)
    least = (before + after) / 2
    return [
        Result("press.pgbench", least, "per second", None, f"{pgbench.CONNECTIONS} connections"),
        Result("press.http", product.rate, "per second", product.rate / least, "press.pgbench"),
        Result("press.http.p50", product.percentile(0.5), "ms"),
        Result("press.http.p99", product.percentile(0.99), "ms"),
        Result("press.http.failed", confirming.failed(product), "requests"),
    ]


def press(world: World, each: int) -> load.Outcome:
    """Let 32 customers at a time press, every press on another card."""
    dice = random.Random(each)
    port = world.place.port
    laid_out = phones.lay_out(world, each * pgbench.CONNECTIONS)
    plans = [
        iter([phone.press(port, phones.touches(dice)) for phone in share])
        for share in batched(laid_out, each)
    ]
    return load.run(port, plans)


def reference(world: World, each: int, seal_id: int) -> float:
    """Transactions per second of pgbench over rights of its own."""
    first = world.counted("SELECT coalesce(max(id), 0) + 1 FROM stamps_pressnonce")
    phones.lay_out(world, each * pgbench.CONNECTIONS)
    variables = {
        "merchant": world.merchant.pk,
        "store": world.store.pk,
        "issue": world.programme.issue_account_id,
        "seal": seal_id,
        "first": first,
    }
    return pgbench.rate(world.place, REFERENCE, each, variables)
