"""Physical stamps in the back office: list, studio, enrolment, presses, phones; the phone page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts import services as account_services
from zhanggui.accounts import standing
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, public_view
from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.stamps import permissions, services, touches
from zhanggui.stamps.errors import EnrolmentOver
from zhanggui.stamps.forms.seals import MoveForm, SealForm, StepForm
from zhanggui.stamps.models import STEPS, Press, PressUse, Seal, SealState
from zhanggui.stamps.recognition import drawing
from zhanggui.stamps.selectors import seal_lists
from zhanggui.stamps.services.seals import GOOD_PRESSES, NEEDS_REASON, PHONES, PhoneLink
from zhanggui.ui import qr

SHOWN_CHANGES = 30
SHOWN_PRESSES = 8
TONES = {
    SealState.DRAFT: "muted",
    SealState.ENROLLING: "waiting",
    SealState.ACTIVE: "success",
    SealState.SUSPENDED: "waiting",
    SealState.RETIRED: "muted",
    SealState.LOST: "danger",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A step a person may take with a stamp: its button and what the dialog says."""

    to: SealState
    label: str
    icon: str
    title: str
    text: str
    is_danger: bool

    @property
    def needs_reason(self) -> bool:
        """Whether a reason must be given."""
        return self.to in NEEDS_REASON


def _picture(seal: Seal) -> SafeString:
    return mark_safe(drawing.svg(seal.points))  # noqa: S308  numbers of our own table


@merchant_view("stamps.view")
@require_safe
def seals(request: MerchantRequest) -> HttpResponse:
    """The shop's physical stamps."""
    shown = seal_lists.SEALS.open(request)
    shown.fill(seal_lists.seals(shown.values, search=shown.search))
    for row in shown.rows:
        row.tone = TONES[SealState(row.state)]
        row.picture = _picture(row)
    page = {
        "list": shown,
        "shares": seal_lists.shares(),
        "may_manage": permissions.MANAGE_SEALS.name in request.permissions,
    }
    return render(request, "stamps/backoffice/seals.html", page)


