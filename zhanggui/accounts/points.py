"""Where a store stands on the map: latitude and longitude, as maps of China give them (GCJ-02).

WeChat answers in the same system when a page asks for ``gcj02``, so distances need no conversion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from zhanggui.accounts.errors import PlaceOdd

LATITUDES, LONGITUDES = (3.0, 54.0), (73.0, 136.0)
"""China with all its seas; so a pair is understood in either order, which maps do differently."""
DIGITS = 5
"""About a metre."""
MOST_ACCURACY_M = 5000
"""A phone that may be wrong by more says nothing."""
LONGEST = 24
"""Of a number as a phone writes it."""
_PAIR = re.compile(r"\s*(-?\d{1,3}(?:\.\d{1,15})?)\s*[,\s]\s*(-?\d{1,3}(?:\.\d{1,15})?)\s*")


class Point(NamedTuple):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float

    def __str__(self) -> str:
        return f"{self.latitude:.{DIGITS}f}, {self.longitude:.{DIGITS}f}"


def point_of(latitude: float, longitude: float) -> Point | None:
    """The place, if it lies within China."""
    is_inside = LATITUDES[0] <= latitude <= LATITUDES[1]
    if not is_inside or not LONGITUDES[0] <= longitude <= LONGITUDES[1]:
        return None
    return Point(round(latitude, DIGITS), round(longitude, DIGITS))


def read(typed: str) -> Point | None:
    """Two numbers as a map gives them, in either order; None for anything else."""
    found = _PAIR.fullmatch(typed.replace("\N{FULLWIDTH COMMA}", ","))
    if found is None:
        return None
    first, second = float(found[1]), float(found[2])
    return point_of(first, second) or point_of(second, first)


class Told(NamedTuple):
    """What a phone says of its place."""

    point: Point
    accuracy_m: int
    """How wrong it may be."""


def told(sent: Mapping[str, str]) -> Told:
    """Read ``latitude``, ``longitude`` and ``accuracy`` as a page got them from WeChat.

    Raises:
        PlaceOdd: not a place in China, or too vague (E_PLACE, 422).
    """
    point = point_of(_number(sent, "latitude"), _number(sent, "longitude"))
    accuracy = _number(sent, "accuracy")
    if point is None or not 0 <= accuracy <= MOST_ACCURACY_M:
        raise PlaceOdd
    return Told(point, round(accuracy))


def _number(sent: Mapping[str, str], name: str) -> float:
    try:
        value = float(sent.get(name, "")[:LONGEST])
    except ValueError:
        raise PlaceOdd from None
    if not math.isfinite(value):
        raise PlaceOdd
    return value
