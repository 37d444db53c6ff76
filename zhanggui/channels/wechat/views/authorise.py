"""Authorising an account by scanning: the page that begins it, its live state, the return."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.permissions import at
from zhanggui.channels.wechat import authorising, component_setup, deliveries, health, tickets
from zhanggui.channels.wechat.authorising import Visit
from zhanggui.channels.wechat.errors import AuthorisationOver, advice_for
from zhanggui.channels.wechat.forms import ConnectForm
from zhanggui.channels.wechat.models import AuthorisationVisit, CallbackDelivery, Ending, Kind
from zhanggui.channels.wechat.oauth import is_inside_wechat
from zhanggui.channels.wechat.views import places
from zhanggui.core import clock, tokens
from zhanggui.core.errors import DomainError

VISIT_KEY = "wechat_visit"
"""In the session: where the visit that was begun last leads, for when its page is loaded anew."""


def authorise(request: PlaceRequest, *, kind: Kind = Kind.OFFICIAL) -> HttpResponse:
    """Begin a visit to WeChat's page and lead to the page that shows it."""
    own = places.own_account(request, kind=kind)
    try:
        visit = authorising.begin_authorisation(
            **at(places.place_of(request)),
            kind=kind,
            person=request.person,
            return_path=lambda state: places.url(request, "authorise_return", state),
            app_id=own.app_id if own else "",
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(places.url(request, places.name_of("connect", kind)))
    request.session[VISIT_KEY] = asdict(visit) | {"expires_at": visit.expires_at.isoformat()}
    return redirect(places.url(request, "authorise_visit", visit.state))


def authorise_visit(request: PlaceRequest, state: str) -> HttpResponse:
    """The way to WeChat's page and what has come of it; stays the same when it is loaded anew."""
    row = _visit(request, state)
    if row is None:
        raise Http404
    kind = Kind(row.kind)
    if row.ending == Ending.CONNECTED:
        return redirect(places.url(request, places.name_of("account", kind)))
    kept = _kept(request, state)
    page: dict[str, Any] = {
        "own": places.own_account(request, kind=kind),
        "section": "account",
        "kind": kind,
        "visit": kept if _is_open(row, kept) else None,
        "refusal": _refusal(row),
        "state_url": places.url(request, "authorise_state", state),
        "is_phone": is_inside_wechat(request.headers.get("User-Agent", "")),
    }
    return places.show(request, "wechat/backoffice/authorise.html", page)


def _kept(request: PlaceRequest, state: str) -> Visit | None:
    """Where WeChat's page is, if this visit is the one that was begun last."""
    kept = request.session.get(VISIT_KEY, {})
    if kept.get("state") != state:
        return None
    return Visit(**kept | {"expires_at": datetime.fromisoformat(kept["expires_at"])})


def _is_open(row: AuthorisationVisit, kept: Visit | None) -> bool:
    until = kept.expires_at if kept else row.expires_at
    return row.ending == Ending.OPEN and clock.now() < until


def _refusal(visit: AuthorisationVisit | None) -> DomainError:
    return authorising.refusal_of(visit) if visit else AuthorisationOver()


def _visit(request: PlaceRequest, state: str) -> AuthorisationVisit | None:
    rows = AuthorisationVisit.objects.select_related(
        "account", "wanted__merchant", "wanted__operator"
    ).filter(
        state_digest=tokens.digest(state), person=request.person, **at(places.place_of(request))
    )
    return rows.first()


def authorise_state(request: PlaceRequest, state: str) -> HttpResponse:
    """How a visit ended, as a piece of the page; 204 while it is open and WeChat's page good."""
    visit = _visit(request, state)
    if visit is not None and _is_open(visit, _kept(request, state)):
        return HttpResponse(status=204)
    return _ended(request, visit)


def _ended(request: PlaceRequest, visit: AuthorisationVisit | None) -> HttpResponse:
    if visit is not None and visit.ending == Ending.CONNECTED:
        name = visit.account.name if visit.account else ""
        messages.success(request, _("%(name)s is authorised and connected.") % {"name": name})
        response = HttpResponse(status=200)
        response["HX-Redirect"] = places.url(request, places.name_of("account", visit.kind))
        return response
    page = {"refusal": _refusal(visit), "kind": visit.kind if visit else Kind.OFFICIAL}
    return places.show(request, "wechat/backoffice/_authorise_ended.html", page)


def authorise_return(request: PlaceRequest, state: str) -> HttpResponse:
    """WeChat's page leads back here. Looking changes nothing: connecting is posted at once."""
    visit = _visit(request, state)
    kind = Kind(visit.kind) if visit else Kind.OFFICIAL
    if request.method == "GET":
        page = {
            "section": "account",
            "kind": kind,
            "code": request.GET.get("auth_code", "")[:600],
            "finish_url": places.url(request, "authorise_return", state),
        }
        return places.show(request, "wechat/backoffice/authorise_return.html", page)
    try:
        account = authorising.complete_authorisation(
            state=state,
            code=request.POST.get("auth_code", "")[:600],
            person=request.person,
            actor=request.actor,
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(places.url(request, places.name_of("connect", kind)))
    messages.success(request, _("%(name)s is authorised and connected.") % {"name": account.name})
    return redirect(places.url(request, places.name_of("account", account.kind)))


def component(request: PlaceRequest) -> HttpResponse:
    """The third-party platform of this installation: its keys and how its tickets come."""
    found = authorising.active_component()
    initial = {"name": found.name, "app_id": found.app_id} if found else None
    form = ConnectForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                component_setup.set_up_component(
                    name=form.cleaned_data["name"],
                    credentials=form.credentials(),
                    actor=request.actor,
                )
            except DomainError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(
                    request, _("Saved. WeChat pushes a ticket to the address within ten minutes.")
                )
                return redirect("wechat:platform_component")
    app_id = found.app_id if found else "APPID"
    hook = reverse("wechat:component_hook", args=[app_id])
    page = {
        "form": form,
        "found": found,
        "is_late": tickets.late_components().exists(),
        "event_url": f"{settings.BASE_URL}{hook}",
        "message_url": f"{settings.BASE_URL}{hook}$APPID$/",
        "notices": health.notices(found) if found else [],
        "advice": advice_for(found.last_error_code) if found and found.last_error_at else "",
    }
    return places.show(request, "wechat/backoffice/component.html", page, status=status)


def component_ask(request: PlaceRequest) -> HttpResponse:
    """Ask WeChat to push tickets now."""
    found = authorising.active_component()
    if found is None:
        raise Http404
    if tickets.ask_for_more(found):
        messages.success(request, _("WeChat was asked. A ticket should arrive within a minute."))
    else:
        messages.error(request, _("WeChat did not agree, or was asked less than ten minutes ago."))
    return redirect("wechat:platform_component")


def component_replay(request: PlaceRequest, delivery_id: int) -> HttpResponse:
    """Work once more on what WeChat told the third-party platform."""
    found = CallbackDelivery.objects.filter(pk=delivery_id, component__isnull=False).first()
    if found is None:
        raise Http404
    deliveries.replay(delivery=found, actor=request.actor)
    messages.success(request, _("It is being worked on again."))
    return redirect("wechat:platform_component")
