"""Posters: list, form with a live picture, formats to print; the page their code opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tier_forms import PictureForm
from zhanggui.accounts.views.pictures import take
from zhanggui.channels.wechat import services as account_services
from zhanggui.channels.wechat.jssdk import uses_phone
from zhanggui.channels.wechat.models import TrackedCode
from zhanggui.channels.wechat.tracking import resolver
from zhanggui.channels.wechat.tracking import selectors as scans
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.core.uploads import takes_files
from zhanggui.stamps import permissions, services
from zhanggui.stamps.forms.posters import PosterForm
from zhanggui.stamps.guards import card_view
from zhanggui.stamps.models import Card, Look, Poster, Programme, ProgrammeState
from zhanggui.stamps.posters import layout, pdf, shapes, svg
from zhanggui.stamps.posters.layout import FORMATS, Content, Format
from zhanggui.stamps.views.mobile import OFFER

FOLDER = "stamps/backoffice"
PREVIEW_PX = 330
"""Width of the code's picture on pages; printed is one of 1000."""
SAMPLE_CODE = "https://example.com/q/0000000000000000000000"
"""As long as a printed address, for the picture before there is one."""
MAY = permissions.MANAGE_PROGRAMMES.name


@merchant_view(permissions.VIEW.name)
@require_safe
def posters(request: MerchantRequest) -> HttpResponse:
    """All posters with how often they were scanned."""
    is_archive = request.GET.get("archive") == "1"
    rows = Poster.objects.select_related("programme", "store").order_by("-id")
    found = list(rows.filter(archived_at__isnull=not is_archive))
    codes = TrackedCode.objects.in_bulk([row.code_id for row in found])
    figures = scans.figures_of(list(codes.values()))
    logo = pictures.logo_of(request.merchant)
    chosen = FORMATS["poster"]
    page = {
        "rows": [
            {
                "poster": row,
                "picture": _picture(
                    _content(row, request.merchant, _address(codes, row), logo), row.look, chosen
                ),
                "opened": _reached(figures.get(row.code_id)),
            }
            for row in found
        ],
        "is_archive": is_archive,
        "total": len(found),
        "may_manage": MAY in request.permissions,
        "has_account": account_services.effective_account(request.merchant) is not None,
    }
    return render(request, f"{FOLDER}/posters.html", page)


def _address(codes: Mapping[int, TrackedCode], poster: Poster) -> str:
    return resolver.address_of(codes[poster.code_id])


