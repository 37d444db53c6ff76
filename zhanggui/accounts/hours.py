"""When a store is open: a span for each weekday, in the shop's own time.

Kept as ``{"1": ["09:00", "21:30"], …}`` by ISO weekday (1 Monday). A span that ends before it
begins ends on the next day; a day without one is closed. Nothing at all: nobody has told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import dates
from django.utils.functional import Promise

type Hours = Mapping[str, Sequence[str]]
WEEKDAYS = range(1, 8)


def is_open_at(hours: Hours, moment: datetime, zone: str) -> bool:
    """Whether the store is open at a moment; always, where nobody has told its hours."""
    if not hours:
        return True
    local = moment.astimezone(ZoneInfo(zone))
    now, day = f"{local:%H:%M}", local.isoweekday()
    today = hours.get(str(day))
    if today and (today[0] <= now if _goes_on(today) else today[0] <= now < today[1]):
        return True
    before = hours.get(str((local - timedelta(days=1)).isoweekday()))
    return bool(before and _goes_on(before) and now < before[1])


def _goes_on(span: Sequence[str]) -> bool:
    """Whether it ends on the next day."""
    return span[1] <= span[0]


def told(spans: Mapping[int, tuple[time | None, time | None]]) -> dict[str, list[str]]:
    """What is kept of typed times; a day without both is closed."""
    return {
        str(day): [f"{first:%H:%M}", f"{last:%H:%M}"]
        for day, (first, last) in spans.items()
        if first is not None and last is not None
    }


def said(hours: Hours) -> list[tuple[str | Promise, str]]:
    """Each weekday with its span for a page, ``—`` for a closed one; empty when nobody has told."""
    if not hours:
        return []
    return [(dates.WEEKDAYS[day - 1], "–".join(hours.get(str(day), ("—",)))) for day in WEEKDAYS]
