"""The account of a place: which one serves, how it is doing, connecting and disconnecting it."""

from __future__ import annotations

import secrets
import string
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.accounts.permissions import at
from zhanggui.channels.wechat import (
    authorising,
    component_setup,
    deliveries,
    health,
    minis,
    moving,
    selectors,
    services,
    serving,
)
from zhanggui.channels.wechat.forms import ConnectForm, MiniCodeForm
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.models import CallbackDelivery, ChannelAccount, Kind, MiniCode
from zhanggui.channels.wechat.permissions import EDIT_CONTENT, MANAGE_ACCOUNT
from zhanggui.channels.wechat.views import places
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging

SIGNS = string.ascii_letters + string.digits


def account(request: PlaceRequest) -> HttpResponse:
    """Which official account serves here, and how it is doing."""
    place = places.place_of(request)
    own = places.own_account(request)
    found = own
    in_trouble = request.GET.get("callbacks") == "trouble"
    page: dict[str, Any] = {"section": "account"}
    if isinstance(place, Merchant):
        found = own if own is not None else selectors.effective(place)[0]
        page["serving"] = serving.current(place)
    else:
        page["wishes"] = moving.wishes(place)
    page |= {
        "account": found,
        "own": own,
        "is_own": own is not None,
        "may_manage": places.may(request, MANAGE_ACCOUNT),
    }
    if own is not None:
        page |= {
            "health": health.of(own),
            "deliveries": health.deliveries(own, in_trouble=in_trouble),
            "in_trouble": in_trouble,
            "calls": health.calls(own),
            "used": health.used_today(own),
            "callback_url": _callback_url(own.app_id),
            "sets": component_setup.sets_of(own.function_ids),
            "can_authorise": authorising.active_component() is not None,
        }
    return places.show(request, "wechat/backoffice/account.html", page)


def serving_history(request: PlaceRequest) -> HttpResponse:
    """Which accounts served this merchant's customers, newest first."""
    place = places.place_of(request)
    if not isinstance(place, Merchant):
        raise Http404
    page = paging.keyset(
        serving.history(), order=("-since", "-id"), after=request.GET.get("after", "")
    )
    ids = {row.account_id for row in page.rows if row.account_id is not None}
    names = ChannelAccount.objects.in_bulk(list(ids))
    rows = [(row, names.get(row.account_id or 0)) for row in page.rows]
    return places.show(request, "wechat/backoffice/serving.html", {"page": page, "rows": rows})


def mini(request: PlaceRequest) -> HttpResponse:
    """Which mini program serves here, how it is doing, and the shop's codes for it."""
    place = places.place_of(request)
    own = places.own_account(request, kind=Kind.MINI)
    found = own
    page: dict[str, Any] = {"section": "mini", "kind": Kind.MINI}
    if isinstance(place, Merchant):
        found = own or minis.serving(place)
        codes = MiniCode.objects.filter(archived_at__isnull=True).select_related(
            "account__merchant"
        )
        shown = paging.keyset(codes, order=("-id",), after=request.GET.get("after", ""), size=20)
        page |= {
            "page": shown,
            "codes": [(code, minis.url_of(code, place)) for code in shown.rows],
            "form": MiniCodeForm(pages=_mini_pages(place, found)),
            "may_edit": places.may(request, EDIT_CONTENT),
            "api_url": f"{settings.BASE_URL}/api/v1/{place.slug}/mini/",
        }
    page |= {
        "account": found,
        "is_own": own is not None,
        "may_manage": places.may(request, MANAGE_ACCOUNT),
        "can_authorise": authorising.active_component() is not None,
    }
    if own is not None:
        page |= {
            "health": health.of(own),
            "calls": health.calls(own),
            "used": health.used_today(own),
            "callback_url": _callback_url(own.app_id),
            "sets": component_setup.sets_of(own.function_ids),
        }
    return places.show(request, "wechat/backoffice/mini.html", page)


def _mini_pages(place: Merchant, account: ChannelAccount | None) -> list[tuple[str, str]]:
    choices = builtin.choices_for(account, place) if account else []
    return [(one.name, one.label) for one in choices]


def mini_code_new(request: PlaceRequest) -> HttpResponse:
    """Let WeChat draw a code that opens the mini program."""
    place = places.place_of(request)
    if not isinstance(place, Merchant):
        raise Http404
    form = MiniCodeForm(request.POST, pages=_mini_pages(place, minis.serving(place)))
    if not form.is_valid():
        for name in form.errors:
            messages.error(request, f"{form[name].label}: {form[name].errors[0]}")
        return redirect(places.url(request, "mini"))
    try:
        minis.create_code(merchant=place, actor=request.actor, **form.cleaned_data)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The code is ready to print."))
    return redirect(places.url(request, "mini"))


