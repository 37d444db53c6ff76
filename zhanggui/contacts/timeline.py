"""One person's story over all products: modules register a source, the customer's page reads it.

In ``apps.py``::

    timeline.register(
        timeline.Source(
            name="stamps",
            rows=lambda customer_id: StampRecord.objects.filter(card__customer_id=customer_id),
            told=("amount", "store__name"),
            entry=entry_of,
            permission="stamps.view",
        )
    )

``told`` names the columns an entry needs, and ``entry_of(row)`` puts them into words; see ``Row``.
However many sources there are, one statement reads all of them.

Entries of all sources are ordered by time, then by source, then by id, so that a page ends and the
next one begins between two entries even when many things happened at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import JSONObject
from django.utils.functional import Promise

Text = str | Promise
SALT = "zhanggui.contacts.timeline"
SIZE = 20


@dataclass(frozen=True, slots=True)
class Row:
    """What the database told of one thing that happened."""

    source: str
    id: int
    """Unique in its source."""
    at: datetime
    told: dict[str, Any]
    """By the names of ``Source.told``, as JSON has it: a moment is text."""

    def moment(self, name: str) -> datetime | None:
        """A moment that was told."""
        text = self.told[name]
        return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a customer, in words."""

    title: Text
    text: Text = ""
    icon: str = "point"
    tone: str = ""
    """``success waiting danger info muted brand stamp cancel redeem checkin``."""
    by: str = ""
    """Who did it."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry in its place on the page."""

    at: datetime
    source: str
    id: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Source:
    """A table that knows what happened to a customer."""

    name: str
    rows: Callable[[int], QuerySet[Any, Any]]
    """All rows of a customer."""
    told: tuple[str, ...]
    """What an entry needs of a row: columns, also of related rows, and annotations."""
    entry: Callable[[Row], Entry]
    at: str = "at"
    """The column that says when it happened; rows without a moment are left out."""
    permission: str = ""

    def part(
        self, customer_id: int, last: tuple[datetime, str, int] | None, limit: int
    ) -> QuerySet[Any, Any]:
        """The newest rows before the end of the last page, as ``Row`` names them."""
        rows = self.rows(customer_id).filter(self._before(last))
        told = JSONObject(**{name: F(name) for name in self.told})
        return rows.order_by(F(self.at).desc(), F("pk").desc()).values_list(
            Value(self.name), F("pk"), F(self.at), told
        )[:limit]

    def _before(self, last: tuple[datetime, str, int] | None) -> Q:
        if last is None:
            return Q(**{f"{self.at}__isnull": False})
        at, source, last_id = last
        if self.name < source:  # at one moment it stands above what was shown last
            return Q(**{f"{self.at}__lt": at})
        if self.name > source:
            return Q(**{f"{self.at}__lte": at})
        older, same = Q(**{f"{self.at}__lt": at}), Q(**{self.at: at, "pk__lt": last_id})
        # the first condition says nothing new, but it is what an index can start from
        return Q(**{f"{self.at}__lte": at}) & (older | same)


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of the story; ``next`` leads on and is empty at its beginning."""

    entries: list[Happened]
    next: str


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Let a module tell what happened to customers.

    Raises:
        ValueError: another source has this name.
    """
    if _sources.get(source.name, source) != source:
        message = f"two sources are called {source.name}"
        raise ValueError(message)
    _sources[source.name] = source


def known(permissions: Collection[str]) -> list[Source]:
    """The sources whose right somebody has, by name."""
    return [
        source
        for _name, source in sorted(_sources.items())
        if not source.permission or source.permission in permissions
    ]


def page(
    customer_id: int, *, permissions: Collection[str], after: str = "", size: int = SIZE
) -> TimelinePage:
    """What happened to a customer, newest first.

    Args:
        customer_id: of the merchant in scope.
        permissions: of whoever looks; sources without the right are left out.
        after: the token of an earlier page; anything else gives the first page.
        size: entries a page.
    """
    last, sources = _read(after), {source.name: source for source in known(permissions)}
    parts = [source.part(customer_id, last, size + 1) for source in sources.values()]
    first, *others = parts
    found = [Row(*values) for values in first.union(*others, all=True)]
    found.sort(key=lambda row: row.id, reverse=True)
    found.sort(key=lambda row: row.source)
    found.sort(key=lambda row: row.at, reverse=True)
    kept = found[:size]
    return TimelinePage(
        [Happened(row.at, row.source, row.id, sources[row.source].entry(row)) for row in kept],
        _write(kept[-1]) if len(found) > size else "",
    )


def _write(row: Row) -> str:
    return signing.dumps([row.at.isoformat(), row.source, str(row.id)], salt=SALT)


def _read(token: str) -> tuple[datetime, str, int] | None:
    if not token:
        return None
    try:
        at, source, last_id = signing.loads(token, salt=SALT)
        return datetime.fromisoformat(at), str(source), int(last_id)
    except (signing.BadSignature, ValueError, TypeError):
        return None
