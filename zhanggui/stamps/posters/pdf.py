"""Pages of a poster as PDF: text stays text, its font is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from zhanggui.channels.wechat.tracking.fonts import FAMILY, embed
from zhanggui.stamps.posters import svg
from zhanggui.stamps.posters.shapes import (
    Circle,
    Line,
    Page,
    Photo,
    Picture,
    Rect,
    Shape,
    Sign,
    Words,
)

if TYPE_CHECKING:
    from fpdf import FPDF

POINTS_A_MM = 72 / 25.4
DASH_MM = 1.5
HALF_TURN = 180
JPEG_QUALITY = 88


def draw(page: Page, *, title: str) -> bytes:
    """One sheet as a file."""
    from fpdf import FPDF  # noqa: PLC0415  half a second of each start

    pdf = FPDF(unit="mm", format=(page.width, page.height))
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_title(title)
    shapes = [*page.marks, *(shape for part in page.parts for shape in part.shapes)]
    words = [shape for shape in shapes if isinstance(shape, Words)]
    for is_bold in (False, True):
        embed(pdf, [one.text for one in words if one.is_bold == is_bold], is_bold=is_bold)
    pdf.add_page()
    for part in page.parts:
        middle = (part.left + part.width / 2, part.top + part.height / 2)
        if part.is_turned:
            with pdf.rotation(HALF_TURN, *middle):
                _put(pdf, part.shapes, part.left, part.top)
        else:
            _put(pdf, part.shapes, part.left, part.top)
    _put(pdf, page.marks, 0, 0)
    return bytes(pdf.output())


def _put(pdf: FPDF, shapes: Sequence[Shape], left: float, top: float) -> None:
    for shape in shapes:
        _one(pdf, shape, left, top)


def _one(pdf: FPDF, shape: Shape, left: float, top: float) -> None:
    match shape:
        case Rect():
            style = _style(pdf, shape.fill, shape.stroke, shape.line)
            place = (left + shape.left, top + shape.top, shape.width, shape.height)
            pdf.rect(
                *place, style=style, round_corners=shape.radius > 0, corner_radius=shape.radius
            )
        case Circle():
            style = _style(pdf, shape.fill, shape.stroke, shape.line)
            pdf.circle(left + shape.x, top + shape.y, shape.radius, style=style)
        case Line():
            pdf.set_draw_color(shape.stroke)
            pdf.set_line_width(shape.line)
            pdf.set_dash_pattern(DASH_MM if shape.is_dashed else 0, DASH_MM)
            pdf.line(left + shape.x1, top + shape.y1, left + shape.x2, top + shape.y2)
            pdf.set_dash_pattern()
        case Words():
            pdf.set_font(FAMILY, "B" if shape.is_bold else "", shape.size * POINTS_A_MM)
            pdf.set_text_color(shape.fill)
            shift = pdf.get_string_width(shape.text) / 2 if shape.anchor == "middle" else 0
            pdf.text(left + shape.x - shift, top + shape.y, shape.text)
        case Picture():
            content = BytesIO(shape.content)
            place = (left + shape.left, top + shape.top, shape.width, shape.height)
            pdf.image(content, *place)
        case Photo():
            place = (left + shape.left, top + shape.top, shape.width, shape.height)
            pdf.image(_filling(shape), *place)
        case Sign():
            corner = (left + shape.x - shape.size / 2, top + shape.y - shape.size / 2)
            pdf.image(BytesIO(svg.file_of(shape)), *corner, shape.size, shape.size)


def _filling(photo: Photo) -> BytesIO:
    """The middle of the photo in the form of its box; no larger than it came."""
    made = BytesIO()
    with Image.open(BytesIO(photo.content)) as picture:
        scale = min(picture.width / photo.width, picture.height / photo.height)
        size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
        ImageOps.fit(picture.convert("RGB"), size).save(made, "JPEG", quality=JPEG_QUALITY)
    made.seek(0)
    return made


def _style(pdf: FPDF, fill: str, stroke: str, line: float) -> str:
    if fill:
        pdf.set_fill_color(fill)
    if stroke:
        pdf.set_draw_color(stroke)
        pdf.set_line_width(line)
    return ("D" if stroke else "") + ("F" if fill else "")
