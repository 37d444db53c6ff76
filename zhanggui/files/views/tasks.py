"""The job centre (任务中心): what runs, what is done, what failed and why."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.files import quotas, selectors
from zhanggui.files.following import follow
from zhanggui.files.models import Task
from zhanggui.files.permissions import VIEW_ALL_TASKS
from zhanggui.files.services import cancel_task, retry_task
from zhanggui.files.views.private import respond
from zhanggui.ui.paging import keyset

ORDER = ("-created_at", "-id")
STATES = (
    ("", gettext_lazy("All tasks")),
    ("under_way", gettext_lazy("Under way")),
    ("done", gettext_lazy("Done well")),
    ("failed", gettext_lazy("Did not work")),
)


def _task(request: MerchantRequest, task_id: int) -> Task:
    return get_object_or_404(selectors.tasks_of(request), pk=task_id)


@require_GET
@merchant_view("")
@works_read_only
def tasks(request: MerchantRequest) -> HttpResponse:
    """Tasks, newest first, 50 a page."""
    state = request.GET.get("state", "")
    sees_all = VIEW_ALL_TASKS.name in request.permissions
    mine = sees_all and request.GET.get("who") == "me"
    found = selectors.tasks_of(request, state=state, mine=mine)
    rows = keyset(found, order=ORDER, after=request.GET.get("after", ""))
    page = {
        "page": rows,
        "lines": selectors.task_lines(rows.rows, request),
        "state": state,
        "states": STATES,
        "sees_all": sees_all,
        "mine": mine,
        "is_filtered": bool(state or mine),
        "used": quotas.used(),
        "room": quotas.room(request.merchant.pk),
    }
    return render(request, "files/tasks.html", page)


@require_GET
@merchant_view("")
@works_read_only
def task(request: MerchantRequest, *, task_id: int) -> HttpResponse:
    """One task: how far, how it ended, what can be done."""
    found = _task(request, task_id)
    line = selectors.task_line(found, request)
    page = {"line": line, "task": found, "took": selectors.took(found)}
    return render(request, "files/task.html", page)


@require_GET
@merchant_view("")
@works_read_only
def task_progress(request: MerchantRequest, *, task_id: int) -> HttpResponse:
    """The moving piece of a page: 204 while nothing changed, at the end a new page."""
    found = _task(request, task_id)
    if found.is_under_way and request.GET.get("v") == str(found.version):
        return HttpResponse(status=204)
    if not found.is_under_way:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return _piece(request, found)


def _piece(request: MerchantRequest, found: Task) -> HttpResponse:
    page = {"line": selectors.task_line(found, request), "task": found}
    return render(request, "files/_progress.html", page)


@require_GET
@merchant_view("")
@works_read_only
def task_file(request: MerchantRequest, *, task_id: int) -> HttpResponseBase:
    """The file a task made, for whoever may see the task and what the file holds."""
    found = _task(request, task_id)
    if found.result_file is None or selectors.is_over(found.result_file.expires_at):
        raise Http404
    if not selectors.may_fetch(found, request):
        raise NotAllowed
    return respond(found.result_file)


@require_POST
@merchant_view("")
@works_read_only
def task_cancel(request: MerchantRequest, *, task_id: int) -> HttpResponse:
    """Stop a task."""
    found = _task(request, task_id)
    try:
        cancel_task(task=found, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The task is being stopped."))
    return redirect("files:task", request.merchant.slug, found.pk)


@require_POST
@merchant_view("")
def task_retry(request: MerchantRequest, *, task_id: int) -> HttpResponse:
    """Try a task again that did not end well."""
    found = _task(request, task_id)
    try:
        retry_task(task=found, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        follow(request)
        messages.success(request, _("The task begins again."))
    return redirect("files:task", request.merchant.slug, found.pk)
