"""How good the recognition is, by chance with a seed: the tables of the specification again.

No real stamp was touched: noise is Gaussian and equal on both axes, contacts never melt.

Source: stamps specification 7.5.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from zhanggui.stamps.recognition.generator import RADIUS_MM, make_layout
from zhanggui.stamps.recognition.geometry import COUNT, MM_PER_PX, Shape, points_of
from zhanggui.stamps.recognition.rule import Match, Pattern, Unrecognised, recognise_points

SEED = 20_261_122
SCALE_SPREAD = 0.08
MIDDLE_PX = 500.0

type Pixels = list[tuple[float, float]]
type Touch = Callable[[random.Random], Pixels]


@dataclass(frozen=True, slots=True)
class Refusals:
    """Presses of right stamps: how many were not taken, how many were taken for another stamp."""

    noise_mm: float
    templates: int
    presses: int
    refused: int
    wrong: int


@dataclass(frozen=True, slots=True)
class FalseAccepts:
    """Touches of something else: how many were taken for a stamp of the book."""

    kind: str
    templates: int
    presses: int
    accepted: int

    @property
    def share(self) -> float:
        """Accepted of all."""
        return self.accepted / self.presses


@lru_cache(maxsize=8)
def book(templates: int, seed: int = SEED) -> tuple[Pattern, ...]:
    """A merchant's stamps, made by the generator one after the other."""
    dice = random.Random(seed)  # noqa: S311  a simulation repeats itself
    shapes: list[Shape] = []
    for _ in range(templates):
        layout, _candidates = make_layout(shapes, dice=dice)
        shapes.append(Shape.of(points_of(layout)))
    return tuple(Pattern(key, shape) for key, shape in enumerate(shapes))


def pressed(shape: Shape, noise_mm: float, dice: random.Random) -> Pixels:
    """A stamp on a screen: turned, up to 8 % larger or smaller, noisy, in whole pixels."""
    angle = dice.uniform(0, 2 * math.pi)
    scale = 1 + dice.uniform(-SCALE_SPREAD, SCALE_SPREAD)
    turn = scale * complex(math.cos(angle), math.sin(angle))
    middle = complex(dice.uniform(0, 1), dice.uniform(0, 1))
    touched = []
    for point in shape.points:
        noisy = turn * point + complex(dice.gauss(0, noise_mm), dice.gauss(0, noise_mm))
        spot = noisy / MM_PER_PX + middle
        touched.append((round(spot.real + MIDDLE_PX) * 1.0, round(spot.imag + MIDDLE_PX) * 1.0))
    dice.shuffle(touched)
    return touched


def refusals(noise_mm: float, templates: int, presses: int, seed: int = SEED) -> Refusals:
    """Press right stamps so often."""
    dice = random.Random(seed + round(noise_mm * 10) + templates)  # noqa: S311
    patterns = book(templates)
    refused = wrong = 0
    for number in range(presses):
        pattern = patterns[number % templates]
        found = _taken(pressed(pattern.shape, noise_mm, dice), patterns)
        if found is None:
            refused += 1
        elif found.key != pattern.key:
            wrong += 1
    return Refusals(noise_mm, templates, presses, refused, wrong)


def false_accepts(
    kind: str, templates: int, presses: int, touch: Touch, seed: int = SEED
) -> FalseAccepts:
    """Touch with something that is no stamp of the book so often."""
    dice = random.Random(seed + presses + templates)  # noqa: S311
    patterns = book(templates)
    accepted = sum(_taken(touch(dice), patterns) is not None for _ in range(presses))
    return FalseAccepts(kind, templates, presses, accepted)


def fingers(radius_mm: float, apart_mm: float) -> Touch:
    """Five touches anywhere in a circle, at least so far apart."""

    def touch(dice: random.Random) -> Pixels:
        points: list[complex] = []
        while len(points) < COUNT:
            point = complex(
                dice.uniform(-radius_mm, radius_mm), dice.uniform(-radius_mm, radius_mm)
            )
            if abs(point) > radius_mm:
                continue
            if any(abs(point - other) < apart_mm for other in points):
                points.clear()
                continue
            points.append(point)
        return [
            (
                round(p.real / MM_PER_PX + MIDDLE_PX) * 1.0,
                round(p.imag / MM_PER_PX + MIDDLE_PX) * 1.0,
            )
            for p in points
        ]

    return touch


SPREAD_HAND = fingers(40, 15)
TIGHT_FINGERS = fingers(26, 13)
IN_A_DISC = fingers(RADIUS_MM, 9)


def foreign_stamp(dice: random.Random) -> Pixels:
    """A stamp of another merchant, whose patterns know nothing of ours."""
    layout, _candidates = make_layout([], dice=dice)
    return pressed(Shape.of(points_of(layout)), 0.3, dice)


def sisters(templates: int, presses: int, seed: int = SEED) -> FalseAccepts:
    """Stamps of the same merchant that are not in the book of this card's stores."""
    dice = random.Random(seed + 7)  # noqa: S311
    every = book(2 * templates)
    ours, others = every[:templates], every[templates:]
    accepted = 0
    for number in range(presses):
        shape = others[number % len(others)].shape
        accepted += _taken(pressed(shape, 0.3, dice), ours) is not None
    return FalseAccepts("same merchant", templates, presses, accepted)


def presses_per_second(templates: int, presses: int, seed: int = SEED) -> float:
    """How fast one core recognises presses of right stamps."""
    dice = random.Random(seed)  # noqa: S311
    patterns = book(templates)
    made = [pressed(patterns[n % templates].shape, 0.3, dice) for n in range(presses)]
    began = time.perf_counter()
    for points in made:
        _taken(points, patterns)
    return presses / (time.perf_counter() - began)


def _taken(points: Pixels, patterns: Sequence[Pattern]) -> Match | None:
    try:
        return recognise_points(points, patterns)
    except Unrecognised:
        return None
