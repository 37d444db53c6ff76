"""Sheets of QR codes to print, as PDF: cut marks, caption, shop, a number people can read."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.tracking.fonts import FAMILY, embed
from zhanggui.channels.wechat.tracking.pictures import Look, code_png

if TYPE_CHECKING:
    from fpdf import FPDF

INK = (31, 35, 40)
MUTED = (90, 97, 107)
RED = (194, 54, 43)
LINE = (200, 195, 184)
SMALLEST_MM = 25.0
"""A code below this is hard to scan at arm's length."""
SMALLEST_POINTS = 5.0
MM_A_POINT = 0.353


@dataclass(frozen=True, slots=True)
class Sheet:
    """A size of paper and how many codes stand on it."""

    name: str
    label: str | Promise
    width_mm: float
    height_mm: float
    columns: int
    rows: int
    margin_mm: float


SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("a4", _("A4, 3 × 4 stickers"), 210, 297, 3, 4, 10),
        Sheet("a4-1", _("A4, one poster"), 210, 297, 1, 1, 20),
        Sheet("a6", _("A6, a table stand"), 105, 148, 1, 1, 8),
        Sheet("label", _("Label printer 60 × 40 mm"), 60, 40, 1, 1, 2),
    )
}


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the paper, in mm."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on each code's place."""

    text: str
    """What the code says."""
    caption: str
    """Large, under the code."""
    name: str
    """Of the shop, above the code."""
    number: str
    """What people can read and type."""
    logo: bytes | None = None
    """In the middle of the code."""


def draw(sheet: Sheet, label: Label) -> bytes:
    """A sheet as PDF, the same label on each of its places."""
    from fpdf import FPDF  # noqa: PLC0415  half a second of each start

    pdf = FPDF(unit="mm", format=(sheet.width_mm, sheet.height_mm))
    pdf.set_auto_page_break(auto=False)
    embed(pdf, (label.caption, label.name, label.number))
    pdf.add_page()
    picture = BytesIO(code_png(label.text, Look(logo=label.logo)))
    width = (sheet.width_mm - 2 * sheet.margin_mm) / sheet.columns
    height = (sheet.height_mm - 2 * sheet.margin_mm) / sheet.rows
    for place in range(sheet.columns * sheet.rows):
        row, column = divmod(place, sheet.columns)
        box = Box(sheet.margin_mm + column * width, sheet.margin_mm + row * height, width, height)
        (_beside if width > height else _below)(pdf, box, picture, label)
        if sheet.columns * sheet.rows > 1:
            _cut_marks(pdf, box)
    return bytes(pdf.output())


def _beside(pdf: FPDF, box: Box, picture: BytesIO, label: Label) -> None:
    """A label of a printer: the code at the left, words at its right."""
    size = max(box.height, SMALLEST_MM)
    pdf.image(picture, box.left, box.top, size, size)
    left, width = box.left + size + 1, box.width - size - 2
    for part, text, points, colour in (
        (0.18, label.caption, 10.0, INK),
        (0.52, label.name, 7.0, MUTED),
        (0.72, label.number, 7.0, MUTED),
    ):
        line = Box(left, box.top + box.height * part, width, 0)
        _line(pdf, line, text, points, colour)


def _below(pdf: FPDF, box: Box, picture: BytesIO, label: Label) -> None:
    """A sticker or poster: shop, code, caption and number in the middle."""
    scale = box.width / 60
    size = max(min(box.width * 0.76, box.height * 0.6), SMALLEST_MM)
    top = box.top + box.height * 0.05
    at = top + 5 * scale
    pdf.image(picture, box.left + (box.width - size) / 2, at, size, size)
    under = at + size + 1.5 * scale
    for line_top, text, points, colour in (
        (top, label.name, 9.0, RED),
        (under, label.caption, 11.0, INK),
        (under + 6 * scale, label.number, 6.0, MUTED),
    ):
        line = Box(box.left + 2, line_top, box.width - 4, 0)
        _line(pdf, line, text, points * scale, colour, align="C")


def _line(
    pdf: FPDF,
    box: Box,
    text: str,
    points: float,
    colour: tuple[int, int, int],
    *,
    align: str = "L",
) -> None:
    """One line of text, made smaller until it fits."""
    pdf.set_text_color(*colour)
    size = points
    pdf.set_font(FAMILY, size=size)
    while pdf.get_string_width(text) > box.width and size > SMALLEST_POINTS:
        size -= 0.5
        pdf.set_font(FAMILY, size=size)
    pdf.set_xy(box.left, box.top)
    pdf.cell(box.width, size * MM_A_POINT * 1.2, text, align=align)


def _cut_marks(pdf: FPDF, box: Box) -> None:
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.1)
    for x in (box.left, box.left + box.width):
        for y in (box.top, box.top + box.height):
            pdf.line(x - 1.5, y, x + 1.5, y)
            pdf.line(x, y - 1.5, x, y + 1.5)
