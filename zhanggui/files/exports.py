"""Exports for other modules: register a list, put the button on its page.

In ``apps.py``::

    exports.register(
        exports.Export(
            name="contacts.customers",
            label=_("Customers"),
            permission="contacts.view_customers",
            columns=(
                exports.Column("number", _("Number")),
                exports.Column("phone", _("Mobile number"), kind="phone"),
                exports.Column("joined", _("Customer since"), kind="moment", width=18),
            ),
            rows=lambda query: ((c.number, c.phone, c.created_at) for c in found(query).iterator()),
            count=lambda query: found(query).count(),
        )
    )

and on the list page ``<c-files.export name="contacts.customers" />``: it sends the page's own
filters (``query.values`` are the parameters of its address). ``tiers`` make it a list of operators
or of the platform, too. Up to 5,000 rows are answered at once, more are written by a job; the file
can be fetched for three days. Each export writes an audit entry: who, what, how many rows, which
filters. Cells that would be read as a formula are neutralised; phones are masked unless the
person has the right ``files.whole_phones``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils.functional import Promise

from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.accounts.permissions import tier_of

Text = str | Promise
DIRECTLY_AT_MOST = 5_000
"""Rows that are answered at once; more are written by a job."""
MOST_ROWS = 1_000_000
"""A sheet of xlsx ends at 1,048,576."""

CellKind = Literal["text", "number", "money", "moment", "day", "phone"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet; ``kind`` says what its values are.

    ``text`` anything, ``number`` int or float, ``money`` integer fen, ``moment`` aware datetime,
    ``day`` date, ``phone`` E.164 (masked unless the person may see it). None is an empty cell.
    """

    name: str
    label: Text
    kind: CellKind = "text"
    width: int = 16


@dataclass(frozen=True)
class Query:
    """What is asked for: the filters of the list, and by whom."""

    values: Mapping[str, str]
    """The parameters of the list's address: search, filters, view; all of them texts."""
    permissions: frozenset[str]
    time_zone: str
    person_id: int | None = None
    place: Merchant | Operator | None = None
    """Whose list it is; None is the platform's."""
    most: int = 0
    """Counting may stop behind so many rows; 0: never. A page only asks whether a list is long."""

    def counted(self, rows: QuerySet[Any, Any]) -> int:
        """How many rows there are, or one more than ``most``; for lists that may be huge."""
        return rows.order_by()[: self.most + 1].count() if self.most else rows.count()

    @property
    def operator(self) -> Operator | None:
        """The operator whose list it is; None at a merchant and at the platform."""
        return self.place if isinstance(self.place, Operator) else None

    @property
    def merchant(self) -> Merchant | None:
        """The merchant whose list it is."""
        return self.place if isinstance(self.place, Merchant) else None

    @property
    def tier(self) -> Tier:
        """At which of the three it is."""
        return tier_of(self.place)

    def get(self, name: str) -> str:
        """One parameter; empty when it is not there."""
        return self.values.get(name, "")


@dataclass(frozen=True)
class Export:
    """A list that can be taken away as a spreadsheet."""

    name: str
    label: Text
    columns: Sequence[Column]
    rows: Callable[[Query], Iterable[Sequence[Any]]]
    """The rows, in the order of ``columns``; must stream (``.iterator()`` or keyset)."""
    count: Callable[[Query], int]
    """How many rows; a list that may be huge answers ``query.counted(rows)``."""
    permission: str = ""
    """The right to see the list of a merchant; empty: merchants have no such list."""
    tiers: Mapping[Tier, str] = field(default_factory=dict)
    """Where the platform or operators have it, too: the right to see it at each."""
    parameters: frozenset[str] = frozenset({"q"})
    """Which parameters of the address are filters; others are left out."""
    filters: Callable[[Query], Iterator[tuple[Text, str]]] | None = None
    """The filters in words, for the dialog; none: no words. Only names go to the audit log."""


_exports: dict[str, Export] = {}


def register(export: Export) -> None:
    """Make a list exportable; modules do so in ``apps.py``.

    Raises:
        ValueError: another list has this name.
    """
    if _exports.get(export.name, export) != export:
        message = f"two exports are called {export.name}"
        raise ValueError(message)
    _exports[export.name] = export


def find(name: str) -> Export | None:
    """The list of this name."""
    return _exports.get(name)


def known() -> list[Export]:
    """All lists, by name."""
    return [_exports[name] for name in sorted(_exports)]
