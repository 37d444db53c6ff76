"""Five points against five points: the best turn, size and order, without mirroring.

Points are complex numbers in millimetres, y downwards as on a screen. Measured points are mapped
onto a pattern, so every residual is in millimetres of the pattern.

Source: stamps specification 7.2.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Self

COUNT = 5
MM_PER_PX = 25.4 / 163
"""A CSS pixel of an iPhone; on Android only nominal, so the size stays free within bounds."""

type Order = tuple[int, int, int, int, int]

ORDERS: tuple[Order, ...] = tuple(permutations(range(COUNT)))  # type: ignore[arg-type]
PAIRS = tuple(combinations(range(COUNT), 2))


def points_of(pairs: Iterable[Sequence[float]], *, unit_mm: float = 1.0) -> list[complex]:
    """Pairs of coordinates as points in millimetres."""
    return [complex(pair[0], pair[1]) * unit_mm for pair in pairs]


@dataclass(frozen=True, slots=True)
class Shape:
    """Five points around their middle, with what is needed again and again."""

    points: tuple[complex, ...]
    """Centred."""
    spread: float
    """Sum of the squared distances from the middle, mm²."""
    signature: tuple[float, ...]
    """The ten distances, smallest first, for a spread of 1."""

    @classmethod
    def of(cls, points: Sequence[complex]) -> Self:
        """The shape of five points that do not all lie on one spot."""
        middle = sum(points) / len(points)
        centred = tuple(point - middle for point in points)
        spread = sum(point.real**2 + point.imag**2 for point in centred)
        unit = 1 / math.sqrt(spread)
        lengths = sorted(abs(centred[a] - centred[b]) for a, b in PAIRS)
        return cls(centred, spread, tuple(length * unit for length in lengths))

    @property
    def mirrored(self) -> Shape:
        """The same seen in a mirror."""
        return Shape(tuple(p.conjugate() for p in self.points), self.spread, self.signature)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well measured points lie on a pattern after the best turn and size."""

    residual: float
    """Root mean square of the five deviations, mm."""
    largest: float
    """The largest of them, mm."""
    scale: float
    """Millimetres of the pattern for one measured millimetre."""
    turn_deg: float
    """From the measured points to the pattern, -180 to 180."""
    order: Order
    """``order[i]`` is the point of the pattern on which the measured point ``i`` lies."""


def fit(measured: Shape, pattern: Shape) -> Fit:
    """The best similarity over all 120 orders."""
    order, total = _best(_products(measured, pattern), ORDERS)
    factor = total / measured.spread
    deviations = [
        abs(factor * point - pattern.points[place])
        for point, place in zip(measured.points, order, strict=True)
    ]
    return Fit(
        residual=_residual(total, measured, pattern),
        largest=max(deviations),
        scale=abs(factor),
        turn_deg=math.degrees(cmath.phase(total)),
        order=order,
    )


def distance(one: Shape, other: Shape, *, orders: Sequence[Order] = ORDERS) -> float:
    """How far two patterns are apart, mm: the smaller residual of both directions."""
    _order, total = _best(_products(one, other), orders)
    return min(_residual(total, one, other), _residual(total, other, one))


def least(measured: Shape, pattern: Shape) -> float:
    """A residual that no order can fall below, from the ten distances alone.

    With spread 1 each and correlation p = |c| / sqrt(Z W), the deviations of the best fit have the
    squared sum 2 - 2p, their ten differences 5 times that, and no distance changes by more than
    its two ends deviate. Sorting only brings the two lists nearer. So the squared difference d of
    the signatures is at most 10 (1 - p), and the residual at least sqrt(W (1 - (1 - d/10)²) / 5).
    For a residual of 1.1 mm on a pattern of usual size that is 12 % of the RMS radius, the fast
    path of the specification, and it never changes a result.
    """
    gap = sum((a - b) ** 2 for a, b in zip(measured.signature, pattern.signature, strict=True))
    most = max(0.0, 1 - gap / 10)
    return math.sqrt(pattern.spread * (1 - most * most) / COUNT)


def _residual(total: complex, measured: Shape, pattern: Shape) -> float:
    explained = (total.real**2 + total.imag**2) / measured.spread
    return math.sqrt(max(0.0, pattern.spread - explained) / COUNT)


def _products(measured: Shape, pattern: Shape) -> list[list[complex]]:
    return [[m.conjugate() * w for w in pattern.points] for m in measured.points]


def _best(rows: list[list[complex]], orders: Sequence[Order]) -> tuple[Order, complex]:
    first, second, third, fourth, fifth = rows
    best, most, found = orders[0], -1.0, 0j
    for order in orders:
        a, b, c, d, e = order
        total = first[a] + second[b] + third[c] + fourth[d] + fifth[e]
        size = total.real * total.real + total.imag * total.imag
        if size > most:
            best, most, found = order, size, total
    return best, found
