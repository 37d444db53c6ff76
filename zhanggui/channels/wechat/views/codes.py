"""QR codes with a purpose: list, form, figures, pictures and sheets to print."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.services import pictures
from zhanggui.channels.wechat import services as account_services
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.models import ChannelAccount, TrackedCode
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.reply_forms import CodeForm
from zhanggui.channels.wechat.tracking import pictures as code_pictures
from zhanggui.channels.wechat.tracking import resolver, selectors, services, sheets
from zhanggui.channels.wechat.tracking.pictures import Look
from zhanggui.channels.wechat.tracking.services import CodeInput
from zhanggui.channels.wechat.views import places
from zhanggui.contacts.models import Tag
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging, qr
from zhanggui.ui.charts import Chart, Series
from zhanggui.ui.formats import day as shown_day


def _account(request: PlaceRequest) -> ChannelAccount | None:
    """Whose codes can be made here: the own account's, for a shop also the lent one's."""
    place = places.place_of(request)
    if isinstance(place, Merchant):
        return account_services.effective_account(place)
    return places.own_account(request)


def _merchant(request: PlaceRequest) -> Merchant | None:
    place = places.place_of(request)
    return place if isinstance(place, Merchant) else None


def _code_or_404(request: PlaceRequest, code_id: int) -> TrackedCode:
    merchant = _merchant(request)
    rows = TrackedCode.objects.select_related("account").filter(merchant=merchant)
    if merchant is None:
        rows = rows.filter(account=places.own_account_or_404(request))
    return get_object_or_404(rows, pk=code_id)


def codes(request: PlaceRequest) -> HttpResponse:
    """All codes of the place with what came of them."""
    account, merchant = _account(request), _merchant(request)
    is_archive = request.GET.get("archive") == "1"
    wanted = request.GET.get("q", "").strip()[:60]
    found = selectors.codes_of(account, merchant, archived=is_archive)
    if wanted:
        found = found.filter(Q(name__icontains=wanted) | Q(caption__icontains=wanted))
    page = paging.keyset(found, order=("-id",), after=request.GET.get("after", ""))
    figures = selectors.figures_of(page.rows)
    now = clock.now()
    rows = [
        (code, figures.get(code.pk, selectors.Figures()), _state(code, account, now))
        for code in page.rows
    ]
    shown = {
        "section": "codes",
        "account": account,
        "page": page,
        "rows": rows,
        "q": wanted,
        "is_archive": is_archive,
        "used": services.permanent_used(account) if account else 0,
        "most": services.MOST_PERMANENT,
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/codes.html", shown)


def _state(code: TrackedCode, account: ChannelAccount | None, now: Any) -> tuple[str, str]:
    """Tone and words for how WeChat's picture of a code is doing."""
    if account is None or code.account_id != account.pk:
        return "danger", pgettext("QR code", "Bound to an account that no longer serves")
    if code.is_over(now):
        return "muted", pgettext("QR code", "Expired")
    return "success", pgettext("QR code", "Good")


def code_new(request: PlaceRequest) -> HttpResponse:
    """Make a code."""
    account = _account(request)
    if account is None:
        page = {"section": "codes", "may_manage": places.may(request, EDIT_CONTENT)}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    form = _form(request, account, is_new=True)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            days = form.cleaned_data.pop("days") or None
            try:
                code = services.create_code(
                    account=account,
                    merchant=_merchant(request),
                    values=CodeInput(**form.cleaned_data),
                    days=days,
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("The code is ready to print."))
                return redirect(places.url(request, "code", code.pk))
    page = {"form": form, "code": None, "account": account}
    return places.show(request, "wechat/backoffice/code_form.html", page, status=status)


def _form(
    request: PlaceRequest,
    account: ChannelAccount,
    *,
    is_new: bool,
    initial: dict[str, Any] | None = None,
) -> CodeForm:
    tags = None
    if _merchant(request) is not None:
        tags = [
            (str(pk), name)
            for pk, name in Tag.objects.order_by("name_key").values_list("pk", "name")
        ]
    return CodeForm(
        request.POST or None,
        initial=initial,
        pages=[(one.name, one.label) for one in builtin.choices_for(account, _merchant(request))],
        tags=tags,
        is_new=is_new,
    )


