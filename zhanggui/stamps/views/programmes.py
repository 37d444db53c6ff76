"""The back office's programmes: what a card collects, where and by which rules."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.stamps import insight, services
from zhanggui.stamps.forms import ProgrammeForm
from zhanggui.stamps.models import Programme, ProgrammeState, ProgrammeStore
from zhanggui.stamps.services.programmes import ProgrammeInput

SAMPLE_SHARE = 0.4
"""How far the sample card of the live preview is filled."""


@merchant_view("stamps.view")
@require_GET
def programmes(request: MerchantRequest) -> HttpResponse:
    """All programmes with their cards."""
    found = list(Programme.objects.order_by("-id"))
    found.sort(key=lambda programme: programme.state != ProgrammeState.ACTIVE)
    counts = insight.programme_counts()
    places = insight.stores_of([programme.pk for programme in found])
    rows = [
        {
            "programme": programme,
            "cards": counts.get(programme.pk, (0, 0))[0],
            "full": counts.get(programme.pk, (0, 0))[1],
            "stores": places.get(programme.pk, []),
            "sample": max(1, int(programme.slots * SAMPLE_SHARE)),
        }
        for programme in found
    ]
    page = {
        "rows": rows,
        "total": len(rows),
        "may_manage": "stamps.manage_programmes" in request.permissions,
    }
    return render(request, "stamps/backoffice/programmes.html", page)


@merchant_view("stamps.manage_programmes")
@require_http_methods(["GET", "POST"])
def programme_new(request: MerchantRequest) -> HttpResponse:
    """Start a programme."""
    form = ProgrammeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.create_programme(values=_input(form), actor=request.actor)
            except DomainError as refusal:
                form.add_error(_field_of(refusal), refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("The programme is open. Customers can take the card."))
                return redirect("stamps:programmes", request.merchant.slug)
    return render(request, "stamps/backoffice/programme.html", _page(form), status=status)


@merchant_view("stamps.manage_programmes")
@require_http_methods(["GET", "POST"])
def programme(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """Change a programme."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    form = ProgrammeForm(request.POST or None, initial=_initial(found))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_programme(
                    programme_id=found.pk, values=_input(form), actor=request.actor
                )
            except DomainError as refusal:
                form.add_error(_field_of(refusal), refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("The programme was saved."))
                return redirect("stamps:programmes", request.merchant.slug)
    page = _page(form) | {"programme": found}
    return render(request, "stamps/backoffice/programme.html", page, status=status)


@merchant_view("stamps.manage_programmes")
@require_POST
def programme_state(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """Pause a programme, or resume it."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    if request.POST.get("state") == ProgrammeState.PAUSED:
        services.pause_programme(programme_id=found.pk, actor=request.actor)
        messages.success(request, _("The programme is paused. No code works until you resume it."))
    else:
        services.resume_programme(programme_id=found.pk, actor=request.actor)
        messages.success(request, _("The programme gives stamps again."))
    return redirect("stamps:programmes", request.merchant.slug)


@merchant_view("stamps.manage_programmes")
@require_GET
def programme_sample(request: MerchantRequest) -> HttpResponse:
    """The card as customers will see it, while the form is being filled in."""
    return render(request, "stamps/backoffice/_sample.html", _sample(request.GET))


def _page(form: ProgrammeForm) -> dict[str, Any]:
    given = form.data or form.initial
    return {"form": form, "units": form.UNITS, "sample": _sample(given)}


def _sample(given: Any) -> dict[str, Any]:
    typed = numbers.whole(str(given.get("slots") or ""))
    slots = 10 if typed is None else max(4, min(20, typed))
    return {
        "name": str(given.get("name") or "")[:60] or _("Name of the card"),
        "reward": str(given.get("reward") or "")[:60] or _("the reward"),
        "slots": slots,
        "filled": max(1, int(slots * SAMPLE_SHARE)),
    }


def _initial(programme: Programme) -> dict[str, Any]:
    fields = ("name", "slots", "reward", "rules", "code_ttl_s", "max_per_code")
    places = ProgrammeStore.objects.filter(programme=programme)
    return {name: getattr(programme, name) for name in fields} | {
        "stores": list(places.values_list("store_id", flat=True))
    }


def _input(form: ProgrammeForm) -> ProgrammeInput:
    clean = form.cleaned_data
    return ProgrammeInput(
        name=clean["name"],
        reward=clean["reward"],
        slots=clean["slots"],
        rules=clean["rules"],
        code_ttl_s=clean["code_ttl_s"],
        max_per_code=clean["max_per_code"],
        store_ids=[store.pk for store in clean["stores"]],
    )


def _field_of(refusal: DomainError) -> str | None:
    return {"E_PROGRAMME_NAME": "name", "E_PROGRAMME_SLOTS": "slots"}.get(refusal.code)
