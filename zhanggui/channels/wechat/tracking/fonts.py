"""The Chinese font of what is printed; its package comes with the browser's assets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from string import printable
from tempfile import NamedTemporaryFile
from threading import Lock
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


class _Cut:
    """What was printed so far, cut out of a font: of its 30,000 signs a shop needs a hundred.

    To read the whole font takes ten times as long as to draw a sheet, so the cut is kept, and made
    anew with what a sheet has beyond it.
    """

    MOST = 1_000
    """With so many signs the next cut begins anew: reading it would take longer and longer."""

    def __init__(self, *, is_bold: bool) -> None:
        self._whole = font(is_bold=is_bold)
        self._lock = Lock()
        self._signs = frozenset(map(ord, printable))
        self._content = b""

    def with_all(self, signs: frozenset[int]) -> bytes:
        """A font that has these signs, and maybe more."""
        with self._lock:
            if not (self._content and self._signs >= signs):
                self._signs = signs | (self._signs if len(self._signs) < self.MOST else frozenset())
                self._content = self._made()
            return self._content

    def _made(self) -> bytes:
        from fontTools import subset, ttLib  # noqa: PLC0415  tenths of a second of each start

        wanted = subset.Options(layout_features=[], name_IDs=["*"], name_languages=["*"])
        made = BytesIO()
        with ttLib.TTFont(self._whole, lazy=True) as whole:
            # numbers will do: to name all glyphs by what they stand for takes longer than the rest
            whole.setGlyphOrder([f"glyph{n}" for n in range(whole["maxp"].numGlyphs)])
            cutter = subset.Subsetter(wanted)
            cutter.populate(unicodes=self._signs)
            cutter.subset(whole)
            whole.save(made)
        return made.getvalue()


@cache
def _cut(*, is_bold: bool) -> _Cut:
    return _Cut(is_bold=is_bold)


def embed(pdf: FPDF, texts: Iterable[str], *, is_bold: bool = False) -> None:
    """Put into a file what these texts need of the font.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    signs = frozenset(ord(sign) for text in texts for sign in text)
    if not signs:
        return
    with NamedTemporaryFile(suffix=".ttf") as file:  # opened at once, it may go then
        file.write(_cut(is_bold=is_bold).with_all(signs))
        file.flush()
        style = "B" if is_bold else ""
        pdf.add_font(FAMILY, style, file.name, unicode_range=sorted(signs))
