"""Who works at a store's desk: the store manager's pages under ``/staff/``.

The binding is looked up on every request, so a manager whose rights were taken away is refused
by the next call of a page that is still open (D08).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.guards import staff_view
from zhanggui.core import tenancy
from zhanggui.core.errors import NotAllowed
from zhanggui.stamps import selectors
from zhanggui.stamps.errors import NotManager
from zhanggui.stamps.results import Desk


class ManagerRequest(HttpRequest):
    """A request of a bound store manager; the scope of the store's merchant is open."""

    person: Person
    actor: Actor
    desk: Desk


type View[**P] = Callable[Concatenate[ManagerRequest, P], HttpResponse]


def manager_view[**P](view: View[P]) -> Callable[..., HttpResponseBase]:
    """Let bound store managers through.

    Not signed in: as ``staff_view``. Signed in without a binding: a page that says what to do
    (403); pieces of pages get the refusal ``E_NOT_MANAGER``.
    """

    @wraps(view)
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        manager_request = cast("ManagerRequest", request)
        desk = selectors.desk_of(manager_request.person.pk)
        if desk is None:
            return unbound_page(manager_request)
        manager_request.desk = desk
        with tenancy.merchant_scope(desk.merchant_id):
            response = cast("Callable[..., HttpResponse]", view)(manager_request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    guarded = staff_view(bound)
    guarded.guard = "manager"  # type: ignore[attr-defined]
    return guarded


def unbound_page(request: ManagerRequest) -> HttpResponse:
    """What a signed-in person without a store sees."""
    if request.headers.get("HX-Request") == "true":
        page = {"refusal": NotManager(), "is_over": True}
        return render(request, "stamps/mobile/_refused.html", page, status=NotManager.status)
    if request.method != "GET":
        raise NotManager
    page = {"person": request.person}
    return render(request, "stamps/mobile/unbound.html", page, status=NotAllowed.status)