@merchant_view(permissions.MANAGE_SEALS.name)
@require_http_methods(["GET", "POST"])
def seal_new(request: MerchantRequest) -> HttpResponse:
    """Make a stamp: a new pattern, or one that exists."""
    form = SealForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            clean = form.cleaned_data
            try:
                made = services.make_seal(
                    name=clean["name"],
                    store=clean["store"],
                    points=clean["points"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                field = "name" if refusal.code == "E_SEAL_NAME" else "points"
                status = put_refusal(form, refusal, field)
            else:
                messages.success(request, _("The pattern is made. Let it be produced, then enrol."))
                return redirect("stamps:seal", request.merchant.slug, made.pk)
    return render(request, "stamps/backoffice/seal_new.html", {"form": form}, status=status)


@merchant_view("stamps.view")
@require_safe
def seal(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """One stamp: its pattern, files, enrolment, history."""
    return _shown(request, _found(seal_id))


def _found(seal_id: int) -> Seal:
    return get_object_or_404(Seal.objects.select_related("store"), pk=seal_id)


def _shown(
    request: MerchantRequest, found: Seal, *, refusal: DomainError | None = None
) -> HttpResponse:
    state = SealState(found.state)
    may = permissions.MANAGE_SEALS.name in request.permissions
    newest = Press.objects.filter(seal=found).defer("frames").order_by("-at", "-id")
    page: dict[str, Any] = {
        "seal": found,
        "tone": TONES[state],
        "picture": _picture(found),
        "changes": found.changes.select_related("store").order_by("-at", "-id")[:SHOWN_CHANGES],
        "presses": newest[:SHOWN_PRESSES],
        "may_manage": may,
        "ways": _ways(found) if may else [],
        "move_form": MoveForm(initial={"store": found.store_id}),
        "may_move": may and state not in {SealState.RETIRED, SealState.LOST},
        "refusal": refusal,
    }
    if state == SealState.ENROLLING and may:
        page |= _enrolment(request, found)
    return render(
        request,
        "stamps/backoffice/seal.html",
        page,
        status=refusal.status if refusal else 200,
    )


def _ways(found: Seal) -> list[Way]:
    name = {"name": found.name}
    every = [
        Way(
            SealState.SUSPENDED,
            _("Suspend"),
            "player-pause",
            _("Suspend %(name)s?") % name,
            _("Its presses give no stamps until you resume it."),
            is_danger=True,
        ),
        Way(
            SealState.RETIRED,
            _("Retire"),
            "archive",
            _("Retire %(name)s?") % name,
            _("It can never be used again. Its pattern stays known: a press with it alarms you."),
            is_danger=True,
        ),
        Way(
            SealState.LOST,
            _("Report lost"),
            "alert-triangle",
            _("Report %(name)s lost?") % name,
            _("It stops at once and for good. Whoever presses it alarms you."),
            is_danger=True,
        ),
    ]
    state = SealState(found.state)
    return [way for way in every if (state, way.to) in STEPS]


def _enrolment(request: MerchantRequest, found: Seal) -> dict[str, Any]:
    token = services.phone_link(seal=found, use=PressUse.ENROL)
    path = reverse("stamps:enrol_phone", args=[request.merchant.slug, token])
    url = request.build_absolute_uri(path)
    return {
        "enrolment": services.progress_of(found),
        "link": url,
        "qr": qr.data_uri(url),
        "wanted": GOOD_PRESSES,
        "wanted_phones": PHONES,
    }


@merchant_view(permissions.MANAGE_SEALS.name)
@require_POST
def step(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """Suspend, resume, retire or report lost."""
    found = _found(seal_id)
    form = StepForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        services.step_seal(
            seal_id=found.pk,
            to=SealState(form.cleaned_data["to"]),
            reason=form.cleaned_data["reason"],
            actor=request.actor,
        )
    except DomainError as refusal:
        return _shown(request, _found(seal_id), refusal=refusal)
    return redirect("stamps:seal", request.merchant.slug, found.pk)


@merchant_view(permissions.MANAGE_SEALS.name)
@require_POST
def move(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """Give the stamp to another store."""
    found = _found(seal_id)
    form = MoveForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        services.move_seal(seal_id=found.pk, store=form.cleaned_data["store"], actor=request.actor)
    except DomainError as refusal:
        return _shown(request, _found(seal_id), refusal=refusal)
    messages.success(request, _("The stamp belongs to the other store from now on."))
    return redirect("stamps:seal", request.merchant.slug, found.pk)


@merchant_view(permissions.MANAGE_SEALS.name)
@require_POST
def enrol(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """Begin the enrolment: five good presses on two phones."""
    found = _found(seal_id)
    try:
        services.step_seal(seal_id=found.pk, to=SealState.ENROLLING, reason="", actor=request.actor)
    except DomainError as refusal:
        return _shown(request, _found(seal_id), refusal=refusal)
    return redirect("stamps:seal", request.merchant.slug, found.pk)


@never_cache
@merchant_view(permissions.MANAGE_SEALS.name)
@require_safe
def progress(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """How far the enrolment is; 204 while nothing is new."""
    found = _found(seal_id)
    if found.state != SealState.ENROLLING:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    now = services.progress_of(found)
    if request.GET.get("v") == f"{now.good}-{now.phones}":
        return HttpResponse(status=204)
    page = {
        "seal": found,
        "enrolment": now,
        "wanted": GOOD_PRESSES,
        "wanted_phones": PHONES,
    }
    return render(request, "stamps/backoffice/_enrolment.html", page)


@merchant_view("stamps.view")
@require_safe
def pattern(request: MerchantRequest, seal_id: int, form: str) -> HttpResponse:
    """The pattern as a file: drawing, body to print, or plain numbers."""
    found = _found(seal_id)
    if form == "svg":
        response = HttpResponse(drawing.svg(found.points), content_type="image/svg+xml")
    elif form == "stl":
        response = HttpResponse(drawing.stl(found.points), content_type="model/stl")
    elif form == "json":
        response = HttpResponse(_numbers(found), content_type="application/json")
    else:
        raise NotFound
    response["Content-Disposition"] = f'attachment; filename="stamp-{found.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _numbers(found: Seal) -> bytes:
    return json.dumps({"name": found.name, "points_mm": found.points}, ensure_ascii=False).encode()


@merchant_view("stamps.view")
@require_safe
def sheet(request: MerchantRequest, seal_id: int) -> HttpResponse:
    """The pattern at its real size, with a ruler to check the printer."""
    found = _found(seal_id)
    page = {"seal": found, "picture": _picture(found)}
    return render(request, "stamps/backoffice/seal_print.html", page)


@merchant_view("stamps.view")
@require_safe
def presses(request: MerchantRequest) -> HttpResponse:
    """Everything that was pressed, newest first."""
    shown = seal_lists.PRESSES.open(request)
    shown.fill(seal_lists.presses(shown.values, zone=request.merchant.time_zone))
    return render(request, "stamps/backoffice/presses.html", {"list": shown})


@merchant_view("stamps.view")
@require_safe
def phones(request: MerchantRequest) -> HttpResponse:
    """Noise, size and losses by phone model, and where to measure more (7.6)."""
    seal_id = request.GET.get("seal", "")
    active = list(Seal.objects.exclude(state__in=["retired", "lost"]).order_by("name"))
    chosen = next((one for one in active if str(one.pk) == seal_id), None)
    page: dict[str, Any] = {
        "models": seal_lists.phone_models(),
        "seals": active,
        "chosen": chosen,
    }
    if chosen is not None and permissions.MANAGE_SEALS.name in request.permissions:
        token = services.phone_link(seal=chosen, use=PressUse.MEASURE)
        path = reverse("stamps:enrol_phone", args=[request.merchant.slug, token])
        page["link"] = request.build_absolute_uri(path)
        page["qr"] = qr.data_uri(page["link"])
    return render(request, "stamps/backoffice/press_phones.html", page)


@never_cache
@require_safe
@public_view
def phone(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """The page on the phone that enrols or measures, for whoever has its link."""
    shop = _shop(merchant)
    with tenancy.merchant_scope(shop.pk):
        link = services.read_link(token)
        page = _phone_page(shop, link, token)
        return render(request, "stamps/mobile/enrol.html", page)


def _shop(slug: str) -> Merchant:
    shop = Merchant.objects.filter(slug=slug).first()
    if shop is None or not standing.of(shop).has(permissions.FEATURE.name):
        raise NotFound
    return shop


def _phone_page(shop: Merchant, link: PhoneLink, token: str) -> dict[str, Any]:
    return {
        "merchant": shop,
        "seal": link.seal,
        "is_enrolment": link.use == PressUse.ENROL,
        "is_over": link.use == PressUse.ENROL and link.seal.state != SealState.ENROLLING,
        "progress": services.progress_of(link.seal),
        "token": token,
        "wanted": GOOD_PRESSES,
        "wanted_phones": PHONES,
    }


@require_POST
@public_view
def phone_press(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """A press of the enrolment or measurement."""
    shop = _shop(merchant)
    link: PhoneLink | None = None
    with tenancy.merchant_scope(shop.pk):
        try:
            account_services.refuse_frozen(shop)
            link = services.read_link(token)
            agent = request.headers.get("User-Agent", "")
            sent = touches.read(request.POST.get("press", ""), agent)
            services.enrol_press(
                link=link,
                sent=sent,
                phone=request.POST.get("phone", "")[:40],
                actor=system_actor(gettext_noop("Enrolment of stamps")),
            )
        except EnrolmentOver as over:
            if link is None or link.seal.state != SealState.ACTIVE:
                return _not_felt(request, over)  # else one press more than it takes: it is done
        except DomainError as refusal:
            return _not_felt(request, refusal)
        link.seal.refresh_from_db()
        page = _phone_page(shop, link, token)
        return render(request, "stamps/mobile/_enrolled.html", page)


def _not_felt(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    page = {"refusal": refusal}
    return render(request, "stamps/mobile/_press_said.html", page, status=refusal.status)
