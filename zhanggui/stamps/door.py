"""The hot door of the manager's desk: the guard for the short chain of ``config.hot``."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse

from zhanggui.accounts.guards import mark
from zhanggui.core import tenancy
from zhanggui.core.errors import SignedOut
from zhanggui.stamps import desks
from zhanggui.stamps.guards import ManagerRequest, enter, unbound_page

if TYPE_CHECKING:
    from collections.abc import Callable


def manager_door(
    view: Callable[[ManagerRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """As ``guards.manager_view``, for pieces of pages and JSON only; no session is loaded.

    The desk comes without the store's name, and whether store and shop are open is read by the
    service itself.

    Raises:
        SignedOut: no session, an ended one, or one that did not begin in WeChat (401).
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        who = desks.who_of(request)
        if who is None:
            raise SignedOut
        manager_request = enter(request, who)
        if who.binding_id is None:
            return unbound_page(manager_request)
        manager_request.desk = desks.desk(who)
        with tenancy.merchant_scope(who.merchant_id):
            return view(manager_request)

    return mark(guarded, "manager")
