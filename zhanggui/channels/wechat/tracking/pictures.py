"""QR codes to hand out: the shop's logo in the middle, the caption below; as SVG and PNG.

With a logo the code carries more correction (level H, 30 %), of which the logo covers a sixth.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from io import BytesIO

import segno
from PIL import Image, ImageDraw, ImageFont

from zhanggui.channels.wechat.tracking.fonts import font
from zhanggui.ui.qr import INK, QUIET_ZONE

LOGO_SHARE = 0.22
"""Of the code's edge that the logo and its white border take: 5 % of the area."""
PNG_EDGE = 1000
CAPTION_SHARE = 0.1
"""Height of the line below, of the edge."""


@dataclass(frozen=True, slots=True)
class Look:
    """What stands on a code besides the code."""

    caption: str = ""
    logo: bytes | None = None
    """Any picture Pillow reads; only ever one that we encoded ourselves."""


def code_png(text: str, look: Look, *, edge: int = PNG_EDGE) -> bytes:
    """A code as PNG, about ``edge`` px wide, without its caption.

    Each module has the same whole number of pixels, so that scanners see sharp edges.
    """
    made = segno.make_qr(text, error="h" if look.logo else "m", boost_error=False)
    modules = made.symbol_size(border=QUIET_ZONE)[0]
    out = BytesIO()
    made.save(
        out, kind="png", scale=max(edge // modules, 1), border=QUIET_ZONE, dark=INK, light="#fff"
    )
    if look.logo is None:
        return out.getvalue()
    picture = Image.open(out).convert("RGB")
    _put_logo(picture, look.logo)
    return _png(picture)


def png(text: str, look: Look) -> bytes:
    """A code with its caption as PNG."""
    code = Image.open(BytesIO(code_png(text, look))).convert("RGB")
    if not look.caption:
        return _png(code)
    line = int(code.width * CAPTION_SHARE)
    whole = Image.new("RGB", (code.width, code.height + line), "#fff")
    whole.paste(code, (0, 0))
    _write(whole, look.caption, top=code.height - line // 3, height=int(line * 0.62))
    return _png(whole)


def svg(text: str, look: Look) -> bytes:
    """A code with its caption as SVG; 10 units a module."""
    made = segno.make_qr(text, error="h" if look.logo else "m", boost_error=False)
    edge = int(made.symbol_size(scale=10, border=QUIET_ZONE)[0])
    out = BytesIO()
    made.save(
        out, kind="svg", scale=10, border=QUIET_ZONE, dark=INK, light="#fff", xmldecl=False,
        svgns=False,
    )  # fmt: skip
    line = edge * CAPTION_SHARE if look.caption else 0
    height = f"{edge + line:.0f}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{edge}" height="{height}"'
            f' viewBox="0 0 {edge} {height}">'
        ),
        '<rect width="100%" height="100%" fill="#fff"/>',
        out.getvalue().decode().strip(),
    ]
    if look.logo:
        parts.append(_svg_logo(look.logo, edge))
    if look.caption:
        size = min(line * 0.62, edge * 0.9 / max(_width_of(look.caption), 1))
        parts.append(
            f'<text x="{edge / 2:.0f}" y="{edge + line * 0.3:.0f}" text-anchor="middle"'
            f' font-family="PingFang SC, Microsoft YaHei, Noto Sans SC, sans-serif"'
            f' font-size="{size:.0f}" fill="{INK}">{escape(look.caption)}</text>'
        )
    return ("".join(parts) + "</svg>\n").encode()


def _width_of(text: str) -> float:
    """About how wide a line is, in signs as high as wide."""
    return sum(1.0 if ord(sign) > 0x2E80 else 0.6 for sign in text)  # noqa: PLR2004  CJK begins


def _svg_logo(logo: bytes, edge: int) -> str:
    out = BytesIO()
    _square(logo, 300).save(out, "PNG", optimize=True)
    data = base64.b64encode(out.getvalue()).decode()
    size, border = edge * LOGO_SHARE, edge * LOGO_SHARE * 0.08
    at = (edge - size) / 2
    inner = size - 2 * border
    return (
        f'<rect x="{at:.1f}" y="{at:.1f}" width="{size:.1f}" height="{size:.1f}"'
        f' rx="{border * 2:.1f}" fill="#fff"/>'
        f'<image x="{at + border:.1f}" y="{at + border:.1f}" width="{inner:.1f}"'
        f' height="{inner:.1f}" href="data:image/png;base64,{data}"/>'
    )


def _square(logo: bytes, edge: int) -> Image.Image:
    """The logo on white, whole, in a square."""
    picture = Image.open(BytesIO(logo)).convert("RGBA")
    picture.thumbnail((edge, edge))
    square = Image.new("RGBA", (edge, edge), "#fff")
    square.alpha_composite(picture, ((edge - picture.width) // 2, (edge - picture.height) // 2))
    return square.convert("RGB")


def _put_logo(picture: Image.Image, logo: bytes) -> None:
    size = int(picture.width * LOGO_SHARE)
    border = max(size // 12, 2)
    at = (picture.width - size) // 2
    corner = (at, at, at + size, at + size)
    ImageDraw.Draw(picture).rounded_rectangle(corner, radius=border * 2, fill="#fff")
    picture.paste(_square(logo, size - 2 * border), (at + border, at + border))


def _write(picture: Image.Image, text: str, *, top: int, height: int) -> None:
    """One line in the middle, made smaller until it fits."""
    letters = ImageFont.truetype(str(font()), height)
    while letters.getlength(text) > picture.width * 0.92 and letters.size > height // 3:
        letters = ImageFont.truetype(str(font()), letters.size - 2)
    draw = ImageDraw.Draw(picture)
    draw.text((picture.width / 2, top), text, font=letters, fill=INK, anchor="ma")


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
