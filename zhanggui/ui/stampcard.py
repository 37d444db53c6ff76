"""The picture of a stamp card: where each slot lies, how each seal is turned and worn.

Turn and wear come from the card's seed and the slot's number, so a card looks the same on every
visit although no two cards look alike.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SLOT = 64
GAP = 14
SMALLEST = 4
LARGEST = 20
WIDEST = 5
WEAR_KINDS = 4
SIGN = (
    '<path class="zg-seal-line" stroke-width="3" stroke-linecap="round"'
    ' d="M-12 -8H12M-12 9H12M0 -14V15M-7 -2H7M-7 4H7"/>'
)


SIGNS = {
    "": SIGN,
    "tea": (
        '<path class="zg-seal-line" stroke-width="2.6" stroke-linejoin="round"'
        ' d="M-13 12C-14 -6 -2 -15 14 -14C15 2 6 14 -9 10M-14 15L2 -2"/>'
    ),
    "coffee": (
        '<path class="zg-seal-line" stroke-width="2.6" stroke-linejoin="round"'
        ' d="M-13 -4H9V5A9 9 0 0 1 0 14H-4A9 9 0 0 1 -13 5ZM9 -1H12A4 4 0 0 1 12 8H8M-7 -15V-10'
        'M2 -15V-10"/>'
    ),
    "bowl": (
        '<path class="zg-seal-line" stroke-width="2.6" stroke-linejoin="round"'
        ' d="M-15 -1H15A15 13 0 0 1 5 12H-5A15 13 0 0 1 -15 -1ZM-6 15H6M-8 -6C-11 -9 -6 -11 -8 -15'
        'M0 -6C-3 -9 2 -11 0 -15M8 -6C5 -9 10 -11 8 -15"/>'
    ),
    "flower": (
        '<path class="zg-seal-line" stroke-width="2.4" stroke-linejoin="round"'
        ' d="M0 -4A6 6 0 1 1 4 -1A6 6 0 1 1 2 4A6 6 0 1 1 -2 4A6 6 0 1 1 -4 -1A6 6 0 1 1 0 -4Z"/>'
        '<circle class="zg-seal-line" stroke-width="2" r="2.6"/>'
    ),
    "paw": (
        '<path class="zg-seal-line" stroke-width="2.6" stroke-linejoin="round"'
        ' d="M0 0C6 0 12 6 9 11'
        "C6 15 3 11 0 11C-3 11 -6 15 -9 11C-12 6 -6 0 0 0ZM-5 -13"
        "A3 4 0 1 1 -5.1 -13M5 -13A3 4 0 1 1"
        ' 4.9 -13M-13 -5A3 3.6 0 1 1 -13.1 -5M13 -5A3 3.6 0 1 1 12.9 -5"/>'
    ),
}
"""The drawn stamps, by design; the card's colours are set by the class of the same name."""


@dataclass(frozen=True)
class Slot:
    """One place on the card; ``x`` and ``y`` are its centre."""

    number: int
    x: float
    y: float
    is_stamped: bool
    is_fresh: bool
    is_next: bool
    is_reward: bool
    turn: float
    wear: int


@dataclass(frozen=True)
class Way:
    """Something that is won before the card is full."""

    number: int
    name: str
    left: int
    """Stamps that it still takes; 0: the card is there."""
    is_next: bool


@dataclass(frozen=True)
class Card:
    """The slots and the size of the drawing."""

    slots: list[Slot]
    width: int
    height: int
    size: int
    filled: int
    mark: str
    design: str
    ways: list[Way]
    """By position."""

    @property
    def left(self) -> int:
        return self.size - self.filled

    @property
    def next_way(self) -> Way | None:
        """What is won next, if that is not the full card's reward."""
        return next((way for way in self.ways if way.is_next), None)

    @property
    def is_full(self) -> bool:
        return self.filled >= self.size


@dataclass(frozen=True)
class Speck:
    """A spot where the ink did not take."""

    x: float
    y: float
    r: float


def columns(size: int) -> int:
    """Slots in a row so that the last row is as full as can be, at most five."""
    if size <= WIDEST:
        return size
    return min(range(WIDEST, 2, -1), key=lambda wide: ((-size) % wide, -wide))


