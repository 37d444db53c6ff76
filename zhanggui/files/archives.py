"""Spreadsheets are zip archives: looked through in pieces before anything opens them.

A small archive can unpack to any size, a sheet of two cells can claim 17 thousand million between
them, a lying directory can hide both. So every entry is unpacked once in small pieces and counted.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from zhanggui.files.errors import (
    SheetBomb,
    SheetDamaged,
    SheetKind,
    SheetLocked,
    SheetMacros,
    SheetTooLong,
)

PIECE = 256 * 1024
MOST_ENTRIES = 1_000
MOST_UNPACKED = 256 * 1024 * 1024
MOST_RATIO = 200
"""Sheets of equal rows reach 60; a bomb of zeros 1,000."""
RATIO_FROM = 8 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 200
MOST_CELLS = 6_000_000
"""Rows times columns: the reader keeps a place for each, empty or not."""
OVERLAP = 64

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_CELL = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_ROW = re.compile(rb'<row[^>]{0,40}?\br="(\d{1,7})"')
_FORBIDDEN = re.compile(
    r"vbaproject|vbadata|(^|/)(externallinks|embeddings|activex|ctrlprops|macrosheets)/",
    re.IGNORECASE,
)
_LOCKED = bytes.fromhex("d0cf11e0a1b11ae1")
"""An OLE container: an old .xls, or an .xlsx that is encrypted."""


def check_spreadsheet(path: Path) -> None:
    """Refuse an archive that is no plain spreadsheet or could do harm when opened.

    Raises:
        SheetKind: an archive, but of something else.
        SheetDamaged: cannot be unpacked, or its directory does not tell the truth.
        SheetLocked: encrypted.
        SheetBomb: unpacks to too much.
        SheetMacros: carries macros, links to other files or embedded objects.
        SheetTooLong: claims more rows or columns than are taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(archive, path.stat().st_size)
            _unpack(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        raise SheetDamaged from None
    except RuntimeError:  # zipfile's word for "encrypted"
        raise SheetLocked from None


def _check_directory(archive: zipfile.ZipFile, packed: int) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_ENTRIES:
        raise SheetBomb
    if any(entry.flag_bits & 1 for entry in entries):
        raise SheetLocked
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED or (unpacked > RATIO_FROM and unpacked > packed * MOST_RATIO):
        raise SheetBomb
    if any(_FORBIDDEN.search(name) for name in names):
        raise SheetMacros
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise SheetKind


@dataclass(slots=True)
class _Extent:
    """How far down and to the right the cells of a sheet claim to be."""

    row: int = 0
    column: int = 0

    def take(self, piece: bytes) -> None:
        for letters, digits in _CELL.findall(piece):
            self.row = max(self.row, int(digits))
            self.column = max(self.column, _number_of(letters))
        for digits in _ROW.findall(piece):
            self.row = max(self.row, int(digits))

    def refuse_beyond(self) -> None:
        is_long = self.row > MOST_ROWS or self.column > MOST_COLUMNS
        if is_long or self.row * self.column > MOST_CELLS:
            raise SheetTooLong(
                rows=self.row, columns=self.column, most=100_000, most_columns=MOST_COLUMNS
            )


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _unpack(archive: zipfile.ZipFile) -> None:
    total = 0
    for entry in archive.infolist():
        extent = _Extent() if _SHEET.fullmatch(entry.filename) else None
        rest = b""
        with archive.open(entry) as stream:  # fails where the size in the directory is a lie
            while piece := stream.read(PIECE):
                total += len(piece)
                if total > MOST_UNPACKED:
                    raise SheetBomb
                if extent is not None:
                    extent.take(rest + piece)
                    rest = piece[-OVERLAP:]
        if extent is not None:
            extent.refuse_beyond()


def refuse_locked(path: Path) -> None:
    """Say what to do with an encrypted spreadsheet; an old .xls is told to be saved anew.

    Raises:
        SheetLocked: an .xlsx with a password.
        SheetKind: an .xls.
    """
    with path.open("rb") as file:
        if file.read(len(_LOCKED)) != _LOCKED:
            return
        rest = file.read()
    raise SheetLocked if "EncryptedPackage".encode("utf-16-le") in rest else SheetKind


def looks_like_text(head: bytes) -> bool:
    """Whether a file can be a CSV: no zero bytes outside UTF-16, no other file's beginning."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    begins = head.lstrip().lower()[:64]
    if begins.startswith((b"<", b"%pdf", b"{\\rtf", b"mz", b"\x7felf", b"#!")):
        return False
    return b"\0" not in head and not any(byte < 9 for byte in head)  # noqa: PLR2004  control signs
