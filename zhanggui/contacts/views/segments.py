"""Segments: list, page with live count and preview, new, change, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import conditions, selectors, services
from zhanggui.contacts.errors import ConditionWrong
from zhanggui.contacts.forms import SegmentForm
from zhanggui.contacts.models import Segment
from zhanggui.contacts.permissions import MANAGE_CUSTOMERS, VIEW_CUSTOMERS
from zhanggui.contacts.views.list import dress
from zhanggui.core.errors import DomainError

PREVIEW = 8


@require_safe
@merchant_view(VIEW_CUSTOMERS.name)
def segments(request: MerchantRequest) -> HttpResponse:
    """All segments with their conditions in words."""
    rows = [
        (segment, conditions.words_of(segment))
        for segment in Segment.objects.order_by("name")[:200]
    ]
    page = {"rows": rows, "may_manage": MANAGE_CUSTOMERS.name in request.permissions}
    return render(request, "contacts/backoffice/segments.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE_CUSTOMERS.name)
def segment_new(request: MerchantRequest) -> HttpResponse:
    """Put conditions together and keep them under a name."""
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE_CUSTOMERS.name)
def segment_edit(request: MerchantRequest, *, segment_id: int) -> HttpResponse:
    """Change a segment."""
    return _edit(request, get_object_or_404(Segment.objects.all(), pk=segment_id))


def _edit(request: MerchantRequest, segment: Segment | None) -> HttpResponse:
    kept = [(one["kind"], one["value"]) for one in segment.conditions] if segment else []
    pairs = _pairs(request.POST) if request.method == "POST" else kept
    name = {"name": segment.name} if segment else {}
    form = SegmentForm(request.POST or None, initial=name)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = _save(request, segment, form.cleaned_data["name"], pairs)
            except ConditionWrong as refusal:
                status = put_refusal(form, refusal)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("The segment is saved."))
                return redirect("contacts:segment_edit", request.merchant.slug, saved.pk)
    page = {
        "form": form,
        "segment": segment,
        "lines": _lines(pairs),
        "known": conditions.known(),
        **_preview(pairs),
    }
    return render(request, "contacts/backoffice/segment_form.html", page, status=status)


def _save(
    request: MerchantRequest, segment: Segment | None, name: str, pairs: Sequence[tuple[str, str]]
) -> Segment:
    if segment is None:
        return services.create_segment(name=name, pairs=pairs, actor=request.actor)
    services.edit_segment(segment=segment, name=name, pairs=pairs, actor=request.actor)
    return segment


def _pairs(values: QueryDict) -> list[tuple[str, str]]:
    kinds, typed = values.getlist("kind"), values.getlist("value")
    return list(zip(kinds, typed, strict=False))[: conditions.MOST_CONDITIONS + 1]


def _lines(pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for kind, value in pairs:
        condition = conditions.find(kind)
        if condition is not None:
            options = condition.options() if condition.options else None
            lines.append({"condition": condition, "value": value, "options": options})
    return lines


def _preview(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    try:
        kept = conditions.checked(pairs)
    except ConditionWrong:
        return {"is_open": True}
    rows = selectors.found(selectors.Filters()).filter(conditions.fitting(kept))
    found = selectors.newest(rows, PREVIEW)
    dress(found.rows, selectors.tags(), {})
    return {"first": found.rows, "count": found.count, "is_more": found.is_more}


@require_safe
@merchant_view(MANAGE_CUSTOMERS.name)
def segment_condition(request: MerchantRequest) -> HttpResponse:
    """One more line of the form."""
    condition = conditions.find(request.GET.get("add", ""))
    if condition is None:
        return HttpResponse(status=204)
    page = {"line": _lines([(condition.name, "")])[0]}
    return render(request, "contacts/backoffice/segment_line.html", page)


@require_safe
@merchant_view(MANAGE_CUSTOMERS.name)
def segment_preview(request: MerchantRequest) -> HttpResponse:
    """How many customers the conditions on the screen fit, and the newest of them."""
    page = _preview(_pairs(request.GET))
    return render(request, "contacts/backoffice/segment_preview.html", page)


@require_POST
@merchant_view(MANAGE_CUSTOMERS.name)
def segment_delete(request: MerchantRequest, *, segment_id: int) -> HttpResponse:
    """Forget a segment."""
    segment = get_object_or_404(Segment.objects.all(), pk=segment_id)
    services.delete_segment(segment=segment, actor=request.actor)
    messages.success(request, _("The segment is gone; its customers stay."))
    return redirect("contacts:segments", request.merchant.slug)