def layout(
    *,
    size: int,
    filled: int,
    fresh: int = 0,
    seed: str = "",
    mark: str = "",
    gifts: Collection[int] = (),
    ways: Sequence[Mapping[str, Any]] = (),
    design: str = "",
) -> Card:
    """Place the slots of a card.

    Args:
        size: stamps that make it full, 4 to 20.
        filled: stamps on it; more than fit are drawn as a full card, fewer than none as none.
        fresh: how many of them just arrived and shall land with ink.
        seed: what makes this card look like itself, for example its public token.
        mark: one or two characters on the seal; empty draws the stamp's own sign.
        gifts: the numbers of the slots that win something, besides the last.
        ways: the same with names, ``{"at": 5, "name": "…"}``, which are told below the slots; one
            for the full card is left out.
        design: which of ``SIGNS`` is drawn; others than these draw the plain seal.
    """
    size = max(SMALLEST, min(LARGEST, size))
    filled = max(0, min(size, filled))
    wide = columns(size)
    pitch = SLOT + GAP
    rows = math.ceil(size / wide)
    named = _ways(size, filled, ways)
    won_at = {*gifts, *(way.number for way in named)}
    slots = []
    for at in range(size):
        row, column = divmod(at, wide)
        in_row = min(wide, size - row * wide)
        indent = (wide - in_row) * pitch / 2
        chance = sha256(f"{seed}:{at}".encode()).digest()
        slots.append(
            Slot(
                number=at + 1,
                x=indent + column * pitch + SLOT / 2,
                y=row * pitch + SLOT / 2,
                is_stamped=at < filled,
                is_fresh=filled - fresh <= at < filled,
                is_next=at == filled,
                is_reward=at == size - 1 or at + 1 in won_at,
                turn=round(chance[0] / 255 * 18 - 9, 1),
                wear=chance[1] % WEAR_KINDS,
            )
        )
    width, height = wide * pitch - GAP, rows * pitch - GAP
    known = design if design in SIGNS else ""
    return Card(slots, width, height, size, filled, mark[:2], known, named)


def _ways(size: int, filled: int, ways: Sequence[Mapping[str, Any]]) -> list[Way]:
    places = sorted((int(way["at"]), str(way["name"])) for way in ways)
    inside = [(at, name) for at, name in places if 0 < at < size]
    next_at = min((at for at, _name in inside if at > filled), default=0)
    return [Way(at, name, max(0, at - filled), at == next_at) for at, name in inside]


def wear(kind: int) -> Iterator[Speck]:
    """The spots of one kind of wear, relative to a seal of 56 px around 0/0."""
    for at in range(46):
        chance = sha256(f"wear:{kind}:{at}".encode()).digest()
        # most spots lie near the edge, where a rubber seal presses least
        angle = chance[0] / 255 * math.tau
        far = 28 * math.sqrt(0.18 + 0.95 * chance[1] / 255)
        radius = 0.25 + (chance[2] / 255) ** 4 * 1.5
        x, y = far * math.cos(angle), far * math.sin(angle)
        yield Speck(round(x, 1), round(y, 1), round(radius, 2))


@lru_cache(maxsize=256)
def seal(mark: str, kind: int, design: str = "") -> SafeString:
    """The ink of one stamp as SVG, turned nowhere, around 0/0; same mark and wear, same drawing."""
    size = 30 if len(mark) == 1 else 21
    sign = (
        format_html(
            '<text class="zg-seal-mark" font-size="{}" y="{}">{}</text>', size, size * 0.36, mark
        )
        if mark
        else SafeString(SIGNS[design])
    )
    specks = format_html_join(
        "", '<circle cx="{}" cy="{}" r="{}"/>', ((s.x, s.y, s.r) for s in WEAR[kind])
    )
    return format_html(
        '<path class="zg-seal-ground" d="{}"/><rect class="zg-seal-line" x="-22" y="-22" width="44"'
        ' height="44" rx="5"/>{}<g class="zg-seal-wear">{}</g>',
        _edge(kind),
        sign,
        specks,
    )


def _edge(kind: int) -> str:
    """A square with round corners whose edge is a little uneven, as rubber prints it."""
    points = []
    for at in range(48):
        angle = at / 48 * math.tau
        # a superellipse: between circle and square
        reach = 27 / (abs(math.cos(angle)) ** 5 + abs(math.sin(angle)) ** 5) ** 0.2
        reach += sha256(f"edge:{kind}:{at}".encode()).digest()[0] / 255 * 1.3 - 0.65
        points.append(f"{reach * math.cos(angle):.1f} {reach * math.sin(angle):.1f}")
    return f"M{' L'.join(points)}Z"


WEAR = tuple(tuple(wear(kind)) for kind in range(WEAR_KINDS))
