"""Reading spreadsheets: xlsx by calamine, CSV in the encodings that Chinese programs write.

Every file went through ``archives`` when it was sent in; what is opened here is bounded.
"""

from __future__ import annotations

import codecs
import csv
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from zhanggui.files.archives import MOST_COLUMNS, MOST_ROWS
from zhanggui.files.cells import plain
from zhanggui.files.errors import (
    SheetDamaged,
    SheetEmpty,
    SheetEncoding,
    SheetTooLong,
)
from zhanggui.files.kinds import XLSX

Cells = list[Any]
PIECE = 256 * 1024
HEADER_AT_MOST = 100
LETTERS = 26

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its header; ``rows`` are what follows, with their numbers, blank ones left out.

    Numbers are those the spreadsheet shows. A cell without content is None.
    """

    name: str
    header: list[str]
    rows: Iterator[tuple[int, Cells]]
    last_row: int
    """How far down the sheet reaches: not less than the rows that will come."""


def letter_of(place: int) -> str:
    """A column as spreadsheets name it: 0 is A, 26 is AA."""
    letters = ""
    number = place + 1
    while number:
        number, rest = divmod(number - 1, LETTERS)
        letters = chr(65 + rest) + letters
    return letters


@contextmanager
def opened(path: Path, content_type: str) -> Iterator[Sheet]:
    """Open the first sheet that has anything in it; one at a time in a process.

    Raises:
        SheetDamaged: cannot be read (422).
        SheetEmpty: no sheet has a header (422).
        SheetTooLong: more rows or columns than are taken (422).
        SheetEncoding: a CSV in none of the known encodings (422).
    """
    with _one_at_a_time:
        if content_type == XLSX:
            yield _xlsx(path)
        else:
            with _csv(path) as sheet:
                yield sheet


def _xlsx(path: Path) -> Sheet:
    try:
        book = CalamineWorkbook.from_path(str(path))
        for described in book.sheets_metadata:
            if described.visible != SheetVisibleEnum.Visible:
                continue
            found = book.get_sheet_by_name(described.name)
            if found.start is not None:
                return _begin(described.name, _numbered(found), found.total_height)
    except (CalamineError, OSError, ValueError):
        raise SheetDamaged from None
    raise SheetEmpty


def _numbered(sheet: CalamineSheet) -> Iterator[tuple[int, Cells]]:
    left = [None] * (sheet.start[1] if sheet.start else 0)  # empty columns before the first
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield number, [*left, *(None if cell == "" else cell for cell in row)]


def _begin(name: str, numbered: Iterator[tuple[int, Cells]], last_row: int) -> Sheet:
    """The first row with anything in it is the header."""
    for _number, row in numbered:
        if any(cell is not None for cell in row):
            if len(row) > MOST_COLUMNS:
                raise SheetTooLong(
                    rows=last_row, columns=len(row), most=100_000, most_columns=MOST_COLUMNS
                )
            header = ["" if cell is None else plain(cell)[:HEADER_AT_MOST] for cell in row]
            return Sheet(name, header, _filled(numbered), last_row)
    raise SheetEmpty


def _filled(numbered: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, Cells]]:
    for number, row in numbered:
        if any(cell is not None and (not isinstance(cell, str) or cell.strip()) for cell in row):
            yield number, row


@contextmanager
def _csv(path: Path) -> Iterator[Sheet]:
    encoding = _encoding_of(path)
    with path.open(encoding=encoding, newline="") as text:
        first = text.readline()
        text.seek(0)
        last_row = sum(1 for _line in text)
        if last_row > MOST_ROWS:
            raise SheetTooLong(
                rows=last_row, columns=first.count(","), most=100_000, most_columns=MOST_COLUMNS
            )
        text.seek(0)
        reader = csv.reader(text, delimiter=_delimiter_of(first))
        yield _begin("", _rows_of(reader), last_row)


def _rows_of(reader: Any) -> Iterator[tuple[int, Cells]]:
    try:
        for number, row in enumerate(reader, 1):
            yield number, [cell if cell.strip() else None for cell in row]
    except csv.Error:  # a cell of more than 128 KB: a quotation mark that never ends
        raise SheetDamaged from None


def _delimiter_of(line: str) -> str:
    return max(",\t;", key=line.count)


def _encoding_of(path: Path) -> str:
    """UTF-8 or UTF-16 where the file says so, else whichever of UTF-8 and GB 18030 fits.

    Raises:
        SheetEncoding: none fits.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        if _fits(path, encoding):
            return encoding
    raise SheetEncoding


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True
