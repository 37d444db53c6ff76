"""How a place takes in merchants that come by themselves: settings, look, agreement, address."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from zhanggui.accounts import services, tier_selectors
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import AgreementVersion, Operator, PictureKind, PlacePicture
from zhanggui.accounts.services import pictures
from zhanggui.accounts.services.registration import newest_agreement, settings_of
from zhanggui.accounts.tier_forms import AgreementForm, PictureForm, RegistrationForm
from zhanggui.accounts.views.tiers.desk import POSTING, WRITING, TierRequest, for_tiers
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.core.uploads import takes_files
from zhanggui.ui import qr

A_YEAR = 31_536_000


def address_of(place: Operator | None, page: str = "join") -> str:
    """The whole address under which strangers register, or (``login``) its people sign in."""
    return f"{settings.BASE_URL}/{page}/{place.slug}" if place else f"{settings.BASE_URL}/{page}"


@for_tiers(WRITING, manages=True)
def registration(request: TierRequest) -> HttpResponse:
    """Open or close registration; title; address with its QR code."""
    place = request.desk.operator
    form = RegistrationForm(request.POST or None, initial=_kept(place))
    if request.method == "POST" and form.is_valid():
        services.edit_registration(place=place, actor=request.actor, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect(request.path)
    return _page(request, form=form, status=422 if request.method == "POST" else 200)


@for_tiers(POSTING, manages=True)
@takes_files(most_bytes=pictures.BYTES_AT_MOST)
def picture(request: TierRequest, *, kind: str) -> HttpResponse:
    """Put another logo or background on the sign-in page, or take it away."""
    wanted = _kind(kind)
    place = request.desk.operator
    back = f"{request.desk.base}registration/"
    if request.POST.get("do") == "remove":
        services.remove_picture(place=place, kind=wanted, actor=request.actor)
        messages.success(request, _("Removed."))
        return redirect(back)
    form = PictureForm(request.POST, request.FILES)
    status = 422
    if form.is_valid():
        content = form.cleaned_data["picture"].read(pictures.BYTES_AT_MOST + 1)
        try:
            services.change_picture(place=place, kind=wanted, content=content, actor=request.actor)
        except DomainError as refusal:
            status = put_refusal(form, refusal, "picture")
        else:
            messages.success(request, _("Saved."))
            return redirect(back)
    return _page(request, pictures={wanted: form}, status=status)


def _kind(kind: str) -> PictureKind:
    if kind not in {PictureKind.LOGO, PictureKind.BACKGROUND}:
        raise Http404
    return PictureKind(kind)


def _kept(place: Operator | None) -> dict[str, Any]:
    kept = settings_of(place)
    return {name: getattr(kept, name) for name in RegistrationForm.base_fields}


def _page(
    request: TierRequest,
    *,
    form: RegistrationForm | None = None,
    pictures: dict[PictureKind, PictureForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    place = request.desk.operator
    shown = services.registration_of(place)
    address = address_of(place)
    page = {
        "desk": request.desk,
        "form": form or RegistrationForm(initial=_kept(place)),
        "registration": shown,
        "pictures": [
            (kind, url, (pictures or {}).get(kind) or PictureForm(prefix=None))
            for kind, url in (
                (PictureKind.LOGO, shown.logo),
                (PictureKind.BACKGROUND, shown.background),
            )
        ],
        "address": address,
        "login_address": address_of(place, "login"),
        "qr": qr.data_uri(address),
        "waiting": tier_selectors.waiting_applications(place).count(),
    }
    return render(request, "accounts/tiers/registration.html", page, status=status)


@for_tiers(WRITING, manages=True)
def agreement(request: TierRequest) -> HttpResponse:
    """Write the agreement and see it as applicants will; publishing makes a new version."""
    place = request.desk.operator
    newest = newest_agreement(place)
    form = AgreementForm(request.POST or None, initial={"text": newest.text if newest else ""})
    preview = newest
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and request.POST.get("do") == "preview":
            status, preview = 200, AgreementVersion(text=form.cleaned_data["text"])
        elif form.is_valid():
            version = services.publish_agreement(
                place=place, actor=request.actor, **form.cleaned_data
            )
            text = _("Version %(number)s is in force.") % {"number": version.number}
            messages.success(request, text)
            return redirect(request.path)
    page = {
        "desk": request.desk,
        "form": form,
        "newest": newest,
        "preview": preview,
        "versions": tier_selectors.agreements(place)[:100],
    }
    return render(request, "accounts/tiers/agreement.html", page, status=status)


@for_tiers(manages=True)
def agreement_version(request: TierRequest, *, number: str) -> HttpResponse:
    """One version of the agreement, as it was accepted."""
    versions = tier_selectors.agreements(request.desk.operator)
    version = get_object_or_404(versions, number=numbers.whole(number) or 0)
    page = {"desk": request.desk, "version": version}
    return render(request, "accounts/tiers/agreement_version.html", page)


@require_GET
@public_view
def look(request: HttpRequest, *, token: str) -> HttpResponse:
    """A picture that everybody may see; a changed one has another token: kept for a year."""
    row = get_object_or_404(PlacePicture.objects.only("content"), token=token)
    content = bytes(row.content)
    kind = "image/png" if content.startswith(pictures.PNG_HEAD) else "image/webp"
    response = HttpResponse(content, content_type=kind)
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response
