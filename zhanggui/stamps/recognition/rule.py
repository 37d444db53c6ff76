"""When a press counts as a stamp: the points, their time, the fit, and how sure it is.

Source: stamps specification 7.3; its order of refusals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from statistics import median
from typing import NamedTuple

from zhanggui.stamps.recognition.geometry import (
    COUNT,
    MM_PER_PX,
    Fit,
    Shape,
    fit,
    least,
    points_of,
)

WITH_STRAY = COUNT + 1


class Why(StrEnum):
    """What was wrong with a press; values are refusal codes."""

    FEW = "E_POINTS_FEW"
    MANY = "E_POINTS_MANY"
    BAD = "E_POINTS_BAD"
    TIME = "E_PRESS_TIME"
    UNKNOWN = "E_STAMP_UNKNOWN"
    SCALE = "E_SCALE"
    AMBIGUOUS = "E_AMBIGUOUS"


class Timing(StrEnum):
    """Which rule of time was broken."""

    SLOW = "slow"
    """The five did not come down together."""
    SHORT = "short"
    MOVED = "moved"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Rule:
    """The numbers of the rule; defaults as measured."""

    residual_mm: float = 1.1
    deviation_mm: float = 2.0
    smallest_scale: float = 0.85
    largest_scale: float = 1.18
    device_share: float = 0.04
    """How far a device's scale may be from what it was in earlier presses."""
    margin_mm: float = 0.4
    apart_mm: float = 4.0
    down_within_ms: int = 350
    present_ms: int = 80
    drift_mm: float = 1.5
    released_within_ms: int = 3_000


