"""The Chinese font of what is printed; its package comes with the browser's assets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from zhanggui.ui.assets import NODE_MODULES

if TYPE_CHECKING:
    from fpdf import FPDF

FAMILY = "NotoSansSC"
FOLDER = NODE_MODULES / "@expo-google-fonts" / "noto-sans-sc"


@cache
def font(*, is_bold: bool = False) -> Path:
    """The file of the font.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    weight = "700Bold" if is_bold else "400Regular"
    found = sorted(FOLDER.rglob(f"NotoSansSC_{weight}.ttf"))
    if not found:
        message = f"the font of the sheets is missing: {FOLDER}; run npm ci"
        raise FileNotFoundError(message)
    return found[0]


def embed(pdf: FPDF, texts: Iterable[str], *, is_bold: bool = False) -> None:
    """Put into a file what these texts need of the font; to look through all of it takes longer.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    signs = sorted({ord(sign) for text in texts for sign in text})
    if signs:
        style = "B" if is_bold else ""
        pdf.add_font(FAMILY, style, str(font(is_bold=is_bold)), unicode_range=signs)
