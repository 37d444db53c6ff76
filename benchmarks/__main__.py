"""``python -m benchmarks [--quick] [<names>]``; without names all of them, see ``MEASUREMENTS``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks import (
    callbacks,
    chaos,
    confirming,
    customers,
    figures,
    importing,
    kills,
    memory,
    messages,
    office,
    pages,
    pressing,
    races,
    redeeming,
    results,
    tokens,
    wallet,
)
from benchmarks.place import Place
from benchmarks.results import Result
from benchmarks.world import World

MANAGERS = 40
MEASUREMENTS: dict[str, Callable[..., list[Result]]] = {
    "confirm": confirming.measure,
    "redeem": redeeming.measure,
    "press": pressing.measure,
    "races": races.measure,
    "kills": kills.measure,
    "chaos": chaos.measure,
    "pages": pages.measure,
    "figures": figures.measure,
    "customers": customers.measure,
    "importing": importing.measure,
    "messages": messages.measure,
    "callbacks": callbacks.measure,
    "tokens": tokens.measure,
    "wallet": wallet.measure,
}
WITH_A_DEMO: dict[str, Callable[..., list[Result]]] = {
    "office": office.measure,
    "memory": memory.measure,
}
"""They start a whole demo of their own."""


def main() -> int:
    """Run what was asked for; print a table and write ``var/bench.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join([*MEASUREMENTS, *WITH_A_DEMO])
    parser.add_argument("names", nargs="*", metavar="name", help=known)
    parser.add_argument("--quick", action="store_true", help="less of everything, for a look")
    asked = parser.parse_args()
    names = asked.names or [*MEASUREMENTS, *WITH_A_DEMO]
    began = time.monotonic()
    if set(names) - set(WITH_A_DEMO):
        place = Place()
        try:
            place.start()
            world = World(place, MANAGERS)
            world.age()
            place.start_server()
            for name, measure in MEASUREMENTS.items():
                if name in names:
                    report(measure(world, is_quick=asked.quick))
        finally:
            place.stop()
    for name, measure in WITH_A_DEMO.items():
        if name in names:
            report(measure(is_quick=asked.quick))
    print(f"took {time.monotonic() - began:.0f} s; written to {results.REPORT}")
    return 0


def report(found: list[results.Result]) -> None:
    """Show and keep the figures of one measurement."""
    for result in found:
        results.show(result)
    results.save(found)


if __name__ == "__main__":
    sys.exit(main())
