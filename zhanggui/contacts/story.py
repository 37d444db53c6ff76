"""What contacts themselves tell about a customer: how it became known, merged and changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models import Customer, Erasure, IdentityLink, LinkMove, Merge
from zhanggui.contacts.models import ErasureState as State
from zhanggui.contacts.models import Source as CameBy
from zhanggui.contacts.timeline import Before, Entry, Source

KINDS = 8
"""Ids of different tables are kept apart by ``id * KINDS + kind``."""
NOTHING = Value("")


@dataclass(frozen=True, slots=True)
class _Row:
    """One thing that happened, as all tables can say it."""

    kind: int
    id: int
    at: datetime
    one: str
    two: str
    three: str


def entries(customer_id: int, before: Before, limit: int) -> Sequence[Entry]:
    """The newest entries of all tables of this module; one query."""
    parts: list[QuerySet[Any, Any]] = []
    for kind, part in enumerate(PARTS):
        here = Before(before.at, (before.id - kind - 1) // KINDS + 1)
        rows, at, *texts = part.rows(customer_id, here)
        parts.append(
            rows.order_by(F(at).desc(), F("pk").desc()).values_list(
                Value(kind), F("pk"), F(at), *texts
            )[:limit]
        )
    first, *others = parts
    found = [_entry(_Row(*values)) for values in first.union(*others, all=True)]
    return sorted(found, key=lambda e: (e.at, e.id), reverse=True)[:limit]


def _entry(row: _Row) -> Entry:
    title, text, icon, tone = PARTS[row.kind].words(row)
    return Entry(row.at, row.id * KINDS + row.kind, title, text, icon, tone)


type Rows = tuple[QuerySet[Any], str, Any, Any, Any]
"""Rows, the field of their moment, and three texts."""
type Words = tuple[Any, str, str, str]
"""Title, text, icon and tone."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table's share of the story."""

    rows: Callable[[int, Before], Rows]
    words: Callable[[_Row], Words]


def _created(customer_id: int, before: Before) -> Rows:
    rows = Customer.objects.filter(before.rows("created_at"), pk=customer_id)
    return rows, "created_at", F("source"), NOTHING, NOTHING


def _created_words(row: _Row) -> Words:
    return _("Became a customer"), str(CameBy(row.one).label), "user-plus", "success"


def _links(customer_id: int, before: Before) -> Rows:
    rows = IdentityLink.objects.filter(before.rows("created_at"), customer_id=customer_id)
    return rows, "created_at", F("nickname"), NOTHING, NOTHING


def _links_words(row: _Row) -> Words:
    return _("Came by WeChat for the first time"), row.one, "brand-wechat", "success"


def _arrivals(customer_id: int, before: Before) -> Rows:
    rows = LinkMove.objects.filter(before.rows(), to_customer_id=customer_id)
    return rows, "at", F("link__nickname"), F("from_customer__number"), F("to_customer__number")


def _arrivals_words(row: _Row) -> Words:
    title = _("A WeChat identity came from another customer")
    return title, f"{row.one} · {row.two} → {row.three}", "arrows-exchange", "info"


def _departures(customer_id: int, before: Before) -> Rows:
    rows = LinkMove.objects.filter(before.rows(), from_customer_id=customer_id)
    return rows, "at", F("link__nickname"), F("from_customer__number"), F("to_customer__number")


def _departures_words(row: _Row) -> Words:
    title = _("A WeChat identity went to another customer")
    return title, f"{row.one} · {row.two} → {row.three}", "arrows-exchange", "info"


def _merges(customer_id: int, before: Before) -> Rows:
    rows = Merge.objects.filter(before.rows(), survivor_id=customer_id)
    return rows, "at", F("replaced__name"), F("replaced__number"), NOTHING


def _merges_words(row: _Row) -> Words:
    return _("Merged with another customer"), f"{row.one} {row.two}", "arrow-merge", "info"


def _undone(customer_id: int, before: Before) -> Rows:
    rows = Merge.objects.filter(
        Q(survivor_id=customer_id) | Q(replaced_id=customer_id),
        before.rows("undone_at"),
        undone_at__isnull=False,
    )
    return rows, "undone_at", F("survivor__number"), F("replaced__number"), NOTHING


def _undone_words(row: _Row) -> Words:
    return _("A merge was taken back"), f"{row.one} / {row.two}", "arrow-back-up", "muted"


def _erasures(customer_id: int, before: Before) -> Rows:
    rows = Erasure.objects.filter(before.rows("requested_at"), customer_id=customer_id)
    return rows, "requested_at", F("state"), NOTHING, NOTHING


def _erasures_words(row: _Row) -> Words:
    return _("Erasure asked for"), str(State(row.one).label), "eraser", "danger"


PARTS: Sequence[Part] = (
    Part(_created, _created_words),
    Part(_links, _links_words),
    Part(_arrivals, _arrivals_words),
    Part(_departures, _departures_words),
    Part(_merges, _merges_words),
    Part(_undone, _undone_words),
    Part(_erasures, _erasures_words),
)
SOURCE = Source(name="contacts", label=_("Profile"), entries=entries)
