"""Writing spreadsheets row by row, in constant memory, with nothing a program would run.

A cell that begins like a formula is written as text: in xlsx marked as such, so that it stays text
when somebody edits it; in CSV behind an apostrophe, which is how spreadsheets mark text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, Self
from zoneinfo import ZoneInfo

import xlsxwriter

from zhanggui.files.exports import Column
from zhanggui.ui import formats

Format = Literal["xlsx", "csv"]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LONGEST_CELL = 32_000
"""A cell of xlsx ends at 32,767 signs."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_PLAIN: dict[str, tuple[type, ...]] = {"day": (date,), "number": (int, float)}
HEAD_COLOUR, BAD_COLOUR = "#F7F5F1", "#F6D5D2"


@dataclass(frozen=True, slots=True)
class Look:
    """How values are shown: the shop's clock, and whether phones are whole."""

    time_zone: str
    whole_phones: bool = False


class Writer(Protocol):
    """Takes rows, one after the other."""

    def write(self, values: Sequence[Any]) -> None:
        """Add a row."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_error: object) -> None: ...


def writer(path: Path, format_: Format, columns: Sequence[Column], look: Look) -> Writer:
    """Begin a spreadsheet with its header; a context manager that finishes it."""
    if format_ == "csv":
        return CsvWriter(path, columns, look)
    return XlsxWriter(path, columns, look)


def is_formula(value: str) -> bool:
    """Whether a spreadsheet would take this text for a formula."""
    return value.lstrip(" ").startswith(FORMULA) or value.startswith(FORMULA)


def clean(value: Any) -> str:
    """A text without signs that no spreadsheet can hold."""
    return _CONTROL.sub("", str(value))[:LONGEST_CELL]


def value_of(value: Any, column: Column, look: Look) -> Any:
    """A value as it is written: str, int, float, date, naive datetime of the shop, or None."""
    if value is None or value == "":
        return None
    if column.kind == "phone":
        number = str(value)
        return number.removeprefix("+86") if look.whole_phones else formats.masked_phone(number)
    if column.kind == "money":
        return value / 100
    if column.kind == "moment" and isinstance(value, datetime):
        return value.astimezone(ZoneInfo(look.time_zone)).replace(tzinfo=None, microsecond=0)
    if isinstance(value, _PLAIN.get(column.kind, ())):
        return value
    return clean(value)


class CsvWriter:
    """CSV as Excel opens it: UTF-8 with its mark, commas."""

    def __init__(self, path: Path, columns: Sequence[Column], look: Look) -> None:
        self.columns, self.look = columns, look
        self.file = path.open("w", encoding="utf-8-sig", newline="")
        self.lines = csv.writer(self.file)
        self.lines.writerow([self._safe(str(column.label)) for column in columns])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def write(self, values: Sequence[Any]) -> None:
        """Add a row."""
        self.lines.writerow(
            [self._text(value, column) for value, column in zip(values, self.columns, strict=True)]
        )

    def _text(self, value: Any, column: Column) -> str:
        shown = value_of(value, column, self.look)
        if shown is None:
            return ""
        if column.kind == "money":
            return f"{shown:.2f}"
        if isinstance(shown, datetime):
            return shown.strftime("%Y-%m-%d %H:%M")
        if isinstance(shown, str):
            return self._safe(shown)
        return str(shown)

    @staticmethod
    def _safe(text: str) -> str:
        return f"'{text}" if is_formula(text) else text


class XlsxWriter:
    """xlsx, written row by row; a head that stays, columns of fitting width."""

    def __init__(
        self, path: Path, columns: Sequence[Column], look: Look, *, sheet: str | None = None
    ) -> None:
        self.columns, self.look = columns, look
        self.book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.sheet = self.book.add_worksheet(sheet)
        self.head = self.book.add_format({"bold": True, "bg_color": HEAD_COLOUR, "bottom": 1})
        self.quoted = self.book.add_format({"quote_prefix": True})
        self.formats = {
            "money": self.book.add_format({"num_format": "#,##0.00"}),
            "moment": self.book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "day": self.book.add_format({"num_format": "yyyy-mm-dd"}),
            "phone": self.book.add_format({"num_format": "@"}),
        }
        self.row = 0
        self.sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            self.sheet.set_column(place, place, column.width, self.formats.get(column.kind))
            self.sheet.write_string(0, place, clean(column.label), self.head)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.book.close()

    def write(self, values: Sequence[Any]) -> None:
        """Add a row."""
        self.row += 1
        for place, (value, column) in enumerate(zip(values, self.columns, strict=True)):
            self._cell(place, value_of(value, column, self.look), column)

    def _cell(self, place: int, shown: Any, column: Column) -> None:
        if shown is None:
            return
        look = self.formats.get(column.kind)
        if isinstance(shown, datetime | date):
            self.sheet.write_datetime(self.row, place, shown, look)
        elif isinstance(shown, int | float) and not isinstance(shown, bool):
            self.sheet.write_number(self.row, place, shown, look)
        else:
            text = str(shown)
            self.sheet.write_string(
                self.row, place, text, self.quoted if is_formula(text) else look
            )
