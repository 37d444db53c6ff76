"""Imports: template, upload, columns, dry run, run, result, undo."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.core.uploads import MEGABYTE
from zhanggui.files import imports, kinds, reports, selectors, services, uploading
from zhanggui.files.following import follow
from zhanggui.files.imports import ImportKind
from zhanggui.files.kinds import XLSX
from zhanggui.files.models import BatchState, ImportBatch, ImportMode, Task
from zhanggui.files.services import importing
from zhanggui.files.sheets import letter_of
from zhanggui.files.views.private import guarded, respond
from zhanggui.ui.paging import keyset

ORDER = ("-created_at", "-id")
SAMPLES = 3


def _allowed(request: MerchantRequest) -> list[ImportKind]:
    return [kind for kind in imports.known() if kind.permission in request.permissions]


def _kind(request: MerchantRequest, name: str) -> ImportKind:
    found = imports.find(name)
    if found is None:
        raise Http404
    if found.permission not in request.permissions:
        raise NotAllowed
    return found


def _batch(request: MerchantRequest, batch_id: int) -> tuple[ImportBatch, ImportKind]:
    rows = ImportBatch.objects.select_related("check_task", "run_task", "undo_task", "file")
    batch = get_object_or_404(rows, pk=batch_id)
    return batch, _kind(request, batch.kind)


@require_GET
@merchant_view("")
def import_list(request: MerchantRequest) -> HttpResponse:
    """What was imported, and what can be."""
    allowed = _allowed(request)
    rows = keyset(
        selectors.batches(kind.name for kind in allowed),
        order=ORDER,
        after=request.GET.get("after", ""),
    )
    page = {"kinds": allowed, "page": rows, "lines": selectors.batch_lines(rows.rows)}
    return render(request, "files/imports.html", page)


@uploading.takes_files(kinds.SPREADSHEET)
@require_http_methods(["GET", "POST"])
@merchant_view("")
def import_new(request: MerchantRequest, *, kind: str) -> HttpResponse:
    """Send in a spreadsheet."""
    wanted = _kind(request, kind)
    error, status = "", 200
    if request.method == "POST":
        try:
            file = uploading.file_of(request)
            batch = services.begin_import(kind=wanted, file=file, actor=request.actor)
        except DomainError as refusal:
            error, status = refusal.message, refusal.status
        else:
            return redirect("files:import", request.merchant.slug, batch.pk)
    page = {
        "kind": wanted,
        "step": 1,
        # a template would call what it finds on the kind
        "has_undo": wanted.undo is not None,
        "has_sample": wanted.sample is not None,
        "error": error,
        "accept": kinds.SPREADSHEET.accept,
        "most_bytes": kinds.SPREADSHEET.most_bytes,
        "most_mb": kinds.SPREADSHEET.most_bytes // MEGABYTE,
        "back": wanted.url(request.merchant.slug) if wanted.url else "",
    }
    return render(request, "files/import_new.html", page, status=status)


@require_GET
@merchant_view("")
def import_template(request: MerchantRequest, *, kind: str) -> HttpResponseBase:
    """The spreadsheet to fill in."""
    wanted = _kind(request, kind)
    file = NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115  the response closes it
    reports.write_template(Path(file.name), wanted)
    name = _("Template %(list)s") % {"list": wanted.label}
    return guarded(
        FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX)
    )


@require_GET
@merchant_view("")
def import_sample(request: MerchantRequest, *, kind: str) -> HttpResponse:
    """A filled spreadsheet with deliberate errors, to try the import with."""
    wanted = _kind(request, kind)
    if wanted.sample is None:
        raise Http404
    name = _("Sample %(list)s") % {"list": wanted.label}
    response = HttpResponse(wanted.sample(), content_type=XLSX)
    disposition = content_disposition_header(as_attachment=True, filename=f"{name}.xlsx")
    response["Content-Disposition"] = disposition or "attachment"
    return guarded(response)


PAGES = {
    BatchState.UPLOADED: "files/import_columns.html",
    BatchState.CHECKING: "files/import_running.html",
    BatchState.CHECKED: "files/import_checked.html",
    BatchState.RUNNING: "files/import_running.html",
    BatchState.DONE: "files/import_done.html",
    BatchState.UNDOING: "files/import_running.html",
    BatchState.UNDONE: "files/import_done.html",
    BatchState.DISCARDED: "files/import_done.html",
}


@require_GET
@merchant_view("")
def import_(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Where an import is, and the next step."""
    batch, kind = _batch(request, batch_id)
    return _page(request, batch, kind)


