"""Every call to WeChat is written down, and counted against the day's allowance.

The allowance is known only when it is used up: after 45009 no such call of this app id goes out
before midnight in Beijing, after 45011 none for a minute, so that a queue of messages does not
knock ten thousand times.

A worker that makes hundreds of calls collects them (``collecting``) and writes them down with what
became of its messages, in one transaction; its threads ask the database for nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from django.db import connection

from zhanggui.channels.wechat import tokens
from zhanggui.channels.wechat.client.http import BEIJING, Made, Request
from zhanggui.channels.wechat.errorcodes import OF_ONE_RECEIVER, Treatment, code_of
from zhanggui.channels.wechat.errors import ChannelBusy, ChannelError, QuotaUsedUp
from zhanggui.channels.wechat.models import ApiCall, CallDay
from zhanggui.core import clock
from zhanggui.core.retention import remove_in_batches

CALLS_FOR = timedelta(days=7)
DAYS_FOR = timedelta(days=40)
PATH_LENGTH, PROBLEM_LENGTH = 80, 80
OF_ONE_VISITOR = "/sns/"
"""Calls whose minute counts for each visitor."""
RESETS = frozenset(
    {
        "/cgi-bin/clear_quota",
        "/cgi-bin/clear_quota/v2",
        "/cgi-bin/component/clear_quota/v2",
    }
)


class Stop(NamedTuple):
    """Calls of one kind that WeChat takes no more of for a while."""

    until: datetime
    code: int | None

    def error(self, path: str) -> ChannelError:
        """What a caller gets instead of a call."""
        summary = f"{path}: not before {self.until:%H:%M:%S} UTC"
        if code_of(self.code).treatment is Treatment.BACK_OFF:
            return ChannelBusy(summary, code=self.code, until=self.until)
        return QuotaUsedUp(summary, code=self.code, until=self.until)


@dataclass(frozen=True, slots=True)
class Entry:
    """A call and when it was made."""

    made: Made
    at: datetime

    @property
    def stop(self) -> Stop | None:
        """What holds for the next calls of this kind because of it."""
        made = self.made
        if made.until is None or made.code in OF_ONE_RECEIVER:
            return None
        return None if made.path.startswith(OF_ONE_VISITOR) else Stop(made.until, made.code)


class Collected:
    """Calls of a worker's run, until it writes them down."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._stops: dict[tuple[str, str], Stop] = {}
        self._lock = threading.Lock()

    def look(self, app_id: str) -> None:
        """Learn what other processes heard from WeChat."""
        found = stops_of(app_id)
        with self._lock:
            for path, stop in found.items():
                self._stops[app_id, path] = stop

    def stop(self, app_id: str, path: str) -> Stop | None:
        """What keeps such a call back now."""
        stop = self._stops.get((app_id, path))
        return stop if stop is not None and stop.until > clock.now() else None

    def add(self, entry: Entry) -> None:
        """Take a call; what it says of limits holds at once."""
        with self._lock:
            self._entries.append(entry)
            if entry.stop is not None:
                self._stops[entry.made.app_id, entry.made.path] = entry.stop

    def write(self) -> None:
        """Write down what came since the last time, in the caller's transaction if there is one."""
        with self._lock:
            entries, self._entries = self._entries, []
        write(entries)


_collected: ContextVar[Collected | None] = ContextVar("collected_calls", default=None)


@contextmanager
def collecting() -> Iterator[Collected]:
    """Keep the calls of this context, and of threads that run in a copy of it, for ``write``."""
    collected = Collected()
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)
        collected.write()


