"""Reads of this module: tasks as people see them, imports and their problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind
from zhanggui.core import clock
from zhanggui.files import imports, jobs, reasons
from zhanggui.files.jobs import TaskKind, Text
from zhanggui.files.models import BatchState, ImportBatch, ImportProblem, Task, TaskState
from zhanggui.files.permissions import VIEW_ALL_TASKS
from zhanggui.files.services.tasks import UNDER_WAY
from zhanggui.files.sheets import letter_of
from zhanggui.ui import formats

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

TONES = {
    TaskState.QUEUED: "waiting",
    TaskState.RUNNING: "info",
    TaskState.DONE: "success",
    TaskState.FAILED: "danger",
    TaskState.CANCELLED: "muted",
    TaskState.INTERRUPTED: "danger",
}
BATCH_TONES = {
    BatchState.UPLOADED: "waiting",
    BatchState.CHECKING: "info",
    BatchState.CHECKED: "waiting",
    BatchState.RUNNING: "info",
    BatchState.DONE: "success",
    BatchState.UNDOING: "info",
    BatchState.UNDONE: "muted",
    BatchState.DISCARDED: "muted",
}
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as a page shows it."""

    task: Task
    kind: TaskKind
    who: str
    tone: str
    note: str
    reason: str
    url: str
    lines: list[tuple[Text, str]]
    is_mine: bool
    has_file: bool
    """Whether there is a result that this person may fetch."""


def tasks_of(request: MerchantRequest, *, state: str = "", mine: bool = False) -> QuerySet[Task]:
    """Tasks this person may see: their own, or everybody's with the right."""
    sees_all = VIEW_ALL_TASKS.name in request.permissions and not mine
    return tasks_seen_by(request.person.pk, sees_all=sees_all, state=state)


def tasks_seen_by(person_id: int | None, *, sees_all: bool, state: str = "") -> QuerySet[Task]:
    """Tasks of a person, or of everybody, in a state of the list's filter."""
    found = Task.objects.select_related("result_file")
    if not sees_all:
        found = found.filter(person_id=person_id, actor_kind=ActorKind.PERSON)
    if state == "under_way":
        found = found.filter(state__in=UNDER_WAY)
    elif state == "failed":
        found = found.filter(state__in=[TaskState.FAILED, TaskState.INTERRUPTED])
    elif state in TaskState.values:
        found = found.filter(state=state)
    return found


def task_lines(tasks: Iterable[Task], request: MerchantRequest) -> list[TaskLine]:
    """Tasks in words; one query for all names."""
    rows = list(tasks)
    ids = {row.person_id for row in rows if row.person_id is not None}
    names = audit.names_of(ActorKind.PERSON, ids)
    return [_line(row, names, request) for row in rows]


def task_line(task: Task, request: MerchantRequest) -> TaskLine:
    """One task in words."""
    return task_lines([task], request)[0]


def _line(task: Task, names: Mapping[int, str], request: MerchantRequest) -> TaskLine:
    kind = jobs.kind_of(task)
    is_done = task.state == TaskState.DONE
    return TaskLine(
        task=task,
        kind=kind,
        who=names.get(task.person_id or 0, "") or task.actor_name,
        tone=TONES[TaskState(task.state)],
        note=note_of(task, kind),
        reason=reasons.reason_of(task),
        url=kind.url(task)
        if kind.url
        else reverse("files:task", args=[request.merchant.slug, task.pk]),
        lines=kind.lines(task) if kind.lines and is_done else [],
        is_mine=_is_mine(task, request),
        has_file=task.result_file is not None and may_fetch(task, request),
    )


def _is_mine(task: Task, request: MerchantRequest) -> bool:
    return task.actor_kind == ActorKind.PERSON and task.person_id == request.person.pk


def may_fetch(task: Task, request: MerchantRequest) -> bool:
    """Whether a person who sees a task may have the file it made, too.

    Seeing everybody's tasks is not seeing what they took away: whole phone numbers, for example.
    """
    kind = jobs.kind_of(task)
    if kind.rights is None:
        return _is_mine(task, request)
    return kind.rights(task) <= request.permissions


