"""The job centre and what was imported, as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind
from zhanggui.files import imports, jobs, reasons, selectors
from zhanggui.files.exports import Column, Export, Query
from zhanggui.files.models import ImportBatch, Task
from zhanggui.files.permissions import EXPORT, VIEW_ALL_TASKS

CHUNK = 500
NEWEST = ("-created_at", "-id")


def _tasks(query: Query) -> QuerySet[Task]:
    sees_all = VIEW_ALL_TASKS.name in query.permissions and query.get("who") != "me"
    found = selectors.tasks_seen_by(query.person_id, sees_all=sees_all, state=query.get("state"))
    return found.order_by(*NEWEST)


def _task_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for piece in batched(_tasks(query).iterator(chunk_size=CHUNK), CHUNK):
        names = audit.names_of(ActorKind.PERSON, {one.person_id for one in piece if one.person_id})
        for task in piece:
            yield (
                task.title,
                str(jobs.kind_of(task).label),
                str(task.get_state_display()),
                task.done,
                task.total,
                reasons.reason_of(task),
                names.get(task.person_id or 0, "") or task.actor_name,
                task.created_at,
                task.finished_at,
            )


TASKS = Export(
    name="files.tasks",
    label=_("Tasks"),
    permission=EXPORT.name,
    columns=(
        Column("task", _("Task"), width=32),
        Column("kind", _("Kind")),
        Column("state", pgettext_lazy("of a task", "State"), width=12),
        Column("done", _("Steps done"), kind="number", width=10),
        Column("total", _("Steps in all"), kind="number", width=10),
        Column("reason", _("Reason"), width=40),
        Column("who", _("Who")),
        Column("begun", _("Begun"), kind="moment", width=18),
        Column("ended", _("Ended at"), kind="moment", width=18),
    ),
    rows=_task_rows,
    count=lambda query: _tasks(query).count(),
    parameters=frozenset({"state", "who"}),
)


def _batches(query: Query) -> QuerySet[ImportBatch]:
    allowed = [kind.name for kind in imports.known() if kind.permission in query.permissions]
    return selectors.batches(allowed).order_by(*NEWEST)


def _batch_rows(query: Query) -> Iterator[tuple[Any, ...]]:
    for piece in batched(_batches(query).iterator(chunk_size=CHUNK), CHUNK):
        for line in selectors.batch_lines(piece):
            batch = line.batch
            yield (
                batch.file_name,
                str(line.kind),
                str(batch.get_state_display()),
                batch.written_count,
                line.who,
                batch.created_at,
            )


IMPORTS = Export(
    name="files.imports",
    label=_("Imports"),
    permission=EXPORT.name,
    columns=(
        Column("file", _("Spreadsheet"), width=32),
        Column("kind", _("What is imported")),
        Column("state", pgettext_lazy("of an import", "State"), width=12),
        Column("rows", _("Imported rows"), kind="number", width=10),
        Column("who", _("Who")),
        Column("at", _("When"), kind="moment", width=18),
    ),
    rows=_batch_rows,
    count=lambda query: _batches(query).count(),
    parameters=frozenset(),
)
