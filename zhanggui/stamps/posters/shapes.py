"""What a poster is made of; millimetres from the top left corner, colours as ``#RRGGBB``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from PIL import ImageFont

from zhanggui.channels.wechat.tracking.fonts import font

FILLED = 0.95
"""How much of its lines a headline may fill; a bit is left for where they break."""
MEASURED_AT = 100
"""Size in which lines are measured; widths grow with the size."""

BALANCING = 16
"""So many widths are tried for lines that are about the same."""
NOT_FIRST = frozenset("，。、；：！？）》」”’…")
"""No line begins with these."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A box with round corners."""

    left: float
    top: float
    width: float
    height: float
    fill: str = ""
    stroke: str = ""
    line: float = 0.3
    radius: float = 0


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc or a ring."""

    x: float
    y: float
    radius: float
    fill: str = ""
    stroke: str = ""
    line: float = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str
    line: float = 0.2
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; ``size`` is the height of a Chinese sign, ``y`` where its feet stand."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    anchor: Literal["start", "middle"] = "middle"
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG."""

    left: float
    top: float
    width: float
    height: float
    content: bytes


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of the shop's own; it fills its box, and what stands out is cut off."""

    left: float
    top: float
    width: float
    height: float
    url: str
    """Where pages show it; empty: it was chosen and not sent yet, the browser puts it in."""
    content: bytes = b""
    """For paper; empty: not wanted."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A line drawing in SVG around 0/0, within ``SIGN_EDGE``, in one colour."""

    x: float
    y: float
    size: float
    """Width and height on paper."""
    body: str
    stroke: str


SIGN_EDGE = 36
"""Width of the square that a sign is drawn in, in its own units."""

Shape = Rect | Circle | Line | Words | Picture | Photo | Sign


def moved(shape: Shape, right: float, down: float) -> Shape:
    """A shape at another place."""
    match shape:
        case Rect() | Picture() | Photo():
            return replace(shape, left=shape.left + right, top=shape.top + down)
        case Circle() | Words() | Sign():
            return replace(shape, x=shape.x + right, y=shape.y + down)
        case Line():
            return Line(
                shape.x1 + right, shape.y1 + down, shape.x2 + right, shape.y2 + down,
                shape.stroke, shape.line, is_dashed=shape.is_dashed,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Shapes with their place on the sheet; ``is_turned`` stands on its head (folded sheets)."""

    left: float
    top: float
    width: float
    height: float
    shapes: Sequence[Shape]
    is_turned: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet of paper."""

    width: float
    height: float
    parts: Sequence[Part]
    marks: Sequence[Line] = ()
    """Where to cut and fold."""


@cache
def _letters(*, is_bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font(is_bold=is_bold)), MEASURED_AT)


@cache
def _printed() -> frozenset[int]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415  slow to load, and only posters need it

    with TTFont(font(), lazy=True) as found:
        return frozenset(found.getBestCmap())


def printable(text: str) -> str:
    """A text without the signs that the printed font lacks, such as emoji."""
    return "".join(sign for sign in text if sign == "\n" or ord(sign) in _printed()).strip()


def not_printed(*texts: str) -> str:
    """The signs of texts that are left out on paper, each one once."""
    known = _printed()
    return "".join(
        dict.fromkeys(
            sign for sign in "".join(texts) if sign.isprintable() and ord(sign) not in known
        )
    )


def width_of(text: str, size: float, *, is_bold: bool = False) -> float:
    """How wide a line is, in millimetres."""
    return float(_letters(is_bold=is_bold).getlength(text)) * size / MEASURED_AT


def fitting(text: str, size: float, room: float, *, is_bold: bool = False) -> float:
    """The size in which a line fits into a width."""
    width = width_of(text, size, is_bold=is_bold)
    return size if width <= room else size * room / width


def headline_of(
    text: str, size: float, room: float, *, least: float, most: int
) -> tuple[list[str], float]:
    """A bold headline in as few lines as keep it larger than ``least``, ``most`` at most.

    Returns:
        Its lines, and the one size of all of them.
    """
    lines, fitted = [text], fitting(text, size, room, is_bold=True)
    for many in range(2, most + 1):
        if fitted > least:
            break
        filled = many * room * FILLED
        tried = size * min(1.0, filled / width_of(text, size, is_bold=True))
        lines = lines_of(text, tried, room, many)
        fitted = min(fitting(line, tried, room, is_bold=True) for line in lines)
    return lines, fitted


def lines_of(text: str, size: float, room: float, most: int) -> list[str]:
    """Break a text into lines of about the same width, first where its writer broke it.

    Of more lines than there may be, the last one takes what is left, however long it is.
    """
    typed = [line.strip() for line in text.splitlines() if line.strip()]
    typed = [*typed[: most - 1], " ".join(typed[most - 1 :])] if len(typed) > most else typed
    lines: list[str] = []
    for number, part in enumerate(typed, 1):
        lines += _balanced(part, size, room, most - len(lines) - (len(typed) - number))
    return lines


def _balanced(text: str, size: float, room: float, most: int) -> list[str]:
    """As few lines as fit, the widest of them as narrow as it can be."""
    lines = _filled(text, size, room, most)
    if len(lines) < 2:  # noqa: PLR2004
        return lines
    even = width_of(text, size) / len(lines)
    tries = [
        _filled(text, size, even * (1 + step / BALANCING), len(lines)) for step in range(BALANCING)
    ]
    return min([*tries, lines], key=lambda tried: max(width_of(line, size) for line in tried))


def _filled(text: str, size: float, room: float, most: int) -> list[str]:
    """Fill line after line."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most - 1 and width_of(rest, size) > room:
        end = len(rest)
        while end > 1 and (width_of(rest[:end], size) > room or rest[end : end + 1] in NOT_FIRST):
            end -= 1
        space = rest.rfind(" ", 0, end)
        if space > 0 and rest[end - 1 : end + 1].isascii():  # not inside a Latin word
            end = space + 1
        lines.append(rest[:end].strip())
        rest = rest[end:]
    return [*lines, rest.strip()] if rest else lines
