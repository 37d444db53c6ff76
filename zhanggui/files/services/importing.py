"""Imports step by step: upload, match, check, run, undo. The work itself is in ``import_work``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.models import ActorKind
from zhanggui.core import clock
from zhanggui.files import archives, imports, jobs, matching, sheets, storing
from zhanggui.files.errors import (
    ImportFileGone,
    ImportHasErrors,
    ImportMoved,
    SheetEmpty,
    SheetTooLong,
    UndoTooLate,
)
from zhanggui.files.imports import ImportKind
from zhanggui.files.models import BatchState, ImportBatch, ImportMode, StoredFile
from zhanggui.files.services.keeping import hold, release, remove_file, store_upload

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from zhanggui.accounts.actors import Actor
    from zhanggui.files.models import Task

CHECK, RUN, UNDO = "files.import_check", "files.import_run", "files.import_undo"
KEEP_FILE = timedelta(days=7)
"""How long an uploaded spreadsheet stays: it is full of personal data."""


def owner_of(batch: ImportBatch) -> str:
    """Under which name a batch holds its spreadsheet."""
    return f"import:{batch.pk}"


def begin_import(*, kind: ImportKind, file: UploadedFile[bytes], actor: Actor) -> ImportBatch:
    """Keep a spreadsheet and read its header; the columns are matched as well as can be guessed.

    Raises:
        DomainError: the file is not taken (see ``store_upload``), or its sheet cannot be read.
    """
    stored = store_upload(file=file, kind="spreadsheet", actor=actor)
    try:
        batch = _described(kind, stored, actor)
    except Exception:
        remove_file(stored=stored)
        raise
    with transaction.atomic():
        batch.save(force_insert=True)
        hold(stored=stored, owner=owner_of(batch), expires_at=clock.now() + KEEP_FILE)
        audit.record(
            actor, "files.import.uploaded", f"import:{batch.pk}", details={"kind": kind.name}
        )
    return batch


def _described(kind: ImportKind, stored: StoredFile, actor: Actor) -> ImportBatch:
    with (
        storing.on_disk(stored) as path,
        sheets.opened(path, stored.content_type) as sheet,
    ):
        if sheet.last_row - 1 > 2 * kind.most_rows:  # rows without content may stand in between
            raise SheetTooLong(
                rows=sheet.last_row,
                columns=len(sheet.header),
                most=kind.most_rows,
                most_columns=archives.MOST_COLUMNS,
            )
        if next(sheet.rows, None) is None:
            raise SheetEmpty
        return ImportBatch(
            kind=kind.name,
            file=stored,
            file_name=stored.name,
            file_hash=stored.sha256,
            sheet=sheet.name[:100],
            header=sheet.header,
            mapping=matching.guess(kind, sheet.header),
            person_id=actor.id if actor.kind == ActorKind.PERSON else None,
        )


def same_before(batch: ImportBatch) -> ImportBatch | None:
    """The last import of the very same file that went through, if there was one."""
    return (
        ImportBatch.objects.filter(
            kind=batch.kind,
            file_hash=bytes(batch.file_hash),
            state__in=[BatchState.RUNNING, BatchState.DONE],
        )
        .exclude(pk=batch.pk)
        .order_by("-created_at", "-pk")
        .first()
    )


def _move(batch: ImportBatch, *states: BatchState, to: BatchState) -> None:
    """Take a batch from one of these states to another; inside a transaction.

    Raises:
        ImportMoved: somebody was faster (E_IMPORT_MOVED, 409).
    """
    moved = ImportBatch.objects.filter(pk=batch.pk, state__in=states).update(state=to)
    if not moved:
        raise ImportMoved
    batch.state = to


def check_import(
    *,
    batch: ImportBatch,
    kind: ImportKind,
    mapping: Mapping[str, int],
    actor: Actor,
    options: Mapping[str, str] | None = None,
) -> Task:
    """Match the columns and begin the dry run; nothing is imported yet.

    Raises:
        MappingMissing, MappingTwice: the columns do not fit (422).
        ImportMoved: it is under way or over already (E_IMPORT_MOVED, 409).
        ImportFileGone: the spreadsheet was deleted after its time (E_IMPORT_FILE_GONE, 410).
    """
    chosen = matching.check(kind, batch.header, mapping)
    if batch.file_id is None:
        raise ImportFileGone
    with transaction.atomic():
        _move(batch, BatchState.UPLOADED, BatchState.CHECKED, to=BatchState.CHECKING)
        matching.remember(kind, batch.header, chosen)
        batch.mapping = chosen
        batch.options = _chosen(kind, options or {})
        batch.check_task = jobs.start(
            kind=CHECK,
            title=_("Check of %(file)s") % {"file": batch.file_name},
            arguments={"batch": batch.pk},
            actor=actor,
        )
        batch.save(update_fields=["mapping", "options", "check_task"])
        audit.record(actor, "files.import.checked", f"import:{batch.pk}")
    return batch.check_task


def _chosen(kind: ImportKind, options: Mapping[str, str]) -> dict[str, str]:
    """The kind's own options; what was not offered counts as the default."""
    chosen = {}
    for option in kind.options:
        offered = [value for value, _label in option.choices]
        given = options.get(option.name, "")
        chosen[option.name] = given if given in offered else offered[0]
    return chosen


