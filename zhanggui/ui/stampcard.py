"""The picture of a stamp card: where each slot lies, how each seal is turned and worn.

Turn and wear come from the card's seed and the slot's number, so a card looks the same on every
visit although no two cards look alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

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
class Card:
    """The slots and the size of the drawing."""

    slots: list[Slot]
    width: int
    height: int
    size: int
    filled: int
    mark: str

    @property
    def left(self) -> int:
        return self.size - self.filled

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


def layout(*, size: int, filled: int, fresh: int = 0, seed: str = "", mark: str = "") -> Card:
    """Place the slots of a card.

    Args:
        size: stamps that make it full, 4 to 20.
        filled: stamps on it; more than fit are drawn as a full card, fewer than none as none.
        fresh: how many of them just arrived and shall land with ink.
        seed: what makes this card look like itself, for example its public token.
        mark: one or two characters on the seal; empty draws the stamp's own sign.
    """
    size = max(SMALLEST, min(LARGEST, size))
    filled = max(0, min(size, filled))
    wide = columns(size)
    pitch = SLOT + GAP
    rows = math.ceil(size / wide)
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
                is_reward=at == size - 1,
                turn=round(chance[0] / 255 * 18 - 9, 1),
                wear=chance[1] % WEAR_KINDS,
            )
        )
    width, height = wide * pitch - GAP, rows * pitch - GAP
    return Card(slots, width, height, size, filled, mark[:2])


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
def seal(mark: str, kind: int) -> SafeString:
    """The ink of one stamp as SVG, turned nowhere, around 0/0; same mark and wear, same drawing."""
    size = 30 if len(mark) == 1 else 21
    sign = (
        format_html(
            '<text class="zg-seal-mark" font-size="{}" y="{}">{}</text>', size, size * 0.36, mark
        )
        if mark
        else SafeString(SIGN)
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