def note_of(task: Task, kind: TaskKind) -> str:
    """How far a task is, how fast, and how long it will still take."""
    parts = []
    if task.total:
        parts.append(
            _("%(done)s of %(total)s %(unit)s")
            % {
                "done": formats.count(task.done),
                "total": formats.count(task.total),
                "unit": kind.unit,
            }
        )
    elif task.done:
        parts.append(_("%(done)s %(unit)s") % {"done": formats.count(task.done), "unit": kind.unit})
    speed = _speed(task)
    if task.state == TaskState.RUNNING and speed:
        parts.append(_("%(count)s a second") % {"count": formats.count(max(1, round(speed)))})
        if task.total > task.done:
            parts.append(_("%(time)s left") % {"time": span((task.total - task.done) / speed)})
    return " · ".join(part.strip() for part in parts)


def _speed(task: Task) -> float:
    if not task.started_at or not task.beat_at or not task.done:
        return 0.0
    seconds = (task.beat_at - task.started_at).total_seconds()
    return task.done / seconds if seconds > 0 else 0.0


def span(seconds: float) -> str:
    """A span of time in rough words."""
    if seconds < MINUTE:
        whole = max(1, round(seconds))
        return ngettext("%(n)s second", "%(n)s seconds", whole) % {"n": whole}
    if seconds < HOUR:
        whole = round(seconds / MINUTE)
        return ngettext("%(n)s minute", "%(n)s minutes", whole) % {"n": whole}
    whole = round(seconds / HOUR)
    return ngettext("%(n)s hour", "%(n)s hours", whole) % {"n": whole}


def took(task: Task) -> str:
    """How long a task took."""
    if not task.started_at or not task.finished_at:
        return ""
    return span((task.finished_at - task.started_at).total_seconds())


def under_way(person_id: int) -> int:
    """How many tasks of a person run or wait."""
    return Task.objects.filter(person_id=person_id, state__in=UNDER_WAY).count()


# -- imports


@dataclass(frozen=True, slots=True)
class BatchLine:
    """An import as the list shows it."""

    batch: ImportBatch
    kind: Text
    who: str
    tone: str


def batches(names: Iterable[str]) -> QuerySet[ImportBatch]:
    """Imports of these kinds, without those that were given up."""
    return ImportBatch.objects.filter(kind__in=list(names)).exclude(state=BatchState.DISCARDED)


def batch_lines(rows: Iterable[ImportBatch]) -> list[BatchLine]:
    """Imports in words; one query for all names."""
    listed = list(rows)
    ids = {row.person_id for row in listed if row.person_id is not None}
    names = audit.names_of(ActorKind.PERSON, ids)
    return [
        BatchLine(
            row,
            _label(row),
            names.get(row.person_id or 0, ""),
            BATCH_TONES[BatchState(row.state)],
        )
        for row in listed
    ]


def _label(batch: ImportBatch) -> Text:
    kind = imports.find(batch.kind)
    return kind.label if kind else batch.kind


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """What is wrong with one cell, as the table shows it."""

    row: int
    cell: str
    """As the spreadsheet names it, ``C12``; only the row when all of it is meant."""
    column: str
    text: str
    value: str


def problems_of(batch: ImportBatch) -> QuerySet[ImportProblem]:
    """What a dry run found, in the order of the sheet."""
    return ImportProblem.objects.filter(batch=batch)


def problem_lines(rows: Iterable[ImportProblem], batch: ImportBatch) -> list[ProblemLine]:
    """Problems in words."""
    return [
        ProblemLine(
            row=row.row,
            cell=f"{letter_of(row.place)}{row.row}" if row.place >= 0 else str(row.row),
            column=batch.header[row.place] if 0 <= row.place < len(batch.header) else "",
            text=row.text,
            value=row.value,
        )
        for row in rows
    ]


def undo_until(batch: ImportBatch, days: int) -> datetime | None:
    """Until when an import can be taken back."""
    return batch.finished_at + timedelta(days=days) if batch.finished_at else None


def is_over(moment: datetime | None) -> bool:
    """Whether a moment lies in the past."""
    return moment is not None and moment < clock.now()
