"""Prints how good and how fast pressed stamps are recognised: ``make bench-stamps``.

Usage: python -m benchmarks.stamps [SEED]
"""

from __future__ import annotations

import sys

from zhanggui.stamps.recognition import simulation

PRESSES = 2_000
NOISES_MM = (0.3, 0.5, 0.7)
BOOKS = (10, 300)
TOUCHES = (
    ("spread hand, 40 mm, >=15 mm apart", simulation.SPREAD_HAND, 20_000, 1_500),
    ("tight fingers, 26 mm, >=13 mm apart", simulation.TIGHT_FINGERS, 20_000, 1_500),
    ("in a disc of 20 mm, >=9 mm apart", simulation.IN_A_DISC, 20_000, 1_500),
)
FOREIGN = 4_000
SISTERS = 6_000
SPEED = 5_000


def main(argv: list[str]) -> None:
    """Print the tables."""
    seed = int(argv[0]) if argv else simulation.SEED
    say = sys.stdout.write
    say(f"seed {seed}\n\nnoise per axis   templates   presses   refused   wrong stamp\n")
    for noise in NOISES_MM:
        for templates in BOOKS:
            row = simulation.refusals(noise, templates, PRESSES, seed)
            say(f"{noise:.1f} mm {templates:18} {row.presses:9} {row.refused:9} {row.wrong:13}\n")
    say("\nfive touches of something else         templates   touches   accepted   share\n")
    for name, touch, with_ten, with_many in TOUCHES:
        for templates, presses in zip(BOOKS, (with_ten, with_many), strict=True):
            _say_false(simulation.false_accepts(name, templates, presses, touch, seed))
    foreign = "another merchant's stamp"
    _say_false(simulation.false_accepts(foreign, 10, FOREIGN, simulation.foreign_stamp, seed))
    _say_false(simulation.sisters(10, SISTERS, seed))
    say("\n")
    for templates in BOOKS:
        speed = simulation.presses_per_second(templates, SPEED, seed)
        say(f"{templates} templates: {speed:,.0f} presses/s on one core\n")


def _say_false(row: simulation.FalseAccepts) -> None:
    sys.stdout.write(
        f"{row.kind:38} {row.templates:9} {row.presses:9} {row.accepted:10}   {row.share:.1e}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
