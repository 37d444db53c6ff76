"""New patterns that cannot be taken for one another, nor for themselves turned or mirrored.

Source: stamps specification 7.4.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

from zhanggui.stamps.recognition.geometry import (
    COUNT,
    ORDERS,
    Shape,
    distance,
    least,
    points_of,
)

RADIUS_MM = 20
"""Of the circle in which the middles of the pads lie; fits the narrowest phones."""
APART_MM = 10.0
APART_AT_LEAST_MM = 9.0
"""Nearer contacts may melt into one."""
PAD_MM = 7.0
UNLIKE_MM = 2.0
TRIES = 4_000

type Layout = tuple[tuple[int, int], ...]

_IDENTITY = ORDERS[0]
_OTHER_ORDERS = tuple(order for order in ORDERS if order != _IDENTITY)


class Dice(Protocol):
    """What draws whole numbers: ``random.Random`` in a simulation, ``SystemRandom`` else."""

    def randint(self, a: int, b: int, /) -> int: ...


class NoRoom(Exception):
    """No pattern was found that is far enough from the others."""


def make_layout(
    others: Sequence[Shape], *, dice: Dice | None = None, tries: int = TRIES
) -> tuple[Layout, int]:
    """A new pattern and how many candidates it took.

    Args:
        others: every pattern of the merchant, in whatever state.
        dice: the source of chance; the system's by default.
        tries: candidates looked at before giving up.

    Raises:
        NoRoom: none of the candidates was good.
    """
    chance = dice or random.SystemRandom()
    for number in range(1, tries + 1):
        apart = APART_MM if number <= tries // 2 else APART_AT_LEAST_MM
        layout = _draw(chance, apart)
        shape = Shape.of(points_of(layout))
        if own_likeness(shape) >= UNLIKE_MM and likeness(shape, others) >= UNLIKE_MM:
            return layout, number
    raise NoRoom


def why_not(pairs: Sequence[Sequence[float]]) -> str:
    """Why a given pattern is unfit by itself: ``count``, ``near``, ``wide``, ``own`` or empty."""
    points = points_of(pairs)
    if len(points) != COUNT or not all(math.isfinite(p.real + p.imag) for p in points):
        return "count"
    if any(abs(a - b) < APART_AT_LEAST_MM for a, b in combinations(points, 2)):
        return "near"
    if max(abs(point) for point in points) > RADIUS_MM:
        return "wide"
    return "own" if own_likeness(Shape.of(points)) < UNLIKE_MM else ""


def own_likeness(shape: Shape) -> float:
    """How well another order, or the mirror image, fits the pattern itself, mm."""
    return min(
        distance(shape, shape, orders=_OTHER_ORDERS),
        distance(shape, shape.mirrored),
    )


def likeness(shape: Shape, others: Sequence[Shape]) -> float:
    """The distance to the nearest of the others, mm; exact below ``UNLIKE_MM``."""
    return min((_distance(shape, other) for other in others), default=math.inf)


def _distance(one: Shape, other: Shape) -> float:
    floor = min(least(one, other), least(other, one))
    return floor if floor >= UNLIKE_MM else distance(one, other)


def _draw(dice: Dice, apart: float) -> Layout:
    points: list[tuple[int, int]] = []
    while len(points) < COUNT:
        spot = (dice.randint(-RADIUS_MM, RADIUS_MM), dice.randint(-RADIUS_MM, RADIUS_MM))
        if math.hypot(*spot) > RADIUS_MM:
            continue
        if any(math.dist(spot, other) < apart for other in points):
            points.clear()  # begin anew: no corner of the face is preferred
            continue
        points.append(spot)
    return tuple(points)
