"""Pages of a poster as SVG, to look at on a page; attributes only, no style."""

from __future__ import annotations

import base64
from html import escape

from django.utils.safestring import SafeString

from zhanggui.stamps.posters.shapes import (
    SIGN_EDGE,
    Circle,
    Line,
    Page,
    Part,
    Photo,
    Picture,
    Rect,
    Shape,
    Sign,
    Words,
    width_of,
)

NO_PHOTO = "#d9d4ca"
"""Where a photo comes, until it is there."""
FONTS = "PingFang SC, HarmonyOS Sans, Noto Sans SC, Microsoft YaHei, sans-serif"


def draw(page: Page, *, label: str) -> SafeString:
    """One sheet as markup; ``label`` says what it is to people who do not see it."""
    size = f"{page.width:g} {page.height:g}"
    parts = "".join(_part(part) for part in page.parts)
    marks = "".join(_one(mark) for mark in page.marks)
    return SafeString(
        f'<svg class="stamps-sheet" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}"'
        f' role="img" aria-label="{escape(label)}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{parts}{marks}</svg>'
    )


def _part(part: Part) -> str:
    turn = f" rotate(180 {part.width / 2:g} {part.height / 2:g})" if part.is_turned else ""
    inside = "".join(_one(shape) for shape in part.shapes)
    return f'<g transform="translate({part.left:g} {part.top:g}){turn}">{inside}</g>'


def _one(shape: Shape) -> str:
    match shape:
        case Rect():
            return (
                f'<rect x="{shape.left:.2f}" y="{shape.top:.2f}" width="{shape.width:.2f}"'
                f' height="{shape.height:.2f}" rx="{shape.radius:.2f}"'
                f"{_paint(shape.fill, shape.stroke, shape.line)}/>"
            )
        case Circle():
            return (
                f'<circle cx="{shape.x:.2f}" cy="{shape.y:.2f}" r="{shape.radius:.2f}"'
                f"{_paint(shape.fill, shape.stroke, shape.line)}/>"
            )
        case Line():
            dash = ' stroke-dasharray="1.5 1.5"' if shape.is_dashed else ""
            return (
                f'<line x1="{shape.x1:.2f}" y1="{shape.y1:.2f}" x2="{shape.x2:.2f}"'
                f' y2="{shape.y2:.2f}"{_paint("", shape.stroke, shape.line)}{dash}/>'
            )
        case Words():
            return _words(shape)
        case Sign():
            return (
                f'<g transform="translate({shape.x:.2f} {shape.y:.2f})'
                f' scale({shape.size / SIGN_EDGE:.4f})" fill="none" stroke="{shape.stroke}">'
                f"{plain(shape)}</g>"
            )
        case Picture() | Photo():
            return _picture(shape)


def _picture(shape: Picture | Photo) -> str:
    place = (
        f'x="{shape.left:.2f}" y="{shape.top:.2f}" width="{shape.width:.2f}"'
        f' height="{shape.height:.2f}"'
    )
    if isinstance(shape, Picture):
        data = base64.b64encode(shape.content).decode()
        return f'<image {place} href="data:image/png;base64,{data}"/>'
    link = f' href="{escape(shape.url)}"' if shape.url else ""
    return (
        f'<rect {place} fill="{NO_PHOTO}"/>'
        f'<image {place}{link} preserveAspectRatio="xMidYMid slice" data-picture-own=""/>'
    )


def plain(sign: Sign) -> str:
    """The drawing without the classes that colour it on a stamp card."""
    return sign.body.replace('class="zg-seal-line" ', "")


def file_of(sign: Sign) -> bytes:
    """A sign as a drawing of its own."""
    half = SIGN_EDGE / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-half:g} {-half:g} {SIGN_EDGE}'
        f' {SIGN_EDGE}"><g fill="none" stroke="{sign.stroke}">{plain(sign)}</g></svg>'
    ).encode()


def _words(shape: Words) -> str:
    weight = ' font-weight="700"' if shape.is_bold else ""
    # as wide as on paper, whatever font the browser has
    width = width_of(shape.text, shape.size, is_bold=shape.is_bold)
    wide = f' textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"' if shape.text else ""
    return (
        f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:.2f}"{weight}{wide}'
        f' text-anchor="{shape.anchor}" fill="{shape.fill}" font-family="{FONTS}">'
        f"{escape(shape.text)}</text>"
    )


def _paint(fill: str, stroke: str, line: float) -> str:
    drawn = f' stroke="{stroke}" stroke-width="{line:g}"' if stroke else ""
    return f' fill="{fill or "none"}"{drawn}'
