"""One person's story over all products: modules register a source, the customer's page reads it.

In ``apps.py``::

    timeline.register(
        timeline.Source(name="stamps", label=_("Stamps"), entries=timeline_of,
                        permission="stamps.view")
    )

and the source answers its newest entries before a place in time::

    def timeline_of(customer_id: int, before: timeline.Before, limit: int) -> list[timeline.Entry]:
        rows = StampRecord.objects.filter(before.rows(at="at"), customer_id=customer_id)
        return [timeline.Entry(row.at, row.pk, ...) for row in rows.order_by("-at", "-pk")[:limit]]

Entries of all sources are ordered by time, then by source, then by id, so that a page ends and the
next one begins between two entries even when many things happened at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.core import signing
from django.db.models import Q
from django.utils.functional import Promise

Text = str | Promise
SALT = "zhanggui.contacts.timeline"
SIZE = 20
LAST_ID = 2**63 - 1
FAR_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a customer."""

    at: datetime
    id: int
    """Unique in its source."""
    title: Text
    text: Text = ""
    icon: str = "point"
    tone: str = ""
    """``success waiting danger info muted brand stamp cancel redeem checkin``."""
    by: str = ""
    """Who did it."""
    url: str = ""
    source: str = ""
    """Filled in by ``page``."""


@dataclass(frozen=True, slots=True)
class Before:
    """The place in a source where a page begins: older than ``at``, or then with a smaller id."""

    at: datetime = FAR_AHEAD
    id: int = LAST_ID

    def rows(self, at: str = "at", key: str = "pk") -> Q:
        """The condition for rows with this moment and this id."""
        older, same = Q(**{f"{at}__lt": self.at}), Q(**{at: self.at, f"{key}__lt": self.id})
        # says nothing new, but it is what an index can start from
        return Q(**{f"{at}__lte": self.at}) & (older | same)


EntriesOf = Callable[[int, Before, int], Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class Source:
    """A module that knows what happened to a customer."""

    name: str
    label: Text
    entries: EntriesOf
    """``(customer_id, before, limit)``: at most ``limit`` entries, newest first; few queries."""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of the story; ``next`` leads on and is empty at its beginning."""

    entries: list[Entry]
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
    customer_id: int,
    *,
    permissions: Collection[str],
    after: str = "",
    only: str = "",
    size: int = SIZE,
) -> TimelinePage:
    """What happened to a customer, newest first.

    Args:
        customer_id: of the merchant in scope.
        permissions: of whoever looks; sources without the right are left out.
        after: the token of an earlier page; anything else gives the first page.
        only: the name of one source; empty for all.
        size: entries a page.
    """
    last = _read(after)
    found: list[Entry] = []
    for source in known(permissions):
        if only and source.name != only:
            continue
        before = _before(source.name, last)
        entries = source.entries(customer_id, before, size + 1)
        found += [replace(entry, source=source.name) for entry in entries]
    found.sort(key=lambda e: e.id, reverse=True)
    found.sort(key=lambda e: e.source)
    found.sort(key=lambda e: e.at, reverse=True)
    kept = found[:size]
    return TimelinePage(kept, _write(kept[-1]) if len(found) > size else "")


def _before(name: str, last: tuple[datetime, str, int] | None) -> Before:
    if last is None:
        return Before()
    at, source, last_id = last
    if name == source:
        return Before(at, last_id)
    return Before(at, LAST_ID if name > source else 0)


def _write(entry: Entry) -> str:
    return signing.dumps([entry.at.isoformat(), entry.source, str(entry.id)], salt=SALT)


def _read(token: str) -> tuple[datetime, str, int] | None:
    if not token:
        return None
    try:
        at, source, last_id = signing.loads(token, salt=SALT)
        return datetime.fromisoformat(at), str(source), int(last_id)
    except (signing.BadSignature, ValueError, TypeError):
        return None
