"""QR codes, drawn here: no other host learns what is in them."""

from __future__ import annotations

from io import BytesIO

import segno

INK = "#1f2328"
QUIET_ZONE = 4  # modules; ISO/IEC 18004 asks for four


def data_uri(text: str) -> str:
    """The code as SVG in an address for ``<img src>``."""
    return segno.make(text, error="m").svg_data_uri(border=QUIET_ZONE, dark=INK, light="#fff")


def svg(text: str) -> bytes:
    """The code as an SVG file, for print."""
    return _file(text, "svg", scale=10)


def png(text: str, *, scale: int = 12) -> bytes:
    """The code as a PNG file; ``scale`` is the edge of one module in px."""
    return _file(text, "png", scale=scale)


def _file(text: str, kind: str, *, scale: int) -> bytes:
    out = BytesIO()
    segno.make(text, error="m").save(
        out, kind=kind, scale=scale, border=QUIET_ZONE, dark=INK, light="#fff"
    )
    return out.getvalue()
