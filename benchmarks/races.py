"""Twenty managers confirm one code at the same moment, many rounds; a thousand guesses."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks import load
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

PARALLEL = 20
BOOKED = "SELECT count(*) FROM ledger_transaction WHERE merchant_id = %(m)s"
LIVE = "SELECT count(*) FROM codes_onetimecode WHERE merchant_id = %(m)s AND state = 'active'"


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Rounds of twenty, then guesses."""
    return [*rounds(world, 50 if is_quick else 500), *guesses(world)]


def rounds(world: World, many: int) -> list[Result]:
    """Each code is confirmed by twenty at once: as many bookings as codes."""
    before = world.counted(BOOKED)
    desks = world.desks[:PARALLEL]
    port = world.place.port
    wrong_rounds = 0
    for digits in world.live_codes(many):
        plans = [iter([desk.confirm(port, digits, f"{desk.person_id}-{digits}")]) for desk in desks]
        outcome = load.run(port, plans)
        wrong_rounds += outcome.statuses != {200: 1, 409: PARALLEL - 1}
    booked = world.counted(BOOKED) - before
    return [
        Result("races.rounds", many, "rounds", None, f"{PARALLEL} parallel confirms each"),
        Result("races.bookings", booked, "bookings", booked / many, "races.rounds"),
        Result("races.rounds_with_other_answers", wrong_rounds, "rounds"),
        Result("races.ledger_findings", world.findings(), "findings"),
    ]


def guesses(world: World, many: int = 1000) -> list[Result]:
    """One manager types random codes while others are live."""
    world.live_codes(50)
    live = world.counted(LIVE)
    before = world.counted(BOOKED)
    desk, port = world.desks[-1], world.place.port
    chance = random.Random(11)
    tries = [f"{chance.randrange(10**6):06d}" for _ in range(many)]
    outcome = load.run(
        port,
        [iter([desk.confirm(port, digits, f"guess-{n}") for n, digits in enumerate(tries)])],
        keep=True,
    )
    statuses = [status for _line, status, _body in outcome.answers]
    first_locked = statuses.index(429) + 1 if 429 in statuses else 0
    looked_at = sum(status != 429 for status in statuses)
    hits = world.counted(BOOKED) - before
    return [
        Result("guesses.locked_at", first_locked, "th guess", None, f"{live} live codes"),
        Result("guesses.looked_at_before_the_lock", looked_at, "guesses", looked_at / many, "all"),
        Result("guesses.hits", hits, "hits"),
    ]
