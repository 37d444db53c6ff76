"""What the tasks of an import do: the dry run, the run, the undoing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.core import clock, sealing
from zhanggui.files import archives, jobs, passes, sheets, storing
from zhanggui.files.errors import ImportFileGone, ImportHasErrors, ImportMoved, SheetTooLong
from zhanggui.files.imports import ImportKind, Run, Written
from zhanggui.files.kinds import XLSX
from zhanggui.files.models import (
    BatchState,
    ImportBatch,
    ImportMode,
    ImportProblem,
    StoredFile,
    Task,
)
from zhanggui.files.models.imports import VALUE_COLUMN
from zhanggui.files.passes import Chunk, Problem
from zhanggui.files.reports import ErrorSheet
from zhanggui.files.services.importing import kind_of
from zhanggui.files.services.keeping import keep_result

PROBLEMS_AT_MOST = 1_000
VALUE_AT_MOST = 80
TEXT_AT_MOST = 300
KEEP_ERRORS = timedelta(days=7)


def _batch_of(task: Task) -> tuple[ImportBatch, ImportKind]:
    batch = ImportBatch.objects.select_related("file").get(pk=task.arguments["batch"])
    kind = kind_of(batch)
    if kind is None:
        raise ImportMoved
    return batch, kind


@contextmanager
def _sheet_of(batch: ImportBatch) -> Iterator[sheets.Sheet]:
    if batch.file is None:
        raise ImportFileGone
    with (
        storing.on_disk(batch.file) as path,
        sheets.opened(path, batch.file.content_type) as sheet,
    ):
        yield sheet


def _run_of(batch: ImportBatch, task: Task, *, is_dry: bool) -> Run:
    return Run(batch, jobs.actor_of(task), is_dry=is_dry, columns=frozenset(batch.mapping))


# -- the dry run


def check(task: Task) -> jobs.Outcome:
    """Look at every row without writing any; note what is wrong and what it will cost."""
    batch, kind = _batch_of(task)
    storing.delete_rows(ImportProblem.objects.filter(batch=batch))
    run = _run_of(batch, task, is_dry=True)
    found = _Found()
    with NamedTemporaryFile(suffix=".xlsx") as file, _sheet_of(batch) as sheet:
        with ErrorSheet(Path(file.name), batch.header) as report:
            jobs.progress(task, 0, max(0, sheet.last_row - 1))
            for chunk in passes.chunks(sheet, kind, batch.mapping, run):
                found.add(chunk, batch)
                report.add(chunk)
                _refuse_too_long(found.rows, kind, batch)
                jobs.progress(task, chunk.last_row - 1)
        task.total = task.done = found.rows
        costs = list(kind.cost(run)) if kind.cost else []
        with transaction.atomic():
            stored = _keep_report(Path(file.name), batch, task) if found.bad else None
            ImportBatch.objects.filter(pk=batch.pk, state=BatchState.CHECKING).update(
                state=BatchState.CHECKED,
                row_count=found.rows,
                bad_count=found.bad,
                problem_count=found.problems,
                cost=[[str(line.label), line.amount] for line in costs],
            )
    return jobs.Outcome({"rows": found.rows, "bad": found.bad}, stored)


def _refuse_too_long(rows: int, kind: ImportKind, batch: ImportBatch) -> None:
    if rows > kind.most_rows:
        raise SheetTooLong(
            rows=rows,
            columns=len(batch.header),
            most=kind.most_rows,
            most_columns=archives.MOST_COLUMNS,
        )


class _Found:
    """Counts of a dry run; keeps the first thousand problems."""

    def __init__(self) -> None:
        self.rows = self.bad = self.problems = 0

    def add(self, chunk: Chunk, batch: ImportBatch) -> None:
        self.rows += len(chunk.good) + len(chunk.problems)
        self.bad += len(chunk.problems)
        listed = [one for row in sorted(chunk.problems) for one in chunk.problems[row]]
        room = max(0, PROBLEMS_AT_MOST - self.problems)
        ImportProblem.objects.bulk_create([_row(one, batch) for one in listed[:room]])
        self.problems += len(listed)


def _row(problem: Problem, batch: ImportBatch) -> ImportProblem:
    value = problem.value[:VALUE_AT_MOST]
    sealed = sealing.seal(value, column=VALUE_COLUMN, merchant_id=batch.merchant_id)
    return ImportProblem(
        merchant_id=batch.merchant_id,
        batch=batch,
        row=problem.row,
        place=problem.place,
        column=problem.column,
        text=problem.text[:TEXT_AT_MOST],
        value_sealed=sealed if value else None,
    )


def _keep_report(path: Path, batch: ImportBatch, task: Task) -> StoredFile:
    return keep_result(
        path=path,
        name=_("Errors in %(file)s") % {"file": Path(batch.file_name).stem},
        content_type=XLSX,
        actor=jobs.actor_of(task),
        expires_in=KEEP_ERRORS,
    )


# -- the run


def run(task: Task) -> jobs.Outcome:
    """Write the rows: all in one transaction, or chunk by chunk without those with errors."""
    batch, kind = _batch_of(task)
    if batch.mode == ImportMode.ALL:
        with transaction.atomic():
            written = _write_all(batch, kind, task)
            _done(batch, task)
    else:
        written = _write_good(batch, kind, task)
        with transaction.atomic():
            _done(batch, task)
    return jobs.Outcome(written)


def _write_all(batch: ImportBatch, kind: ImportKind, task: Task) -> dict[str, Any]:
    """Write every row or none.

    Raises:
        ImportHasErrors: a row has an error now that it did not have in the dry run.
    """
    run_ = _run_of(batch, task, is_dry=False)
    created = changed = 0
    with _sheet_of(batch) as sheet:
        for chunk in passes.chunks(sheet, kind, batch.mapping, run_):
            if chunk.problems:
                raise ImportHasErrors(count=len(chunk.problems))
            did = kind.write_rows(chunk.good, run_) if chunk.good else Written()
            created, changed = created + did.created, changed + did.changed
            jobs.progress(task, created + changed)
    ImportBatch.objects.filter(pk=batch.pk).update(written_count=created + changed)
    return {"created": created, "changed": changed, "skipped": 0}


def _write_good(batch: ImportBatch, kind: ImportKind, task: Task) -> dict[str, Any]:
    """Write the rows without errors; each chunk is there for good when it is written.

    A run that was killed goes on behind the last chunk.
    """
    run_ = _run_of(batch, task, is_dry=False)
    totals = {"created": 0, "changed": 0, **task.result.get("so_far", {})}
    with _sheet_of(batch) as sheet:
        for chunk in passes.chunks(sheet, kind, batch.mapping, run_, behind=batch.position):
            with transaction.atomic():
                did = kind.write_rows(chunk.good, run_) if chunk.good else Written()
                totals["created"] += did.created
                totals["changed"] += did.changed
                ImportBatch.objects.filter(pk=batch.pk).update(
                    written_count=F("written_count") + did.created + did.changed,
                    skipped_count=F("skipped_count") + len(chunk.problems),
                    position=chunk.last_row,
                )
                Task.objects.filter(pk=task.pk).update(result={"so_far": totals})
            batch.refresh_from_db()
            jobs.progress(task, batch.written_count + batch.skipped_count)
    return {**totals, "skipped": batch.skipped_count}


def _done(batch: ImportBatch, task: Task) -> None:
    ImportBatch.objects.filter(pk=batch.pk).update(state=BatchState.DONE, finished_at=clock.now())
    batch.refresh_from_db()
    audit.record(
        jobs.actor_of(task),
        "files.import.done",
        f"import:{batch.pk}",
        details={
            "kind": batch.kind,
            "written": batch.written_count,
            "skipped": batch.skipped_count,
        },
    )


# -- undoing


def undo(task: Task) -> jobs.Outcome:
    """Take the whole batch back, as far as its kind allows."""
    batch, kind = _batch_of(task)
    if kind.undo is None:
        raise ImportMoved
    undone = kind.undo(batch, lambda done, total: jobs.progress(task, done, total))
    with transaction.atomic():
        ImportBatch.objects.filter(pk=batch.pk).update(
            state=BatchState.UNDONE, kept_count=undone.kept
        )
        audit.record(
            jobs.actor_of(task),
            "files.import.undone",
            f"import:{batch.pk}",
            details={"removed": undone.removed, "kept": undone.kept},
        )
    return jobs.Outcome({"removed": undone.removed, "kept": undone.kept})


# -- ends without success


def check_ended(task: Task) -> None:
    """A dry run failed or was cancelled: back to the columns."""
    _back(task, BatchState.CHECKING, BatchState.UPLOADED)


def run_ended(task: Task) -> None:
    """A run failed or was cancelled: what is written counts as imported, so that it can be undone.

    Without anything written the sheet has to be checked again.
    """
    batch = ImportBatch.objects.filter(pk=task.arguments["batch"]).first()
    if batch is not None and batch.written_count:
        ImportBatch.objects.filter(pk=batch.pk).update(finished_at=clock.now())
        _back(task, BatchState.RUNNING, BatchState.DONE)
    else:
        _back(task, BatchState.RUNNING, BatchState.UPLOADED)


def undo_ended(task: Task) -> None:
    """Undoing failed or was cancelled: it can be begun again."""
    _back(task, BatchState.UNDOING, BatchState.DONE)


def _back(task: Task, here: BatchState, there: BatchState) -> None:
    ImportBatch.objects.filter(pk=task.arguments["batch"], state=here).update(state=there)
