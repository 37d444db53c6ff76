"""QR codes, drawn here: no other host learns what is in them."""

from __future__ import annotations

from io import BytesIO

import segno

INK = "#1f2328"
QUIET_ZONE = 4  # modules; ISO/IEC 18004 asks for four


def data_uri(text: str) -> str:
    """The code as SVG in an address for ``<img src>``."""
    return segno.make_qr(text, error="m").svg_data_uri(border=QUIET_ZONE, dark=INK, light="#fff")


def png(text: str, *, scale: int = 12) -> bytes:
    """The code as a PNG file; ``scale`` is the edge of one module in px."""
    out = BytesIO()
    segno.make_qr(text, error="m").save(
        out, kind="png", scale=scale, border=QUIET_ZONE, dark=INK, light="#fff"
    )
    return out.getvalue()
