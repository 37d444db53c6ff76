"""Every call to WeChat is written down, and counted against the day's allowance.

The allowance is known only when it is used up: after 45009 no such call of this app id goes out
before midnight in Beijing, so that a queue of messages does not knock ten thousand times.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import connection

from zhanggui.channels.wechat import tokens
from zhanggui.channels.wechat.client.http import BEIJING, Made, Request, next_midnight
from zhanggui.channels.wechat.errorcodes import Treatment, code_of
from zhanggui.channels.wechat.errors import QuotaUsedUp
from zhanggui.channels.wechat.models import ApiCall, CallDay
from zhanggui.core import clock
from zhanggui.core.retention import remove_in_batches

CALLS_FOR = timedelta(days=7)
DAYS_FOR = timedelta(days=40)
PATH_LENGTH, PROBLEM_LENGTH = 80, 80
USED_UP = 45009
RESETS = frozenset(
    {
        "/cgi-bin/clear_quota",
        "/cgi-bin/clear_quota/v2",
        "/cgi-bin/component/clear_quota/v2",
    }
)


class Records:
    """The watcher of all calls of the product."""

    def before(self, request: Request) -> None:
        """Refuse a call whose allowance is used up, and one inside a transaction.

        Raises:
            QuotaUsedUp: WeChat said 45009 earlier today.
            RuntimeError: a transaction is open: the call would hold its locks for seconds.
        """
        tokens.not_in_transaction()
        until = (
            CallDay.objects.filter(
                app_id=request.app_id,
                path=request.path,
                day=today(),
                stopped_until__gt=clock.now(),
            )
            .values_list("stopped_until", flat=True)
            .first()
        )
        if until:
            message = f"{request.path}: used up for today"
            raise QuotaUsedUp(message, code=USED_UP, until=until)

    def after(self, made: Made) -> None:
        """Write a call down and count it, in one statement."""
        is_used_up = made.code is not None and code_of(made.code).treatment is Treatment.MIDNIGHT
        with connection.cursor() as cursor:
            cursor.execute(
                _RECORD,
                {
                    "app_id": made.app_id,
                    "path": made.path[:PATH_LENGTH],
                    "at": clock.now(),
                    "duration_ms": made.duration_ms,
                    "code": made.code,
                    "rid": made.rid,
                    "problem": made.problem[:PROBLEM_LENGTH],
                    "request": made.request,
                    "answer": made.answer,
                    "day": today(),
                    "failed": int(made.code != 0),
                    "stopped_until": next_midnight() if is_used_up else None,
                },
            )
        if made.code == 0 and made.path in RESETS:
            open_again(made.app_id)


_RECORD = """
WITH kept AS (
  INSERT INTO wechat_apicall
    (app_id, path, at, duration_ms, code, rid, problem, request, answer)
  VALUES (%(app_id)s, %(path)s, %(at)s, %(duration_ms)s, %(code)s, %(rid)s, %(problem)s,
          %(request)s, %(answer)s)
)
INSERT INTO wechat_callday AS d (app_id, path, day, used, failed, stopped_until)
VALUES (%(app_id)s, %(path)s, %(day)s, 1, %(failed)s, %(stopped_until)s)
ON CONFLICT (app_id, path, day) DO UPDATE
   SET used = d.used + 1,
       failed = d.failed + excluded.failed,
       stopped_until = coalesce(excluded.stopped_until, d.stopped_until)
"""


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
