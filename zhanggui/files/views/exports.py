"""Taking a list away."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from zhanggui.accounts.guards import (
    MerchantRequest,
    SignedInRequest,
    merchant_view,
    works_read_only,
)
from zhanggui.accounts.permissions import tier_of
from zhanggui.accounts.views.tiers.desk import POSTING, TierRequest, for_tiers
from zhanggui.core import limits
from zhanggui.core.errors import DomainError, NotAllowed
from zhanggui.core.limits import Limit
from zhanggui.files import exports, services, storing
from zhanggui.files.following import follow
from zhanggui.files.models import Task, TaskState, TierExport
from zhanggui.files.permissions import EXPORT
from zhanggui.files.selectors import TONES
from zhanggui.files.services.exporting import TYPES, Ready
from zhanggui.files.services.tier_exports import cancel as cancel_tier_export
from zhanggui.files.views.private import guarded
from zhanggui.files.writing import Format
from zhanggui.ui import lists
from zhanggui.ui.paging import keyset

EXPORTS = Limit("files.export", most=60, window_s=3600, lock_s=900)
"""Of one person."""
ZONE = "Asia/Shanghai"
"""Of the tiers: they look at merchants of several zones."""
NOBODY = "999999999999999999"
"""No row has this id."""


@require_POST
@merchant_view(EXPORT.name)
@works_read_only
def export(request: MerchantRequest, *, name: str) -> HttpResponseBase:
    """A list with its filters, or its chosen rows, as a spreadsheet; a large one becomes a task."""
    found = exports.find(name)
    if found is None or not found.permission:
        raise Http404
    query = exports.Query(
        _values(request, found),
        request.permissions,
        request.merchant.time_zone,
        request.person.pk,
        request.merchant,
    )
    try:
        _claim(request)
        result = services.export_list(
            export=found, query=query, format_=_format(request), actor=request.actor
        )
    except NotAllowed:
        raise
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return _back(request, reverse("files:tasks", args=[request.merchant.slug]))
    if isinstance(result, Task):
        follow(request)
        messages.success(
            request, _("This list is long. It is being written; you can go on working meanwhile.")
        )
        return redirect("files:task", request.merchant.slug, result.pk)
    return _answer(result)


@for_tiers(POSTING)
def tier_export(request: TierRequest, *, name: str) -> HttpResponse:
    """A list of the platform or of an operator as a spreadsheet."""
    found = exports.find(name)
    if found is None or not found.tiers:
        raise Http404
    query = exports.Query(
        _values(request, found),
        request.permissions,
        ZONE,
        request.person.pk,
        request.desk.operator,
    )
    try:
        _claim(request)
        result = services.export_at_tier(
            export=found, query=query, format_=_format(request), actor=request.actor
        )
    except NotAllowed:
        raise
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return _back(request, request.desk.base)
    if isinstance(result, TierExport):
        messages.success(
            request, _("This list is long. It is being written; you can go on working meanwhile.")
        )
        return redirect(f"{request.desk.base}exports/")
    return cast("HttpResponse", _answer(result))


def _own(request: TierRequest) -> QuerySet[TierExport]:
    return TierExport.objects.filter(person_id=request.person.pk, operator=request.desk.operator)


@for_tiers()
def tier_exports(request: TierRequest) -> HttpResponse:
    """The long lists this person had written here, newest first."""
    page = keyset(_own(request), order=("-created_at", "-id"), after=request.GET.get("after", ""))
    shown = {
        "page": page,
        "rows": [(row, TONES[TaskState(row.state)]) for row in page.rows],
        "is_under_way": any(row.is_under_way for row in page.rows),
        "base": f"{request.desk.base}exports/",
    }
    is_piece = bool(request.htmx)  # type: ignore[attr-defined]  # a middleware sets it
    template = "files/_tier_exports.html" if is_piece else "files/tier_exports.html"
    return render(request, template, shown)


@for_tiers()
def tier_file(request: TierRequest, *, taken_id: int) -> HttpResponse:
    """The file of a long list, for whoever had it written and may still see the list."""
    taken = get_object_or_404(_own(request), pk=taken_id)
    export = exports.find(taken.export)
    if not taken.has_file or export is None:
        raise Http404
    if export.tiers.get(tier_of(request.desk.operator)) not in request.permissions:
        raise NotAllowed
    try:
        content = storing.storage().open(taken.place, "rb")
    except FileNotFoundError:
        raise Http404 from None
    kind = TYPES[taken.format]
    answer = FileResponse(content, as_attachment=True, filename=taken.name, content_type=kind)
    return cast("HttpResponse", guarded(answer))


@for_tiers(POSTING)
def tier_cancel(request: TierRequest, *, taken_id: int) -> HttpResponse:
    """Stop a long list."""
    taken = get_object_or_404(_own(request), pk=taken_id)
    try:
        cancel_tier_export(taken=taken, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The task is being stopped."))
    return redirect(f"{request.desk.base}exports/")


def _values(request: HttpRequest, export: exports.Export) -> dict[str, str]:
    """The filters of the page's address; of the bulk bar those of "all", or the chosen rows."""
    given: QueryDict = request.GET
    if "ids" in request.POST:
        chosen = lists.chosen(request.POST)
        if not chosen.is_all:
            return {"ids": ",".join(map(str, chosen.ids)) or NOBODY}
        given = chosen.query
    return {name: given.get(name, "")[:200] for name in export.parameters}


def _claim(request: SignedInRequest) -> None:
    limits.check((EXPORTS, request.actor.key))
    limits.count(EXPORTS, request.actor.key)


def _format(request: HttpRequest) -> Format:
    return "csv" if request.POST.get("format") == "csv" else "xlsx"


def _answer(ready: Ready) -> FileResponse:
    response = FileResponse(
        ready.file, as_attachment=True, filename=ready.name, content_type=ready.content_type
    )
    return guarded(response)


def _back(request: HttpRequest, otherwise: str) -> HttpResponse:
    origin = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(origin, {request.get_host()}):
        return redirect(origin)
    return redirect(otherwise)