def _mini_code_or_404(request: PlaceRequest, mini_code_id: int) -> MiniCode:
    if not isinstance(places.place_of(request), Merchant):
        raise Http404
    return get_object_or_404(MiniCode.objects.all(), pk=mini_code_id)


def mini_code_picture(request: PlaceRequest, mini_code_id: int) -> HttpResponse:
    """The picture WeChat drew."""
    code = _mini_code_or_404(request, mini_code_id)
    response = HttpResponse(bytes(code.picture), content_type=code.picture_type)
    response["Cache-Control"] = "private, max-age=3600"
    return response


def mini_code_archive(request: PlaceRequest, mini_code_id: int) -> HttpResponse:
    """Put a code away: who scans it is told that nobody knows it."""
    minis.archive_code(code=_mini_code_or_404(request, mini_code_id), actor=request.actor)
    messages.success(request, _("Put away. It leads nowhere any more."))
    return redirect(places.url(request, "mini"))


def connect(request: PlaceRequest, *, kind: Kind = Kind.OFFICIAL) -> HttpResponse:
    """Connect an own account, or change the secrets of the one that is connected."""
    own = places.own_account(request, kind=kind)
    form = ConnectForm(request.POST or None, initial=_initial(own), kind=kind)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.connect_account(
                    **at(places.place_of(request)),
                    name=form.cleaned_data["name"],
                    credentials=form.credentials(),
                    kind=kind,
                    actor=request.actor,
                )
            except DomainError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("WeChat accepted app id and secret. Connected."))
                return redirect(places.url(request, places.name_of("account", kind)))
    page = {
        "kind": kind,
        "form": form,
        "own": own,
        "callback_url": _callback_url("APPID"),
        "can_authorise": authorising.active_component() is not None,
    }
    return places.show(request, "wechat/backoffice/connect.html", page, status=status)


def _initial(own: ChannelAccount | None) -> dict[str, str]:
    # secrets that are stored are never put on a page again: changing them means typing all anew
    fresh = {"callback_token": _made_up(32), "aes_key": _made_up(43)}
    return {**fresh, "name": own.name, "app_id": own.app_id} if own else fresh


def _made_up(length: int) -> str:
    return "".join(secrets.choice(SIGNS) for _sign in range(length))


def disconnect(request: PlaceRequest, *, kind: Kind = Kind.OFFICIAL) -> HttpResponse:
    """Stop using the own account; customers then come through the next one above."""
    own = places.own_account_or_404(request, kind=kind)
    services.disconnect_account(account=own, actor=request.actor)
    messages.success(request, _("Disconnected. Followers and customers stay known."))
    return redirect(places.url(request, places.name_of("account", kind)))


def move(request: PlaceRequest, visit_id: int) -> HttpResponse:
    """Give an account to the shop that authorised it while another one uses it."""
    try:
        moved = moving.move(visit_id=visit_id, operator=_operator(request), actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("%(name)s was moved.") % {"name": moved.name})
    return redirect(places.url(request, "account"))


def move_dismiss(request: PlaceRequest, visit_id: int) -> HttpResponse:
    """Leave an account where it is."""
    try:
        moving.dismiss(visit_id=visit_id, operator=_operator(request), actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("It stays where it is."))
    return redirect(places.url(request, "account"))


def _operator(request: PlaceRequest) -> Operator | None:
    place = places.place_of(request)
    return place if isinstance(place, Operator) else None


def ask_now(request: PlaceRequest, *, kind: Kind = Kind.OFFICIAL) -> HttpResponse:
    """Ask WeChat for a token now."""
    try:
        services.test_account(account=places.own_account_or_404(request, kind=kind))
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("WeChat answered: app id and secret are right."))
    return redirect(places.url(request, places.name_of("account", kind)))


def replay(request: PlaceRequest, delivery_id: int) -> HttpResponse:
    """Work on a stored callback once more."""
    found = CallbackDelivery.objects.filter(
        pk=delivery_id, account=places.own_account_or_404(request)
    ).first()
    if found is None:
        raise Http404
    deliveries.replay(delivery=found, actor=request.actor)
    messages.success(request, _("It is being worked on again."))
    return redirect(places.url(request, "account"))


def _callback_url(app_id: str) -> str:
    return f"{settings.BASE_URL}{reverse('wechat:callback', args=[app_id])}"
