"""One pass over a sheet: rows read, parsed and checked in chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from zhanggui.files.cells import BadCell, plain
from zhanggui.files.imports import CellError, Column, ImportKind, Row, Run
from zhanggui.files.sheets import Cells, Sheet

ROW_AS_A_WHOLE = -1


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell, with its place in the sheet and what stands there."""

    row: int
    place: int
    column: str
    text: str
    value: str


@dataclass(slots=True)
class Chunk:
    """Some rows of a sheet after their check."""

    last_row: int = 0
    good: list[Row] = field(default_factory=list)
    problems: dict[int, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    """By row; a row without any is good."""
    cells: dict[int, Cells] = field(default_factory=dict)
    """What stands in the rows with problems."""


def chunks(
    sheet: Sheet, kind: ImportKind, mapping: dict[str, int], run: Run, *, behind: int = 0
) -> Iterator[Chunk]:
    """Read a sheet to its end.

    Args:
        sheet: opened, at its first row.
        kind: whose columns and checks count.
        mapping: column name -> place in the sheet.
        run: handed to the kind's checks.
        behind: leave out rows up to this one.
    """
    columns = [(column, mapping[column.name]) for column in kind.columns if column.name in mapping]
    example = [column.example for column, _place in columns]
    rows = ((number, cells) for number, cells in sheet.rows if number > behind)
    while taken := list(islice(rows, kind.chunk)):
        yield _checked(taken, columns, example, kind, run)


def _checked(
    taken: list[tuple[int, Cells]],
    columns: Sequence[tuple[Column, int]],
    example: list[str],
    kind: ImportKind,
    run: Run,
) -> Chunk:
    chunk = Chunk(last_row=taken[-1][0])
    parsed: list[Row] = []
    cells_of: dict[int, Cells] = {}
    for number, cells in taken:
        if _is_example(cells, columns, example):
            continue
        cells_of[number] = cells
        values = _parsed(number, cells, columns, chunk)
        if number not in chunk.problems:
            parsed.append(Row(number, values))
    places = {column.name: place for column, place in columns}
    for error in kind.check_rows(parsed, run) if parsed else ():
        place = places.get(error.column, ROW_AS_A_WHOLE)
        cells = cells_of.get(error.row, [])
        chunk.problems[error.row].append(_problem(error, place, cells))
    chunk.good = [row for row in parsed if row.number not in chunk.problems]
    chunk.cells = {number: cells_of.get(number, []) for number in chunk.problems}
    run.good_rows += len(chunk.good)
    return chunk


def _is_example(cells: Cells, columns: Sequence[tuple[Column, int]], example: list[str]) -> bool:
    """Whether somebody left the template's example row where it was."""
    found = [shown_at(cells, place) for _column, place in columns]
    return any(example) and found == example


def _parsed(
    number: int, cells: Cells, columns: Sequence[tuple[Column, int]], chunk: Chunk
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column, place in columns:
        cell = cells[place] if place < len(cells) else None
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            values[column.name] = None
            if column.required:
                text = _("This cell must not be empty.")
                error = CellError(number, column.name, text)
                chunk.problems[number].append(_problem(error, place, cells))
            continue
        try:
            values[column.name] = column.parse(cell)
        except BadCell as bad:
            error = CellError(number, column.name, bad.message)
            chunk.problems[number].append(_problem(error, place, cells))
    return values


def _problem(error: CellError, place: int, cells: Cells) -> Problem:
    return Problem(error.row, place, error.column, str(error.text), shown_at(cells, place))


def shown_at(cells: Cells, place: int) -> str:
    """What stands at a place of a row, as people see it."""
    if place < 0 or place >= len(cells) or cells[place] is None:
        return ""
    return plain(cells[place])