def _reached(figures: scans.Figures | None) -> int:
    return figures.opened + figures.scans if figures else 0


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@merchant_view(MAY)
@require_http_methods(["GET", "POST"])
def poster_new(request: MerchantRequest) -> HttpResponse:
    """Make a poster."""
    initial = {"programme": numbers.whole(request.GET.get("programme", ""))}
    form = PosterForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        form.hold(request)
        status = 422
        if form.is_valid():
            try:
                made = services.make_poster(
                    merchant=request.merchant,
                    values=form.values(),
                    actor=request.actor,
                    picture_draft=form.picture_token,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                messages.success(request, _("The poster is ready to print."))
                return redirect("stamps:poster", request.merchant.slug, made.pk)
    return render(request, f"{FOLDER}/poster_form.html", _form_page(request, form), status=status)


@merchant_view(MAY)
@require_http_methods(["GET", "POST"])
def poster_edit(request: MerchantRequest, poster_id: int) -> HttpResponse:
    """Change a poster; the printed code stays the same."""
    found = _found(poster_id)
    form = PosterForm(request.POST or None, poster=found)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_poster(
                    poster_id=found.pk, values=form.values(), actor=request.actor
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                messages.success(request, _("Saved. The printed code stays the same."))
                return redirect("stamps:poster", request.merchant.slug, found.pk)
    return _edit_page(request, found, form, status=status)


def _edit_page(
    request: MerchantRequest,
    found: Poster,
    form: PosterForm,
    *,
    status: int,
    picture_form: PictureForm | None = None,
) -> HttpResponse:
    page = _form_page(request, form, found) | {
        "poster": found,
        "picture_url": found.picture_url,
        "picture_form": picture_form or PictureForm(),
    }
    return render(request, f"{FOLDER}/poster_form.html", page, status=status)


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@require_POST
@merchant_view(MAY)
def poster_picture(request: MerchantRequest, poster_id: int) -> HttpResponse:
    """Put the shop's own picture on a poster, or take it off."""
    found = _found(poster_id)
    refused = take(
        request,
        lambda content: services.set_poster_picture(
            poster_id=found.pk, content=content, actor=request.actor
        ),
    )
    if refused is None:
        return redirect("stamps:poster_edit", request.merchant.slug, found.pk)
    form, status = refused
    return _edit_page(request, found, PosterForm(poster=found), status=status, picture_form=form)


def _field_of(refusal: DomainError) -> str | None:
    return "name" if refusal.code == "E_POSTER_NAME" else None


def _form_page(
    request: MerchantRequest, form: PosterForm, poster: Poster | None = None
) -> dict[str, Any]:
    picture = _sample(request.merchant, form.data or form.initial, poster)
    taken = None
    if form.is_bound and form.has_error("name"):
        typed = str(form.data.get("name", "")).strip()
        taken = Poster.objects.exclude(pk=poster.pk if poster else 0).filter(name=typed).first()
    return {"form": form, "picture": picture, "taken": taken}


@merchant_view(MAY)
@require_safe
def poster_sample(request: MerchantRequest) -> HttpResponse:
    """The picture while the form is being filled in."""
    number = numbers.whole(request.GET.get("poster", ""))
    shown = Poster.objects.filter(pk=number).first() if number is not None else None
    return HttpResponse(_sample(request.merchant, request.GET, shown))


@merchant_view(permissions.VIEW.name)
@require_safe
def poster(request: MerchantRequest, poster_id: int) -> HttpResponse:
    """One poster in every format, with what came of it."""
    found = _found(poster_id)
    code = TrackedCode.objects.get(pk=found.code_id)
    content = _content(
        found, request.merchant, resolver.address_of(code), pictures.logo_of(request.merchant)
    )
    page = {
        "poster": found,
        "code": code,
        "address": resolver.address_of(code),
        "figures": scans.figures_of([code]).get(code.pk, scans.Figures()),
        "formats": [(one, _picture(content, found.look, one)) for one in FORMATS.values()],
        "left_out": _left_out(content),
        "may_manage": MAY in request.permissions,
        "may_see_code": "wechat.view_account" in request.permissions,
    }
    return render(request, f"{FOLDER}/poster.html", page)


@merchant_view(permissions.VIEW.name)
@require_safe
def poster_file(request: MerchantRequest, poster_id: int, form: str) -> HttpResponse:
    """One format as a PDF."""
    found = _found(poster_id)
    chosen = FORMATS.get(form)
    if chosen is None:
        raise Http404
    code = TrackedCode.objects.get(pk=found.code_id)
    content = _content(
        found, request.merchant, resolver.address_of(code), pictures.logo_of(request.merchant)
    )
    picture = pictures.content_of(found.picture_token) or b""
    page = layout.page(chosen, replace(content, picture=picture), Look(found.look))
    file = pdf.draw(page, title=found.name)
    response = HttpResponse(file, content_type="application/pdf")
    name = f"{found.name} {chosen.label}.pdf"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    return response


@merchant_view(MAY)
@require_POST
def poster_archive(request: MerchantRequest, poster_id: int) -> HttpResponse:
    """Put a poster away, or bring it back."""
    found = _found(poster_id)
    if found.archived_at is None:
        services.put_away_poster(poster_id=found.pk, actor=request.actor)
        messages.success(request, _("Put away. What hangs somewhere still works."))
    else:
        services.bring_back_poster(poster_id=found.pk, actor=request.actor)
        messages.success(request, _("It is in the list again."))
    return redirect("stamps:posters", request.merchant.slug)


def _found(poster_id: int) -> Poster:
    return get_object_or_404(Poster.objects.select_related("programme", "store"), pk=poster_id)


def _content(poster: Poster, merchant: Merchant, address: str, logo: bytes | None) -> Content:
    programme = poster.programme
    return Content(
        code=address,
        shop=merchant.name,
        store=poster.store.name if poster.store else "",
        headline=poster.headline,
        text=poster.text,
        reward=programme.reward if programme else "",
        slots=programme.slots if programme else 0,
        number=f"NO. {poster.pk:04d}" if poster.pk else "",
        call=_("Scan in WeChat, take your card"),
        logo=logo if poster.shows_logo else None,
        has_picture=bool(poster.picture_token),
        picture_url=poster.picture_url,
        design=programme.design if programme else "",
    )


def _picture(content: Content, look: str, chosen: Format) -> SafeString:
    page = layout.page(chosen, content, Look(look), code_edge=PREVIEW_PX)
    return svg.draw(page, label=f"{chosen.label}: {content.headline}")


def _sample(merchant: Merchant, given: Mapping[str, Any], poster: Poster | None) -> SafeString:
    """A poster as typed so far; what makes no sense yet is left out."""
    typed = str(given.get("look") or "")
    draft = str(given.get("picture_draft") or "")
    if poster is not None:
        draft = poster.picture_token
    elif not pictures.is_draft(draft, merchant):
        draft = ""
    sample = Poster(
        headline=str(given.get("headline") or _("Collect and get a gift"))[:24],
        text=str(given.get("text") or "")[:60],
        look=typed if typed in Look.values else Look.PAPER,
        shows_logo=bool(given.get("shows_logo")),
        picture_token=draft,
        programme=_chosen(Programme, given.get("programme")),
        store=_chosen(Store, given.get("store")),
    )
    content = _content(sample, merchant, SAMPLE_CODE, pictures.logo_of(merchant))
    if given.get("picture_own"):  # chosen and not sent yet: the page puts it in
        content = replace(content, has_picture=True, picture_url="")
    return format_html(
        "{}{}", _picture(content, sample.look, FORMATS["poster"]), _left_out(content)
    )


def _left_out(content: Content) -> SafeString:
    """What to say of signs that no printer's font has, such as emoji."""
    signs = shapes.not_printed(*content.words)
    if not signs:
        return SafeString("")
    told = _("These signs cannot be printed and are left out: %(signs)s") % {"signs": signs}
    return format_html('<p class="zg-help" role="status">{}</p>', told)


def _chosen(model: type[Any], typed: Any) -> Any:
    number = numbers.whole(str(typed or ""))
    return model.objects.filter(pk=number).first() if number is not None else None


# -- customers


@card_view
@uses_phone
@require_safe
def poster_page(request: CustomerRequest, token: str) -> HttpResponse:
    """What a scanned poster opens: the card one holds, or the one to take."""
    found = Poster.objects.select_related("programme", "store").filter(token=token).first()
    if found is None:
        raise NotFound
    programme = found.programme
    if programme is None or programme.state != ProgrammeState.ACTIVE:
        return redirect("stamps:wallet", request.merchant.slug)
    cards = Card.objects.filter(programme=programme, customer_id=request.customer.pk)
    card = cards.filter(merged_into=None).first()
    if card is not None:
        return redirect("stamps:card", request.merchant.slug, card.token)
    page = {
        "poster": found,
        "programme": programme,
        "terms": services.terms_now(programme),
        "offer": signing.dumps(programme.pk, salt=OFFER),
    }
    return render(request, "stamps/mobile/poster.html", page)