RULE = Rule()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A stamp in the book against which a press is matched."""

    key: int
    shape: Shape

    @classmethod
    def of(cls, key: int, pairs: Sequence[Sequence[float]]) -> Pattern:
        """From coordinates in millimetres."""
        return cls(key, Shape.of(points_of(pairs)))


@dataclass(frozen=True, slots=True)
class Frame:
    """Where each touch was at one moment; CSS pixels."""

    at_ms: float
    touches: Mapping[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Press:
    """What a phone recorded from the first touch to the release."""

    frames: Sequence[Frame]
    """In time; each touch event one frame."""
    released_ms: float | None
    """When the first finger of the full set was lifted; None when it was still down."""
    area_px: tuple[float, float] | None = None
    """Width and height of the stamp area; what lies outside does not count."""


@dataclass(frozen=True, slots=True)
class Match:
    """The stamp that was pressed."""

    key: int
    fit: Fit
    is_stray: bool
    """A sixth touch was left out."""
    next_mm: float | None
    """The residual of the second-best stamp, where it was near enough to be looked at."""


class Unrecognised(Exception):
    """A press that is no stamp, with the reason and the nearest fit if there is one."""

    def __init__(
        self,
        why: Why,
        *,
        count: int | None = None,
        timing: Timing | None = None,
        nearest: Match | None = None,
    ) -> None:
        self.why = why
        self.count = count
        self.timing = timing
        self.nearest = nearest
        super().__init__(why)


class Near(NamedTuple):
    """The best fit of one stamp."""

    key: int
    fit: Fit
    is_stray: bool


@dataclass(slots=True)
class _Search:
    """Collects the best fit of every stamp that can still matter."""

    rule: Rule
    best: dict[int, Near] = field(default_factory=dict)

    @property
    def nearest(self) -> float:
        return min((near.fit.residual for near in self.best.values()), default=math.inf)

    def look(self, measured: Shape, pattern: Pattern, floor: float, *, is_stray: bool) -> None:
        if floor > min(self.nearest, self.rule.residual_mm) + self.rule.margin_mm:
            return
        found = fit(measured, pattern.shape)
        known = self.best.get(pattern.key)
        if known is None or found.residual < known.fit.residual:
            self.best[pattern.key] = Near(pattern.key, found, is_stray)

    def ranked(self) -> list[Near]:
        return sorted(self.best.values(), key=lambda near: near.fit.residual)


def recognise(
    press: Press, book: Sequence[Pattern], *, learned_scale: float | None = None, rule: Rule = RULE
) -> Match:
    """The stamp that made these frames.

    Args:
        press: what the phone recorded.
        book: the stamps that may be used here; about ten.
        learned_scale: of this device model, once three good presses are known.
        rule: the numbers.

    Raises:
        Unrecognised: no stamp, or not surely one.
    """
    return recognise_points(settle(press, rule), book, learned_scale=learned_scale, rule=rule)


def settle(press: Press, rule: Rule = RULE) -> list[tuple[float, float]]:
    """The points of a press, pixels: the median of the frames in which all were down.

    Raises:
        Unrecognised: too few or too many, not together, too short, moved, or not released.
    """
    frames = [_inside(frame, press.area_px) for frame in press.frames]
    count = max((len(frame.touches) for frame in frames), default=0)
    _check_count(count)
    if not all(_is_finite(frame) for frame in frames):
        raise Unrecognised(Why.BAD)
    first = next(frame for frame in frames if frame.touches)
    full = next(frame for frame in frames if len(frame.touches) >= COUNT)
    gone = press.released_ms
    if full.at_ms - first.at_ms > rule.down_within_ms:
        raise Unrecognised(Why.TIME, timing=Timing.SLOW)
    if gone is None or gone - first.at_ms > rule.released_within_ms:
        raise Unrecognised(Why.TIME, timing=Timing.LONG)
    if gone - full.at_ms < rule.present_ms:
        raise Unrecognised(Why.TIME, timing=Timing.SHORT)
    whole = [frame for frame in frames if len(frame.touches) == count]
    names = set(whole[0].touches)
    whole = [frame for frame in whole if set(frame.touches) == names]
    if _drift_mm(whole) > rule.drift_mm:
        raise Unrecognised(Why.TIME, timing=Timing.MOVED)
    return [
        (
            median(frame.touches[name][0] for frame in whole),
            median(frame.touches[name][1] for frame in whole),
        )
        for name in sorted(names)
    ]


def recognise_points(
    points_px: Sequence[Sequence[float]],
    book: Sequence[Pattern],
    *,
    learned_scale: float | None = None,
    rule: Rule = RULE,
) -> Match:
    """The stamp under these points, whatever their order; pixels.

    Raises:
        Unrecognised: no stamp, or not surely one.
    """
    ranked = nearest(clean(points_px, rule), book, rule)
    if not ranked:
        raise Unrecognised(Why.UNKNOWN)
    first = ranked[0]
    following = ranked[1].fit.residual if len(ranked) > 1 else None
    match = Match(first.key, first.fit, first.is_stray, following)
    if first.fit.residual > rule.residual_mm or first.fit.largest > rule.deviation_mm:
        raise Unrecognised(Why.UNKNOWN, nearest=match)
    if not _is_of_size(first.fit.scale, learned_scale, rule):
        raise Unrecognised(Why.SCALE, nearest=match)
    if following is not None and following - first.fit.residual < rule.margin_mm:
        raise Unrecognised(Why.AMBIGUOUS, nearest=match)
    return match


def clean(points_px: Sequence[Sequence[float]], rule: Rule = RULE) -> list[complex]:
    """Five or six points in millimetres.

    Raises:
        Unrecognised: fewer, more, not numbers, or two on one spot.
    """
    _check_count(len(points_px))
    points = points_of(points_px, unit_mm=MM_PER_PX)
    if not all(math.isfinite(point.real) and math.isfinite(point.imag) for point in points):
        raise Unrecognised(Why.BAD)
    if any(abs(a - b) < rule.apart_mm for a, b in combinations(points, 2)):
        raise Unrecognised(Why.BAD)
    return points


def nearest(points: Sequence[complex], book: Sequence[Pattern], rule: Rule = RULE) -> list[Near]:
    """The fits of the stamps that can matter, best first; with six points the best of five."""
    is_stray = len(points) == WITH_STRAY
    subsets = combinations(points, COUNT) if is_stray else [tuple(points)]
    shapes = [Shape.of(subset) for subset in subsets]
    search = _Search(rule)
    pairs = [(least(shape, pattern.shape), shape, pattern) for shape in shapes for pattern in book]
    for floor, shape, pattern in sorted(pairs, key=lambda pair: pair[0]):
        search.look(shape, pattern, floor, is_stray=is_stray)
    return search.ranked()


def _is_of_size(scale: float, learned: float | None, rule: Rule) -> bool:
    if not rule.smallest_scale <= scale <= rule.largest_scale:
        return False
    return learned is None or abs(scale / learned - 1) <= rule.device_share


def _check_count(count: int) -> None:
    if count < COUNT:
        raise Unrecognised(Why.FEW, count=count)
    if count > WITH_STRAY:
        raise Unrecognised(Why.MANY, count=count)


def _inside(frame: Frame, area: tuple[float, float] | None) -> Frame:
    if area is None:
        return frame
    width, height = area
    return Frame(
        frame.at_ms,
        {
            name: (x, y)
            for name, (x, y) in frame.touches.items()
            if not (x < 0 or y < 0 or x > width or y > height)
        },
    )


def _is_finite(frame: Frame) -> bool:
    return math.isfinite(frame.at_ms) and all(
        math.isfinite(x) and math.isfinite(y) for x, y in frame.touches.values()
    )


def _drift_mm(frames: Sequence[Frame]) -> float:
    start = frames[0].touches
    return MM_PER_PX * max(
        math.dist(start[name], spot) for frame in frames for name, spot in frame.touches.items()
    )
