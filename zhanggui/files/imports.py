"""Imports for other modules: describe the columns, check rows, write rows, undo.

In ``apps.py``::

    imports.register(
        imports.ImportKind(
            name="contacts.customers",
            label=_("Customers"),
            permission="contacts.import_customers",
            columns=(
                Column("name", _("Name"), parse=imports.text(80), required=True, example="陈思远"),
                Column("phone", _("Mobile number"), parse=imports.phone, aliases=("手机", "电话")),
            ),
            check_rows=check,   # (rows, run) -> CellErrors: duplicates, what is there already
            write_rows=write,   # (rows, run) -> Written, inside a transaction
            undo=undo,          # (batch, progress) -> Undone
        )
    )

and links its list to ``{% url 'files:import_new' merchant.slug 'contacts.customers' %}``. The pages
do the rest: template, upload, matching of columns, dry run with errors per cell, run with progress,
result, undo. The sheet is read, parsed and checked in chunks (``ImportKind.chunk`` rows), first by
the dry run, then again by the run itself, because the world may have changed in between. ``run``
is one pass over the sheet: ``run.memory`` is kept from chunk to chunk, for example for what was
seen already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from zhanggui.files.cells import BadCell, choice, day, moment, phone, text, whole
from zhanggui.files.models import ImportBatch

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

Text = str | Promise
Parse = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be imported.

    ``parse`` turns what stands in the cell (text, int, float, bool, date, datetime; never empty)
    into the value, or raises ``BadCell`` with a text that says what to do. An empty cell is None.
    """

    name: str
    label: Text
    parse: Parse
    required: bool = False
    example: str = ""
    help: Text = ""
    """A note in the template, for example which values there are."""
    aliases: tuple[str, ...] = ()
    """Other header texts people use, besides the label."""
    choices: tuple[Text, ...] = ()
    """Offered as a list in the template's cells."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the sheet, parsed: ``number`` as the spreadsheet counts, values by column name."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong with a row; ``column`` empty: with the row as a whole."""

    row: int
    column: str
    text: Text


@dataclass(frozen=True, slots=True)
class CostLine:
    """A line of the cost preview, for example ("New customers", "320 of 500 left")."""

    label: Text
    amount: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice on the page where columns are matched, for example what happens to known rows."""

    name: str
    label: Text
    choices: tuple[tuple[str, Text], ...]
    """Values with what people read; the first one is the default."""
    help: Text = ""


@dataclass(slots=True)
class Run:
    """One pass over a sheet, a dry one or the real one."""

    batch: ImportBatch
    actor: Actor
    is_dry: bool
    columns: frozenset[str]
    """Names of the columns that are matched; others leave what is there alone."""
    good_rows: int = 0
    """How many rows without errors there were so far (all of them when ``cost`` is asked)."""
    memory: dict[str, Any] = field(default_factory=dict)
    """The kind's own notes from chunk to chunk."""

    def option(self, name: str) -> str:
        """What was chosen for one of the kind's options; empty for its default."""
        return str(self.batch.options.get(name, ""))


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a chunk: new rows, rows that changed something there already."""

    created: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing did: rows taken back, and rows left because business hangs on them."""

    removed: int = 0
    kept: int = 0


Progress = Callable[[int, int], None]
"""``progress(done, total)``; raises when somebody cancels."""


def no_checks(_rows: Sequence[Row], _run: Run) -> Iterable[CellError]:
    """Nothing beyond what the cells themselves say."""
    return ()


@dataclass(frozen=True)
class ImportKind:
    """Something that can be imported from a spreadsheet."""

    name: str
    label: Text
    permission: str
    columns: Sequence[Column]
    write_rows: Callable[[Sequence[Row], Run], Written]
    """Writes a chunk of good rows inside a transaction; the audit entry of the whole batch is
    written by the importer (``files.import.done``)."""
    check_rows: Callable[[Sequence[Row], Run], Iterable[CellError]] = no_checks
    """Looks at a chunk of rows whose cells could all be read; few queries a chunk, no writes."""
    undo: Callable[[ImportBatch, Progress], Undone] | None = None
    """Takes the whole batch back, in steps of its own transactions; safe to run again."""
    undo_note: Text = ""
    """What undoing cannot take back, in a sentence."""
    undo_days: int = 7
    cost: Callable[[Run], Iterable[CostLine]] | None = None
    """Asked at the end of the dry run."""
    lead: Text = ""
    """A sentence on the upload page."""
    icon: str = "table-import"
    url: Callable[[str], str] | None = None
    """The list the rows end up in, given the merchant's slug."""
    options: tuple[Option, ...] = ()
    """Choices of the person who imports; kept in ``ImportBatch.options``."""
    sample: Callable[[], bytes] | None = None
    """A filled xlsx with deliberate errors to try with, offered on the upload page."""
    most_rows: int = 100_000
    chunk: int = 2_000


_kinds: dict[str, ImportKind] = {}


def register(kind: ImportKind) -> None:
    """Make something importable; modules do so in ``apps.py``.

    Raises:
        ValueError: another kind has this name.
    """
    if _kinds.get(kind.name, kind) != kind:
        message = f"two kinds of import are called {kind.name}"
        raise ValueError(message)
    _kinds[kind.name] = kind


def find(name: str) -> ImportKind | None:
    """The kind of this name."""
    return _kinds.get(name)


def known() -> list[ImportKind]:
    """All kinds, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


__all__ = [
    "BadCell",
    "CellError",
    "Column",
    "CostLine",
    "ImportKind",
    "Option",
    "Row",
    "Run",
    "Undone",
    "Written",
    "choice",
    "day",
    "find",
    "known",
    "moment",
    "no_checks",
    "phone",
    "register",
    "text",
    "whole",
]
