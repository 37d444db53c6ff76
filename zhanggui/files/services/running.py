"""How a task runs: taken from the queue, watched, ended in words a person understands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.utils import translation

from zhanggui.core import clock, tenancy, tokens
from zhanggui.core.errors import DomainError
from zhanggui.files import jobs
from zhanggui.files.errors import TaskBroken, TaskInterrupted
from zhanggui.files.models import StoredFile, Task, TaskState
from zhanggui.files.services.tasks import UNDER_WAY, tell_the_end

log = structlog.get_logger("zhanggui.files")
EVERY_S = 0.5
ATTEMPTS = 3
"""How often a task whose worker was killed is taken up again by itself."""


@dataclass(slots=True)
class _Pulse:
    """When a running task last wrote how far it is, and the connection it does so beside."""

    task_id: int
    written_at: float = field(default_factory=time.monotonic)
    beside: BaseDatabaseWrapper | None = None

    def close(self) -> None:
        if self.beside is not None:
            self.beside.close()
            self.beside = None


_pulse: ContextVar[_Pulse | None] = ContextVar("task_pulse", default=None)

_BEAT = """
UPDATE files_task SET done = %(done)s, total = COALESCE(%(total)s, total), beat_at = %(now)s,
       version = version + 1
WHERE files_task.merchant_id = %(merchant)s AND id = %(task)s AND state = 'running'
RETURNING wants_cancel
"""


def progress(task: Task, done: int, total: int | None = None) -> None:
    """Tell how far the work is; see ``jobs.progress``.

    Raises:
        Stop: somebody cancelled the task.
    """
    task.done = done
    if total is not None:
        task.total = total
    pulse = _pulse.get()
    now = time.monotonic()
    if pulse is None or pulse.task_id != task.pk or now - pulse.written_at < EVERY_S:
        return
    pulse.written_at = now
    if _beat(task, pulse):
        raise jobs.Stop


def _beat(task: Task, pulse: _Pulse) -> bool:
    """Write how far it is; answers whether somebody wants it cancelled."""
    values: dict[str, Any] = {
        "done": task.done,
        "total": task.total,
        "now": clock.now(),
        "merchant": task.merchant_id,
        "task": task.pk,
    }
    with _outside(pulse).cursor() as cursor:
        cursor.execute(_BEAT, values)
        found = cursor.fetchone()
    return bool(found and found[0])


def _outside(pulse: _Pulse) -> BaseDatabaseWrapper:
    """A connection on which writing is seen at once: a second one inside a transaction."""
    own = connections[DEFAULT_DB_ALIAS]
    if not own.in_atomic_block:
        return own
    if pulse.beside is None:
        pulse.beside = own.copy()
    return pulse.beside


def run(*, task_id: int) -> None:
    """Do the work of a task of the merchant in scope; safe to be called twice."""
    task = _take(task_id)
    if task is None:
        return
    structlog.contextvars.bind_contextvars(task_id=task.pk, task_kind=task.kind)
    with translation.override(task.language or settings.LANGUAGE_CODE):
        if task.attempt > ATTEMPTS:
            refusal: DomainError = TaskInterrupted(times=ATTEMPTS)
            _end(task, TaskState.INTERRUPTED, refusal)
            return
        _work(task)


def _take(task_id: int) -> Task | None:
    """Mark a task as running; None when it was cancelled or ended meanwhile."""
    now = clock.now()
    taken = Task.objects.filter(pk=task_id, state__in=UNDER_WAY).update(
        state=TaskState.RUNNING,
        attempt=F("attempt") + 1,
        started_at=now,
        beat_at=now,
        done=0,
        version=F("version") + 1,
    )
    return Task.objects.get(pk=task_id) if taken else None


@contextmanager
def _watched(task: Task) -> Iterator[None]:
    pulse = _Pulse(task.pk)
    token = _pulse.set(pulse)
    try:
        yield
    finally:
        _pulse.reset(token)
        pulse.close()


def _work(task: Task) -> None:
    try:
        with _watched(task):
            outcome = jobs.kind_of(task).run(task) or jobs.Outcome()
    except jobs.Stop:
        _end(task, TaskState.CANCELLED, None)
    except DomainError as refusal:
        _end(task, TaskState.FAILED, refusal)
    except Exception:  # the outermost loop: a bug must not leave the task running
        code = tokens.new_token(8).upper()
        log.exception("task failed", support_code=code)
        _end(task, TaskState.FAILED, TaskBroken(support_code=code))
    else:
        _finish(task, outcome)


def _finish(task: Task, outcome: jobs.Outcome) -> None:
    with transaction.atomic():
        if outcome.file is not None:
            StoredFile.objects.filter(pk=outcome.file.pk).update(owner=f"task:{task.pk}")
        _close(
            task,
            state=TaskState.DONE,
            done=max(task.done, task.total),
            total=max(task.done, task.total),
            result=dict(outcome.result),
            result_file=outcome.file,
        )


def _end(task: Task, state: TaskState, refusal: DomainError | None) -> None:
    details: dict[str, Any] = {}
    if refusal is not None:
        details = {"code": refusal.code, "places": _plain(refusal)}
    with transaction.atomic():
        _close(
            task,
            state=state,
            done=task.done,
            total=task.total,
            error_code=refusal.code if refusal else "",
            error_details=details.get("places", {}),
        )
        tell_the_end(task)


def _plain(refusal: DomainError) -> dict[str, Any]:
    places = {
        name: value if isinstance(value, int) else str(value)
        for name, value in refusal.details.items()
    }
    return {**places, "text": refusal.message}


def _close(task: Task, **values: Any) -> None:
    Task.objects.filter(pk=task.pk).update(
        **values, finished_at=clock.now(), wants_cancel=False, version=F("version") + 1
    )
    task.refresh_from_db()


def lost_tasks() -> list[Task]:
    """Tasks of all merchants that say they run but whose job is gone from the queue."""
    from procrastinate.contrib.django.models import ProcrastinateJob  # noqa: PLC0415  rarely needed

    with tenancy.all_merchants("tasks whose job is gone, of every merchant"):
        waiting = list(Task.objects.filter(state__in=UNDER_WAY).order_by("pk")[:500])
    ids = [task.job_id for task in waiting if task.job_id is not None]
    alive = set(
        ProcrastinateJob.objects.filter(pk__in=ids, status__in=["todo", "doing"]).values_list(
            "pk", flat=True
        )
    )
    return [task for task in waiting if task.job_id not in alive]
