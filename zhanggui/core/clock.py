"""The only source of now in rules; demo and tests may move it, production cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

_moved: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _moved.get() or datetime.now(UTC) + shift()


NOT_MOVED = timedelta(0)


def shift() -> timedelta:
    """How far the demo's owner has moved the clock of all processes; nothing in production.

    The shift lies in a file that every process of the demo sees (``settings.CLOCK_FILE``).
    """
    file: Path | None = settings.CLOCK_FILE
    if file is None:
        return NOT_MOVED
    try:
        changed = os.stat(file).st_mtime_ns  # noqa: PTH116  asked very often; a Path costs thrice
    except FileNotFoundError:
        return NOT_MOVED
    return _read(file, changed)


@lru_cache(maxsize=4)
def _read(file: Path, changed: int) -> timedelta:
    return timedelta(seconds=float(file.read_text(encoding="ascii") or 0))


def move(by: timedelta) -> None:
    """Set how far the clock of every process of the demo is from the real one.

    Raises:
        RuntimeError: this installation is no demo.
    """
    file: Path | None = settings.CLOCK_FILE
    if settings.IS_PRODUCTION or file is None:
        message = "only the clock of a demo can be moved"
        raise RuntimeError(message)
    if not by:
        file.unlink(missing_ok=True)
        return
    fresh = file.with_suffix(".new")
    fresh.write_text(str(by.total_seconds()), encoding="ascii")
    fresh.replace(file)


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
