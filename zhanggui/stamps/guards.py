"""Who works at a store's desk: the store manager's pages under ``/staff/``.

The binding is looked up on every request, so a manager whose rights were taken away is refused
by the next call of a page that is still open (D08).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.guards import mark
from zhanggui.accounts.models import Person
from zhanggui.accounts.sessions import SINCE_KEY
from zhanggui.channels.wechat import oauth
from zhanggui.channels.wechat.guards import staff_view
from zhanggui.contacts.guards import CustomerRequest, customer_view, of_feature
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotAllowed
from zhanggui.stamps import desks, selectors
from zhanggui.stamps.errors import NotManager, SignInAgain
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Desk
from zhanggui.stamps.services.shop_limits import limits


class ManagerRequest(HttpRequest):
    """A request of a bound store manager; the scope of the store's merchant is open."""

    person: Person
    actor: Actor
    desk: Desk


type View[**P] = Callable[Concatenate[ManagerRequest, P], HttpResponse]


def card_view[**P](
    view: Callable[Concatenate[CustomerRequest, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """A phone page of a customer that is there only while the plan has stamp cards (P09)."""
    return customer_view(of_feature(FEATURE.name)(view))


def manager_view[**P](view: View[P]) -> Callable[..., HttpResponse]:
    """Let bound store managers through.

    Not signed in: as ``staff_view``. Signed in without a binding: a page that says what to do
    (403); pieces of pages get the refusal ``E_NOT_MANAGER``. Who is known at once enters by one
    statement; everybody else goes the long way, which knows what to answer.
    """

    @wraps(view)
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        manager_request = cast("ManagerRequest", request)
        desk = selectors.desk_of(manager_request.person.pk)
        if desk is None:
            return unbound_page(manager_request)
        return show(manager_request, desk, *args, **kwargs)

    def show(request: ManagerRequest, desk: Desk, *args: Any, **kwargs: Any) -> HttpResponse:
        request.desk = desk
        with tenancy.merchant_scope(desk.merchant_id):
            response = cast("Callable[..., HttpResponse]", view)(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    long_way = staff_view(bound)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        who = desks.who_of(request)
        if who is None or who.binding_id is None:
            return cast("HttpResponse", long_way(request, *args, **kwargs))
        response = show(enter(request, who), desks.desk_with_store(who), *args, **kwargs)
        patch_vary_headers(response, ["Cookie"])
        return response

    return mark(guarded, "manager")


def enter(request: HttpRequest, who: desks.Who) -> ManagerRequest:
    """Put person and actor on the request."""
    person = desks.person_of(who)
    manager_request = cast("ManagerRequest", request)
    manager_request.user = manager_request.person = person
    manager_request.actor = person_actor(person, request)
    return manager_request


def refuse_stale(request: ManagerRequest) -> None:
    """Let only somebody undo who signed in through WeChat a short while ago (section 8).

    Raises:
        SignInAgain: longer ago than the shop allows (E_SIGN_IN_AGAIN, 403).
    """
    minutes = limits().signin_for_undo_min
    since = request.session.get(SINCE_KEY)
    if since and datetime.fromisoformat(since) > clock.now() - timedelta(minutes=minutes):
        return
    refusal = SignInAgain(minutes=minutes)
    refusal.to_sign_in = oauth.staff_start_url(reverse("stamps:desk"))
    raise refusal


def unbound_page(request: ManagerRequest) -> HttpResponse:
    """What a signed-in person without a store sees."""
    if request.headers.get("HX-Request") == "true":
        page = {"refusal": NotManager(), "is_over": True}
        return render(request, "stamps/mobile/_refused.html", page, status=NotManager.status)
    if request.method != "GET":
        raise NotManager
    page = {"person": request.person}
    return render(request, "stamps/mobile/unbound.html", page, status=NotAllowed.status)
