"""Counter screens as a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from zhanggui.files.exports import Column, Export, Query
from zhanggui.stamps.models import CounterScreen
from zhanggui.stamps.permissions import VIEW
from zhanggui.stamps.selectors.screens import newest_first


def _screens(_query: Query) -> QuerySet[CounterScreen]:
    return newest_first()


def _rows(query: Query) -> Iterator[tuple[Any, ...]]:
    on, off = pgettext("screen", "On"), pgettext("screen", "Switched off")
    for screen in _screens(query).iterator(chunk_size=500):
        yield (
            screen.name,
            screen.store.name,
            off if screen.revoked_at else on,
            screen.created_at,
            screen.created_by,
            screen.seen_at,
            screen.revoked_at,
        )


SCREENS = Export(
    name="stamps.screens",
    label=_("Counter screens"),
    permission=VIEW.name,
    columns=(
        Column("name", pgettext_lazy("screen", "Name"), width=20),
        Column("store", _("Store"), width=20),
        Column("state", _("State"), width=12),
        Column("made", _("Made on"), kind="moment", width=18),
        Column("by", _("Made by"), width=16),
        Column("seen", _("Last code"), kind="moment", width=18),
        Column("revoked", _("Switched off on"), kind="moment", width=18),
    ),
    rows=_rows,
    count=lambda query: query.counted(_screens(query)),
)