def back_to_columns(*, batch: ImportBatch) -> None:
    """Match the columns anew after a check.

    Raises:
        ImportMoved: the import has begun or is over (E_IMPORT_MOVED, 409).
    """
    with transaction.atomic():
        _move(batch, BatchState.CHECKED, to=BatchState.UPLOADED)


def run_import(*, batch: ImportBatch, mode: ImportMode, actor: Actor) -> Task:
    """Begin to import what was checked.

    Raises:
        ImportHasErrors: all or nothing was chosen and rows have errors (409).
        ImportMoved: it is under way or over already (E_IMPORT_MOVED, 409).
        ImportFileGone: the spreadsheet was deleted after its time (E_IMPORT_FILE_GONE, 410).
    """
    if mode == ImportMode.ALL and batch.bad_count:
        raise ImportHasErrors(count=batch.bad_count)
    if batch.file_id is None:
        raise ImportFileGone
    with transaction.atomic():
        _move(batch, BatchState.CHECKED, to=BatchState.RUNNING)
        batch.mode = mode
        batch.run_task = jobs.start(
            kind=RUN,
            title=_("Import of %(file)s") % {"file": batch.file_name},
            arguments={"batch": batch.pk},
            actor=actor,
            total=batch.row_count,
        )
        batch.save(update_fields=["mode", "run_task"])
        audit.record(
            actor, "files.import.started", f"import:{batch.pk}", details={"mode": mode.value}
        )
    return batch.run_task


def undo_import(*, batch: ImportBatch, kind: ImportKind, actor: Actor) -> Task:
    """Begin to take a whole import back.

    Raises:
        UndoTooLate: it is older than the kind allows (E_IMPORT_UNDO_LATE, 409).
        ImportMoved: there is nothing to undo, or it is being undone (E_IMPORT_MOVED, 409).
    """
    if kind.undo is None:
        raise ImportMoved
    if not may_undo(batch, kind):
        raise UndoTooLate(days=kind.undo_days)
    with transaction.atomic():
        _move(batch, BatchState.DONE, to=BatchState.UNDOING)
        batch.undo_task = jobs.start(
            kind=UNDO,
            title=_("Undo of %(file)s") % {"file": batch.file_name},
            arguments={"batch": batch.pk},
            actor=actor,
            total=batch.written_count,
        )
        batch.save(update_fields=["undo_task"])
        audit.record(actor, "files.import.undo_started", f"import:{batch.pk}")
    return batch.undo_task


def may_undo(batch: ImportBatch, kind: ImportKind) -> bool:
    """Whether an import can still be taken back."""
    if kind.undo is None or batch.state != BatchState.DONE or batch.finished_at is None:
        return False
    return clock.now() - batch.finished_at <= timedelta(days=kind.undo_days)


def discard_import(*, batch: ImportBatch, actor: Actor) -> None:
    """Give up an import that has not begun; its spreadsheet is deleted.

    Raises:
        ImportMoved: it has begun or is over (E_IMPORT_MOVED, 409).
    """
    with transaction.atomic():
        _move(batch, BatchState.UPLOADED, BatchState.CHECKED, to=BatchState.DISCARDED)
        release(owner=owner_of(batch))
        audit.record(actor, "files.import.discarded", f"import:{batch.pk}")


def kind_of(batch: ImportBatch) -> ImportKind | None:
    """The kind of a batch; None when its module is gone."""
    return imports.find(batch.kind)


def rights_to_fetch(task: Task) -> frozenset[str]:
    """Which rights the sheet of errors takes, which repeats whole rows: those of the import."""
    batch = ImportBatch.objects.filter(pk=task.arguments["batch"]).first()
    kind = kind_of(batch) if batch else None
    return frozenset({kind.permission}) if kind else frozenset({"files.nobody"})