class Records:
    """The watcher of all calls of the product."""

    def before(self, request: Request) -> None:
        """Refuse a call whose allowance is used up, and one inside a transaction.

        Raises:
            QuotaUsedUp: WeChat said 45009 earlier today.
            ChannelBusy: WeChat said 45011 a moment ago.
            RuntimeError: a transaction is open: the call would hold its locks for seconds.
        """
        collected = _collected.get()
        if collected is not None:
            stop = collected.stop(request.app_id, request.path)
        else:
            tokens.not_in_transaction()
            stop = stops_of(request.app_id, request.path).get(request.path)
        if stop is not None:
            raise stop.error(request.path)

    def after(self, made: Made) -> None:
        """Write a call down and count it, or leave that to whoever collects."""
        entry, collected = Entry(made, clock.now()), _collected.get()
        if collected is not None:
            collected.add(entry)
        else:
            write([entry])
        if made.code == 0 and made.path in RESETS:
            open_again(made.app_id)


_RECORD: LiteralString = """
WITH made AS (
  SELECT * FROM jsonb_to_recordset(%(made)s::jsonb)
    AS m(app_id text, path text, at timestamptz, duration_ms int, code int, rid text, problem text,
         request text, answer text, day date, until timestamptz, stopped_by int)
), kept AS (
  INSERT INTO wechat_apicall
    (app_id, path, at, duration_ms, code, rid, problem, request, answer)
  SELECT app_id, path, at, duration_ms, code, rid, problem, request, answer FROM made
)
INSERT INTO wechat_callday AS d (app_id, path, day, used, failed, stopped_until, stopped_by)
SELECT app_id, path, day, count(*), count(*) FILTER (WHERE code IS DISTINCT FROM 0),
       max(until), max(stopped_by)
FROM made GROUP BY app_id, path, day ORDER BY app_id, path, day
ON CONFLICT (app_id, path, day) DO UPDATE
   SET used = d.used + excluded.used,
       failed = d.failed + excluded.failed,
       stopped_until = coalesce(excluded.stopped_until, d.stopped_until),
       stopped_by = coalesce(excluded.stopped_by, d.stopped_by)
"""


def write(entries: Sequence[Entry]) -> None:
    """Write calls down and count them, in one statement."""
    if not entries:
        return
    text = json.dumps([_row(entry) for entry in entries], ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, {"made": text})


def _row(entry: Entry) -> dict[str, Any]:
    made, stop = entry.made, entry.stop
    return {
        "app_id": made.app_id,
        "path": made.path[:PATH_LENGTH],
        "at": entry.at.isoformat(),
        "duration_ms": made.duration_ms,
        "code": made.code,
        "rid": made.rid,
        "problem": made.problem[:PROBLEM_LENGTH],
        "request": made.request,
        "answer": made.answer,
        "day": clock.local_date(entry.at, BEIJING).isoformat(),
        "until": stop.until.isoformat() if stop else None,
        "stopped_by": stop.code if stop else None,
    }


def stops_of(app_id: str, *paths: str) -> dict[str, Stop]:
    """What keeps calls of an app id back now, by path."""
    rows = CallDay.objects.filter(app_id=app_id, day=today(), stopped_until__gt=clock.now())
    if paths:
        rows = rows.filter(path__in=paths)
    return {
        path: Stop(until, code)
        for path, until, code in rows.values_list("path", "stopped_until", "stopped_by")
        if until is not None
    }


def today() -> date:
    """The day the allowances count by: Beijing's."""
    return clock.local_date(clock.now(), BEIJING)


def open_again(app_id: str) -> None:
    """The counters were set back: calls may go out again."""
    CallDay.objects.filter(app_id=app_id, stopped_until__isnull=False).update(stopped_until=None)


def recent(app_id: str, *, limit: int = 50) -> list[ApiCall]:
    """The latest calls of an account, newest first."""
    return list(ApiCall.objects.filter(app_id=app_id).order_by("-at", "-id")[:limit])


def used_today(app_id: str) -> list[CallDay]:
    """How often each call was made today, most often first."""
    return list(CallDay.objects.filter(app_id=app_id, day=today()).order_by("-used", "path"))


def forget() -> None:
    """Delete what is older than its time; run every night."""
    now = clock.now()
    remove_in_batches(ApiCall.objects.filter(at__lt=now - CALLS_FOR))
    remove_in_batches(CallDay.objects.filter(day__lt=today() - DAYS_FOR))
