"""Taking a list away."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.core import limits
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.core.limits import Limit
from zhanggui.files import exports
from zhanggui.files.following import follow
from zhanggui.files.models import Task
from zhanggui.files.permissions import EXPORT
from zhanggui.files.services import export_list
from zhanggui.files.services.exporting import TYPES
from zhanggui.files.views.private import guarded
from zhanggui.files.writing import Format

EXPORTS = Limit("files.export", most=60, window_s=3600, lock_s=900)
"""Of one person."""


@require_POST
@merchant_view(EXPORT.name)
@works_read_only
def export(request: MerchantRequest, *, name: str) -> HttpResponseBase:
    """A list with its filters as a spreadsheet; a large one becomes a task."""
    found = exports.find(name)
    if found is None:
        raise Http404
    format_: Format = "csv" if request.POST.get("format") == "csv" else "xlsx"
    query = exports.Query(
        {name: request.GET.get(name, "")[:200] for name in found.parameters},
        request.permissions,
        request.merchant.time_zone,
        request.person.pk,
    )
    try:
        limits.check((EXPORTS, request.actor.key))
        limits.count(EXPORTS, request.actor.key)
        result = export_list(export=found, query=query, format_=format_, actor=request.actor)
    except NotAllowed:
        raise
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return _back(request)
    if isinstance(result, Task):
        follow(request)
        messages.success(
            request, _("This list is long. It is being written; you can go on working meanwhile.")
        )
        return redirect("files:task", request.merchant.slug, result.pk)
    response = FileResponse(
        result.file, as_attachment=True, filename=result.name, content_type=TYPES[format_]
    )
    return guarded(response)


def _back(request: MerchantRequest) -> HttpResponse:
    origin = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(origin, {request.get_host()}):
        return redirect(origin)
    return redirect("files:tasks", request.merchant.slug)
