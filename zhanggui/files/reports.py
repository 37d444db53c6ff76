"""Spreadsheets that help with imports: the template, and the rows with errors, cells marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import xlsxwriter
from django.utils.translation import gettext as _

from zhanggui.files.cells import plain
from zhanggui.files.imports import ImportKind
from zhanggui.files.passes import Chunk
from zhanggui.files.writing import BAD_COLOUR, HEAD_COLOUR, clean, is_formula

ROWS_AT_MOST = 10_000
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
VALIDATED_TO_ROW = 5_000


def write_template(path: Path, kind: ImportKind) -> None:
    """The spreadsheet to fill in: a header, an example row, and a sheet of notes."""
    book = xlsxwriter.Workbook(str(path), {**_OPTIONS, "constant_memory": False})
    head = book.add_format({"bold": True, "bg_color": HEAD_COLOUR, "bottom": 1})
    needed = book.add_format({"bold": True, "bg_color": BAD_COLOUR, "bottom": 1})
    text = book.add_format({"num_format": "@"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(_("Data"))
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(kind.columns):
        label = str(column.label)
        sheet.set_column(place, place, max(14, 2 * len(label) + 4), text)
        sheet.write_string(
            0, place, f"*{label}" if column.required else label, needed if column.required else head
        )
        sheet.write_string(1, place, column.example, text)
        if column.choices:
            names = [str(name) for name in column.choices]
            sheet.data_validation(
                1, place, VALIDATED_TO_ROW, place, {"validate": "list", "source": names}
            )
    notes = book.add_worksheet(_("Notes"))
    notes.set_column(0, 0, 20)
    notes.set_column(1, 1, 10)
    notes.set_column(2, 2, 60, wrapped)
    notes.set_column(3, 3, 24)
    for place, title in enumerate((_("Column"), _("Needed"), _("What to write"), _("Example"))):
        notes.write_string(0, place, title, head)
    for row, column in enumerate(kind.columns, 1):
        notes.write_string(row, 0, str(column.label))
        notes.write_string(row, 1, _("yes") if column.required else _("no"))
        notes.write_string(row, 2, str(column.help), wrapped)
        notes.write_string(row, 3, column.example)
    last = len(kind.columns) + 2
    for offset, line in enumerate(_rules(kind)):
        notes.merge_range(last + offset, 0, last + offset, 3, line, wrapped)
    book.close()


def _rules(kind: ImportKind) -> list[str]:
    return [
        _("At most %(rows)s rows at a time. The header stays in the first row.")
        % {"rows": f"{kind.most_rows:,}"},
        _("The example row is left out when you import; write over it or let it stand."),
        _("An empty cell leaves what is known unchanged."),
    ]


class ErrorSheet:
    """The rows with errors as they were sent in, bad cells in red, what to do behind them."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.book = xlsxwriter.Workbook(str(path), _OPTIONS)
        self.sheet = self.book.add_worksheet(_("Rows with errors"))
        self.bad = self.book.add_format({"bg_color": BAD_COLOUR, "quote_prefix": True})
        self.text = self.book.add_format({"quote_prefix": True})
        head = self.book.add_format({"bold": True, "bg_color": HEAD_COLOUR, "bottom": 1})
        self.width = len(header)
        self.rows = 0
        self.sheet.freeze_panes(1, 0)
        self.sheet.set_column(0, self.width, 16)
        self.sheet.set_column(self.width + 1, self.width + 1, 60)
        for place, title in enumerate([*header, _("Row in the sheet"), _("What to do")]):
            self.sheet.write_string(0, place, clean(title), head)

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk that have errors, as long as there is room."""
        for number in sorted(chunk.problems):
            if self.rows >= ROWS_AT_MOST:
                return
            self.rows += 1
            self._row(number, chunk)

    def _row(self, number: int, chunk: Chunk) -> None:
        problems = chunk.problems[number]
        marked = {problem.place for problem in problems}
        for place, cell in enumerate(chunk.cells[number][: self.width]):
            look = self.bad if place in marked else None
            shown = "" if cell is None else clean(plain(cell))
            if shown or look:
                look = look or (self.text if is_formula(shown) else None)
                self.sheet.write_string(self.rows, place, shown, look)
        self.sheet.write_number(self.rows, self.width, number)
        texts = "；".join(dict.fromkeys(problem.text for problem in problems))
        self.sheet.write_string(self.rows, self.width + 1, clean(texts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Finish the file."""
        self.book.close()
