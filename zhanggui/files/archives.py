"""Spreadsheets are zip archives: looked through in pieces before anything opens them.

A small archive can unpack to any size, a sheet of two cells can claim 17 thousand million between
them, a lying directory can hide both. So every entry is unpacked once in small pieces and counted.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

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
MOST_ELEMENTS = 25_000_000
"""A cell is two or three of them."""

WORKBOOK_LINKS = "xl/_rels/workbook.xml.rels"
_PLACE = re.compile(r"([A-Za-z]{0,3})0*([0-9]{0,7})")
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


class _Elements:
    """Reads the XML of an entry: how far down and to the right its cells claim to be.

    Any entry may be named as a sheet, so all are read. What is not quite XML is refused: the
    program that opens the sheet later is more lenient, and would see what is overlooked here.
    """

    def __init__(self, name: str) -> None:
        self.row = self.column = self.count = 0
        self._at = [0, 0]
        self.is_index = name.lower() == WORKBOOK_LINKS
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._begin
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        try:
            self.parser.Parse(piece, is_last)
        except expat.ExpatError:
            raise SheetDamaged from None

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise SheetBomb
        if self.is_index and not attributes.get("Target", ".xml").lower().endswith(".xml"):
            raise SheetDamaged
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._at = [self._at[0] + 1, 0]
        elif kind == "c":
            self._at[1] += 1
        else:
            return
        if "r" in attributes:
            self._jump(attributes["r"])
        self.row = max(self.row, self._at[0])
        self.column = max(self.column, self._at[1])

    def _jump(self, place: str) -> None:
        found = _PLACE.fullmatch(place.strip())
        if found is None:
            raise SheetDamaged
        letters, digits = found.groups()
        if letters:
            self._at[1] = _number_of(letters.upper())
        if digits:
            self._at[0] = int(digits)

    @staticmethod
    def _refuse_doctype(*_declared: object) -> None:
        raise SheetDamaged

    def refuse_beyond(self) -> None:
        is_long = self.row > MOST_ROWS or self.column > MOST_COLUMNS
        if is_long or self.row * self.column > MOST_CELLS:
            raise SheetTooLong(
                rows=self.row, columns=self.column, most=100_000, most_columns=MOST_COLUMNS
            )


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _unpack(archive: zipfile.ZipFile) -> None:
    total = 0
    for entry in archive.infolist():
        is_xml = entry.filename.lower().endswith((".xml", ".rels"))
        elements = _Elements(entry.filename) if is_xml else None
        with archive.open(entry) as stream:  # fails where the size in the directory is a lie
            while piece := stream.read(PIECE):
                total += len(piece)
                if total > MOST_UNPACKED:
                    raise SheetBomb
                if elements is not None:
                    elements.feed(piece)
        if elements is not None:
            elements.feed(b"", is_last=True)
            elements.refuse_beyond()


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
