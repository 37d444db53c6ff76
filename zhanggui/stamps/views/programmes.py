"""The back office's programmes: what a card collects, where and by which rules."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import picture_url
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tier_forms import PictureForm
from zhanggui.accounts.views.pictures import take
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.core.uploads import takes_files
from zhanggui.stamps import services
from zhanggui.stamps.forms.programmes import NewProgrammeForm, ProgrammeForm, ways_of
from zhanggui.stamps.models import Programme, ProgrammeState, Terms
from zhanggui.stamps.selectors import insight
from zhanggui.stamps.services import picturing

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
    versions = Terms.objects.filter(programme__in=found).order_by("number")
    terms = {one.programme_id: one for one in versions}  # the newest wins
    rows = [
        {
            "programme": programme,
            "counts": counts.get(programme.pk, insight.ProgrammeCounts()),
            "stores": places.get(programme.pk, []),
            "sample": max(1, int(programme.slots * SAMPLE_SHARE)),
            "terms": terms.get(programme.pk),
        }
        for programme in found
    ]
    page = {
        "rows": rows,
        "total": len(rows),
        "may_manage": "stamps.manage_programmes" in request.permissions,
    }
    return render(request, "stamps/backoffice/programmes.html", page)


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@merchant_view("stamps.manage_programmes")
@require_http_methods(["GET", "POST"])
def programme_new(request: MerchantRequest) -> HttpResponse:
    """Start a programme."""
    form = NewProgrammeForm(request.POST or None, zone=request.merchant.time_zone)
    status = 200
    if request.method == "POST":
        form.hold(request)
        status = 422
        if form.is_valid():
            try:
                services.create_programme(
                    values=form.values(), actor=request.actor, picture_draft=form.picture_token
                )
            except DomainError as refusal:
                form.add_error(_field_of(refusal), refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("The programme is open. Customers can take the card."))
                return redirect("stamps:programmes", request.merchant.slug)
    page = _page(form, picture=form.picture_url)
    return render(request, "stamps/backoffice/programme.html", page, status=status)


@merchant_view("stamps.manage_programmes")
@require_http_methods(["GET", "POST"])
def programme(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """Change a programme; changed rules say first for how many cards they hold."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    form = ProgrammeForm(request.POST or None, zone=request.merchant.time_zone, programme=found)
    status = 200
    page: dict[str, Any] = {"programme": found}
    if request.method == "POST":
        status = 422
        if form.is_valid():
            effect = services.effect_of(programme_id=found.pk, values=form.values())
            answer = request.POST.get("cards", "")
            if effect.is_new and effect.total and answer not in ("keep", "move"):
                page["effect"] = effect
            else:
                try:
                    services.edit_programme(
                        programme_id=found.pk,
                        values=form.values(),
                        actor=request.actor,
                        moves_cards=answer == "move",
                    )
                except DomainError as refusal:
                    form.add_error(_field_of(refusal), refusal.message)
                    status = refusal.status
                else:
                    messages.success(request, _("The programme was saved."))
                    return redirect("stamps:programmes", request.merchant.slug)
    return render(
        request, "stamps/backoffice/programme.html", _page(form, found) | page, status=status
    )


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@require_POST
@merchant_view("stamps.manage_programmes")
def programme_picture(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """Put a picture on the cards, or take it off."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    refused = take(
        request,
        lambda content: picturing.set_picture(
            programme_id=found.pk, content=content, actor=request.actor
        ),
    )
    if refused is None:
        return redirect("stamps:programme", request.merchant.slug, found.pk)
    form = ProgrammeForm(None, zone=request.merchant.time_zone, programme=found)
    page = _page(form, found) | {"programme": found, "picture_form": refused[0]}
    return render(request, "stamps/backoffice/programme.html", page, status=refused[1])


@merchant_view("stamps.manage_programmes")
@require_POST
def programme_copy(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """A paused programme with the same rules."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    made = services.copy_programme(programme_id=found.pk, actor=request.actor)
    messages.success(request, _("Copied. It is paused: change what you like, then resume it."))
    return redirect("stamps:programme", request.merchant.slug, made.pk)


@merchant_view("stamps.manage_programmes")
@require_POST
def programme_state(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """Pause a programme, resume it, or end it for good."""
    found = get_object_or_404(Programme.objects.all(), pk=programme_id)
    wanted = request.POST.get("state")
    if wanted == ProgrammeState.ENDED:
        services.end_programme(programme_id=found.pk, actor=request.actor)
        messages.success(request, _("The programme has ended. What customers have won stays."))
    elif wanted == ProgrammeState.PAUSED:
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
    shown = Programme.objects.filter(
        pk=numbers.whole(request.GET.get("programme", "")) or 0
    ).first()
    draft = request.GET.get("picture_draft", "")
    url = shown.picture_url if shown else ""
    if pictures.is_draft(draft, request.merchant):
        url = picture_url(draft)
    page = {"sample": _sample(request.GET) | {"picture_url": url}}
    return render(request, "stamps/backoffice/_sample.html", page)


def _page(
    form: ProgrammeForm, programme: Programme | None = None, *, picture: str = ""
) -> dict[str, Any]:
    given = form.data or form.initial
    versions = list(programme.versions.order_by("-number")) if programme else []
    shown = programme.picture_url if programme else picture
    return {
        "form": form,
        "units": form.UNITS,
        "opened": form.opened(),
        "sample": _sample(given) | {"picture_url": shown},
        "picture_url": shown,
        "picture_form": PictureForm(),
        "versions": versions if len(versions) > 1 else [],
    }


def _sample(given: Any) -> dict[str, Any]:
    typed = numbers.whole(str(given.get("slots") or ""))
    slots = 10 if typed is None else max(4, min(20, typed))
    return {
        "name": str(given.get("name") or "")[:60] or _("Name of the card"),
        "reward": str(given.get("reward") or "")[:60] or _("the reward"),
        "slots": slots,
        "is_other_size": typed is not None and typed != slots,
        "filled": max(1, int(slots * SAMPLE_SHARE)),
        "design": str(given.get("design") or ""),
        "ways": ways_of(given),
    }


def _field_of(refusal: DomainError) -> str | None:
    return {
        "E_PROGRAMME_NAME": "name",
        "E_PROGRAMME_REWARDS": "way_at_1",
        "E_PROGRAMME_WAYS": "ways",
    }.get(refusal.code)
