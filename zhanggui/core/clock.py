"""The only source of now in rules; demo and tests may move it, production cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings

_moved: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _moved.get() or datetime.now(UTC)


def local_date(moment: datetime, zone: str) -> date:
    """The business date of a moment in a merchant's time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def start_of(day: date, zone: str) -> datetime:
    """00:00 of that day in the zone, as an aware moment."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone))


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let the rules believe it is another moment (demo data and tests).

    Raises:
        RuntimeError: in production.
    """
    if settings.IS_PRODUCTION:
        message = "the clock cannot be moved in production"
        raise RuntimeError(message)
    token = _moved.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _moved.reset(token)
