"""Signing in and linking by a QR code: the browser's pieces and the page on the phone."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.guards import SignedInRequest, public_view, signed_in_view
from zhanggui.accounts.models import Person
from zhanggui.accounts.views.public import local_path
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.signin.errors import QrOver
from zhanggui.signin.models import QrPurpose, QrState, QrVisit
from zhanggui.signin.services import scanning
from zhanggui.signin.views.entrance import NEXT_KEY
from zhanggui.ui import qr


def _piece(
    request: HttpRequest,
    visit: QrVisit | None,
    *,
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    is_link = request.path.startswith("/me/")
    page = {
        "visit": visit,
        "picture": qr.data_uri(visit.url) if visit and visit.state == QrState.OPEN else "",
        "left": max(int((visit.expires_at - clock.now()).total_seconds()), 0) if visit else 0,
        "total": int(scanning.LIFE.total_seconds()),
        "refusal": refusal,
        "next": local_path(request, request.GET.get("next", "")),
        "code_url": reverse("signin:qr_link_code" if is_link else "signin:qr_code"),
        "state_url": reverse("signin:qr_link_state" if is_link else "signin:qr_state"),
        "finish_url": reverse("signin:qr_link" if is_link else "signin:qr_enter"),
        "is_link": is_link,
    }
    response = render(request, "signin/_qr.html", page, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _code(request: HttpRequest, purpose: QrPurpose, person: Person | None) -> HttpResponse:
    try:
        visit = scanning.begin(request=request, purpose=purpose, person=person)
    except DomainError as refusal:
        return _piece(request, None, refusal=refusal, status=refusal.status)
    return _piece(request, visit)


def _state(request: HttpRequest, purpose: QrPurpose, person: Person | None) -> HttpResponse:
    visit = scanning.open_visit(request, purpose, person)
    if visit is not None and request.GET.get("v") == visit.state:
        return HttpResponse(status=204)
    return _piece(request, visit, refusal=None if visit else QrOver())


@never_cache
@require_POST
@public_view
def code(request: HttpRequest) -> HttpResponse:
    """A code to sign in with, as a piece of the sign-in page."""
    return _code(request, QrPurpose.ENTER, None)


@never_cache
@require_GET
@public_view
def state(request: HttpRequest) -> HttpResponse:
    """How far the code of this browser has come; 204 while nothing is new."""
    return _state(request, QrPurpose.ENTER, None)


@never_cache
@require_POST
@public_view
def enter(request: HttpRequest) -> HttpResponse:
    """Sign in after the phone has confirmed; htmx follows the answer's address."""
    wanted = local_path(request, request.GET.get("next", ""))
    try:
        is_in = scanning.enter(request=request)
    except DomainError as refusal:
        return _piece(request, None, refusal=refusal, status=refusal.status)
    if is_in:
        return _go(wanted or str(settings.LOGIN_REDIRECT_URL))
    request.session[NEXT_KEY] = wanted
    return _go(reverse("signin:second"))


def _go(url: str) -> HttpResponse:
    response = HttpResponse(status=200)
    response["HX-Redirect"] = url
    return response


@never_cache
@require_http_methods(["GET", "POST"])
@public_view
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The page on the phone: who waits where, and the number from the screen."""
    try:
        visit = scanning.visit_of_phone(token)
    except QrOver as over:
        told = {"refusal": over}
        return render(request, "signin/phone_confirm.html", told, status=over.status)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            if request.POST.get("do") == "refuse":
                scanning.refuse(token=token)
            else:
                scanning.confirm(token=token, digits=request.POST.get("digits", "").strip())
        except DomainError as refusal:
            refused = refusal
        else:
            return redirect("signin:qr_confirm", token)
        visit.refresh_from_db()
    page = {"visit": visit, "refused": refused, "host": request.get_host()}
    return render(
        request, "signin/phone_confirm.html", page, status=refused.status if refused else 200
    )


@never_cache
@require_POST
@signed_in_view
def link_code(request: SignedInRequest) -> HttpResponse:
    """A code to link one's WeChat with."""
    return _code(request, QrPurpose.LINK, request.person)


@never_cache
@require_GET
@signed_in_view
def link_state(request: SignedInRequest) -> HttpResponse:
    """How far the linking of this browser has come."""
    return _state(request, QrPurpose.LINK, request.person)


@require_POST
@signed_in_view
def link(request: SignedInRequest) -> HttpResponse:
    """Link the WeChat that confirmed on the phone."""
    try:
        scanning.link(request=request, person=request.person)
    except DomainError as refusal:
        return _piece(request, None, refusal=refusal, status=refusal.status)
    messages.success(request, _("Your WeChat is linked. From now on you can sign in by scanning."))
    return _go(reverse("signin:security"))


@require_POST
@signed_in_view
def unlink(request: SignedInRequest) -> HttpResponse:
    """Unlink one's WeChat."""
    try:
        scanning.unlink(person=request.person, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Unlinked. This WeChat signs nobody in any more."))
    return redirect("signin:security")