def _page(
    request: MerchantRequest,
    batch: ImportBatch,
    kind: ImportKind,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    state = BatchState(batch.state)
    page: dict[str, Any] = {
        "batch": batch,
        "kind": kind,
        "step": _STEPS[state],
        "back": kind.url(request.merchant.slug) if kind.url else "",
    }
    if state == BatchState.UPLOADED:
        page |= _columns(batch, kind)
        page["failed"] = _failed(request, batch)
    elif state in {BatchState.CHECKING, BatchState.RUNNING, BatchState.UNDOING}:
        page["line"] = selectors.task_line(_present_task(batch), request)
    elif state == BatchState.CHECKED:
        rows = keyset(
            selectors.problems_of(batch), order=("row", "id"), after=request.GET.get("after", "")
        )
        page |= {"page": rows, "problems": selectors.problem_lines(rows.rows, batch)}
        page["before"] = importing.same_before(batch)
    else:
        page |= _result(batch, kind, request)
    return render(request, PAGES[state], page | more, status=status)


_STEPS = {
    BatchState.UPLOADED: 2,
    BatchState.CHECKING: 3,
    BatchState.CHECKED: 3,
    BatchState.RUNNING: 4,
    BatchState.DONE: 4,
    BatchState.UNDOING: 4,
    BatchState.UNDONE: 4,
    BatchState.DISCARDED: 1,
}


def _present_task(batch: ImportBatch) -> Task:
    found = {
        BatchState.CHECKING: batch.check_task,
        BatchState.RUNNING: batch.run_task,
        BatchState.UNDOING: batch.undo_task,
    }[BatchState(batch.state)]
    if found is None:
        raise Http404
    return found


def _columns(batch: ImportBatch, kind: ImportKind) -> dict[str, Any]:
    places = [(place, letter_of(place), text) for place, text in enumerate(batch.header)]
    return {
        "places": places,
        "columns": [(column, batch.mapping.get(column.name, -1)) for column in kind.columns],
        "options": [(option, batch.options.get(option.name, "")) for option in kind.options],
        "unmatched": [
            text
            for place, text in enumerate(batch.header)
            if text and place not in batch.mapping.values()
        ],
        "before": importing.same_before(batch),
    }


def _failed(request: MerchantRequest, batch: ImportBatch) -> str:
    """Why the last step did not work, when it did not."""
    last = batch.run_task or batch.check_task
    return selectors.task_line(last, request).reason if last else ""


def _result(batch: ImportBatch, kind: ImportKind, request: MerchantRequest) -> dict[str, Any]:
    run = batch.run_task
    return {
        "run": run,
        "failed": selectors.task_line(run, request).reason if run else "",
        "may_undo": importing.may_undo(batch, kind),
        "undo_until": selectors.undo_until(batch, kind.undo_days),
        "undo_failed": (
            selectors.task_line(batch.undo_task, request).reason if batch.undo_task else ""
        ),
    }


@require_GET
@merchant_view("")
def import_errors(request: MerchantRequest, *, batch_id: int) -> HttpResponseBase:
    """The sheet with the cells to correct, for everybody who may see the import."""
    batch, _kind = _batch(request, batch_id)
    file = batch.check_task.result_file if batch.check_task else None
    if file is None or selectors.is_over(file.expires_at):
        raise Http404
    return respond(file)


@require_POST
@merchant_view("")
def import_check(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Match the columns and begin the dry run."""
    batch, kind = _batch(request, batch_id)
    mapping = {}
    for column in kind.columns:
        place = numbers.whole(request.POST.get(f"column_{column.name}", ""))
        if place is not None:
            mapping[column.name] = place
    options = {one.name: request.POST.get(f"option_{one.name}", "") for one in kind.options}
    try:
        services.check_import(
            batch=batch, kind=kind, mapping=mapping, options=options, actor=request.actor
        )
    except DomainError as refusal:
        batch.mapping, batch.options = mapping, options
        if batch.state == BatchState.UPLOADED:
            return _page(request, batch, kind, status=refusal.status, error=refusal.message)
        messages.error(request, refusal.message)
    else:
        follow(request)
    return redirect("files:import", request.merchant.slug, batch.pk)


@require_POST
@merchant_view("")
def import_columns(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Back from the dry run to the columns."""
    batch = _batch(request, batch_id)[0]
    try:
        services.back_to_columns(batch=batch)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("files:import", request.merchant.slug, batch.pk)


@require_POST
@merchant_view("")
def import_run(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Import what was checked."""
    batch = _batch(request, batch_id)[0]
    mode = ImportMode.SKIP if request.POST.get("mode") == ImportMode.SKIP else ImportMode.ALL
    try:
        services.run_import(batch=batch, mode=mode, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        follow(request)
    return redirect("files:import", request.merchant.slug, batch.pk)


@require_POST
@merchant_view("")
def import_undo(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Take a whole import back."""
    batch, kind = _batch(request, batch_id)
    try:
        services.undo_import(batch=batch, kind=kind, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        follow(request)
    return redirect("files:import", request.merchant.slug, batch.pk)


@require_POST
@merchant_view("")
def import_discard(request: MerchantRequest, *, batch_id: int) -> HttpResponse:
    """Give up an import that has not begun."""
    batch, kind = _batch(request, batch_id)
    try:
        services.discard_import(batch=batch, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("files:import", request.merchant.slug, batch.pk)
    messages.success(request, _("The import is given up; its spreadsheet is deleted."))
    return redirect("files:import_new", request.merchant.slug, kind.name)