def code_edit(request: PlaceRequest, code_id: int) -> HttpResponse:
    """Change what a code is called and what a scan does."""
    code = _code_or_404(request, code_id)
    names = ("name", "caption", "reply", "page", "page_url", "tag_id")
    initial = {name: getattr(code, name) for name in names}
    form = _form(request, code.account, is_new=False, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            services.change_code(
                code=code, values=CodeInput(**form.cleaned_data), actor=request.actor
            )
            messages.success(request, _("Saved. The printed code stays the same."))
            return redirect(places.url(request, "code", code.pk))
    page = {"form": form, "code": code, "account": code.account}
    return places.show(request, "wechat/backoffice/code_form.html", page, status=status)


def code(request: PlaceRequest, code_id: int) -> HttpResponse:
    """One code: pictures, figures, days, who scanned."""
    found = _code_or_404(request, code_id)
    days = selectors.by_day(found)
    how = request.GET.get("how", "")
    scans = selectors.scans_of(found, how)
    page = paging.keyset(scans, order=("-at", "-id"), after=request.GET.get("after", ""), size=20)
    shown = {
        "section": "codes",
        "code": found,
        "state": _state(found, _account(request), clock.now()),
        "figures": selectors.figures_of([found]).get(found.pk, selectors.Figures()),
        "chart": Chart(
            [shown_day(one) for one in days.days],
            [
                Series(_("Scans"), days.scans, colour="indigo"),
                Series(_("New followers"), days.followers, colour="celadon"),
            ],
        ),
        "page": page,
        "how": how,
        "scans": [(row, resolver.masked(row.openid)) for row in page.rows],
        "lasting": qr.data_uri(resolver.address_of(found)),
        "lasting_url": resolver.address_of(found),
        "direct": qr.data_uri(found.url),
        "tag": _tag(found),
        "sheets": sheets.SHEETS.values(),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/code.html", shown)


def _tag(code: TrackedCode) -> str:
    if code.tag_id is None or code.merchant_id is None:
        return ""
    return Tag.objects.filter(pk=code.tag_id).values_list("name", flat=True).first() or ""


def code_archive(request: PlaceRequest, code_id: int) -> HttpResponse:
    """Put a code away, or bring it back."""
    found = _code_or_404(request, code_id)
    if found.archived_at is None:
        services.archive_code(code=found, actor=request.actor)
        messages.success(request, _("Put away. Scans of it still count."))
    else:
        services.bring_back_code(code=found, actor=request.actor)
        messages.success(request, _("It is in the list again."))
    return redirect(places.url(request, "codes"))


def code_picture(request: PlaceRequest, code_id: int, which: str, kind: str) -> HttpResponse:
    """A picture to download: our lasting code or WeChat's own, as PNG or SVG."""
    found = _code_or_404(request, code_id)
    if which not in {"direct", "lasting"} or kind not in {"png", "svg"}:
        raise Http404
    text = found.url if which == "direct" else resolver.address_of(found)
    look = Look(caption=found.caption, logo=_logo(request))
    if kind == "svg":
        return _file(code_pictures.svg(text, look), "image/svg+xml", f"qr-{which}-{found.pk}.svg")
    return _file(code_pictures.png(text, look), "image/png", f"qr-{which}-{found.pk}.png")


def _logo(request: PlaceRequest) -> bytes | None:
    merchant = _merchant(request)
    return pictures.logo_of(merchant) if merchant else None


def code_sheet(request: PlaceRequest, code_id: int) -> HttpResponse:
    """A sheet of codes as a PDF; printed is only the lasting code, which any account may serve."""
    found = _code_or_404(request, code_id)
    sheet = sheets.SHEETS.get(request.GET.get("sheet", ""), sheets.SHEETS["a4"])
    place = places.place_of(request)
    label = sheets.Label(
        text=resolver.address_of(found),
        caption=found.caption or found.name,
        name=place.name if place else found.account.name,
        number=found.token[:8].upper(),
        logo=_logo(request),
    )
    return _file(sheets.draw(sheet, label), "application/pdf", f"qr-{sheet.name}-{found.pk}.pdf")


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
