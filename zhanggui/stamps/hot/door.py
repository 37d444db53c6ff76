"""Hot doors of the manager's desk: the guards for the short chain of ``config.hot``."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse

from zhanggui.accounts.guards import mark
from zhanggui.core import tenancy
from zhanggui.core.errors import SignedOut
from zhanggui.stamps import desks
from zhanggui.stamps.guards import ManagerRequest, enter, unbound_page
from zhanggui.stamps.results import Check

if TYPE_CHECKING:
    from collections.abc import Callable


type View = Callable[[ManagerRequest], HttpResponse]


def manager_door(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """As ``guards.manager_view``, for pieces of pages and JSON only; no session is loaded.

    The desk comes without the store's name, and whether store and shop are open is read by the
    service itself. It is assumed at first: the service checks it before it writes anything, and
    what was answered without that check is thrown away and asked again.

    Raises:
        SignedOut: no session, an ended one, or one that did not begin in WeChat (401).
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        known = desks.assumed(request)
        if known is not None:
            who, check = known
            try:
                response = at_desk(request, who, check)
            except Exception:
                if check.is_passed:
                    raise
            else:
                if check.is_passed:
                    return response
        found = desks.who_of(request)
        if found is None:
            raise SignedOut
        if found.binding_id is None:
            return unbound_page(enter(request, found))
        return at_desk(request, found)

    def at_desk(request: HttpRequest, who: desks.Who, check: Check | None = None) -> HttpResponse:
        manager_request = enter(request, who)
        manager_request.desk = desks.desk(who, check=check)
        with tenancy.merchant_scope(who.merchant_id):
            return view(manager_request)

    return mark(guarded, "manager")


def is_manager(request: HttpRequest) -> bool:
    """Whether a page of a desk may go by the short chain; keeps who asks for ``manager_page``.

    Everybody else goes the long way, which knows what to answer.
    """
    who = desks.who_of(request)
    request.who = who  # type: ignore[attr-defined]
    return who is not None and who.binding_id is not None


def manager_page(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """As ``guards.manager_view``, behind ``is_manager``; the desk comes without the store."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        who: desks.Who = request.who  # type: ignore[attr-defined]
        manager_request = enter(request, who)
        manager_request.desk = desks.desk(who)
        with tenancy.merchant_scope(who.merchant_id):
            return view(manager_request)

    return mark(guarded, "manager")
