"""Keeping what people choose for a list: saved views and columns; three doors, one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from zhanggui.accounts import rights
from zhanggui.accounts.guards import merchant_view, operator_view, platform_view
from zhanggui.accounts.listkeeping import SHARE, place_of
from zhanggui.accounts.services import preferences
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.ui import lists

if TYPE_CHECKING:
    from zhanggui.accounts.guards import (
        MerchantRequest,
        OperatorRequest,
        PlatformRequest,
        SignedInRequest,
    )
LONGEST_NAME = 30


@require_POST
@merchant_view("")
def merchant_list(request: MerchantRequest, *, list_name: str) -> HttpResponse:
    """Keep a view or the columns of a list in a merchant's back office."""
    return _keep(request, list_name)


@require_POST
@operator_view(rights.OPERATOR_VIEW.name)
def operator_list(request: OperatorRequest, *, list_name: str) -> HttpResponse:
    """Keep a view or the columns of an operator's list."""
    return _keep(request, list_name)


@require_POST
@platform_view(rights.PLATFORM_VIEW.name)
def platform_list(request: PlatformRequest, *, list_name: str) -> HttpResponse:
    """Keep a view or the columns of a list of the platform."""
    return _keep(request, list_name)


def _keep(request: SignedInRequest, list_name: str) -> HttpResponse:
    page = lists.known(list_name)
    if page is None:
        raise Http404
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    path = back.partition("?")[0]
    wish = request.POST.get("wish", "")
    if wish == "columns":
        _columns(request, page)
    elif wish == "save":
        query = _save(request, page)
        back = f"{path}?{query}" if query else back
    elif wish == "delete":
        _delete(request)
        back = path
    return HttpResponseRedirect(back)


def _columns(request: SignedInRequest, page: lists.ListPage) -> None:
    names = {column.name for column in page.columns if not column.is_fixed}
    wanted = [name for name in request.POST.getlist("columns") if name in names]
    is_reset = request.POST.get("reset") == "1"
    preferences.choose_columns(
        person=request.person,
        place=place_of(request),
        list_name=page.name,
        columns=None if is_reset else wanted,
    )


def _save(request: SignedInRequest, page: lists.ListPage) -> str:
    name = request.POST.get("name", "").strip()[:LONGEST_NAME]
    query = lists.clean_query(page, request.POST.get("query", "").removeprefix("?"))
    if not name or not query:
        messages.error(request, _("A view needs a name and at least one filter."))
        return query
    is_shared = request.POST.get("shared") == "1" and SHARE in request.permissions
    try:
        preferences.save_view(
            person=request.person,
            place=place_of(request),
            list_name=page.name,
            name=name,
            query=query,
            is_shared=is_shared,
            actor=request.actor,
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The view is saved as a tab."))
    return query


def _delete(request: SignedInRequest) -> None:
    view_id = numbers.whole(request.POST.get("view", ""))
    is_gone = view_id is not None and preferences.delete_view(
        person=request.person,
        place=place_of(request),
        view_id=view_id,
        may_share=SHARE in request.permissions,
        actor=request.actor,
    )
    if is_gone:
        messages.success(request, _("The view is gone."))
    else:
        messages.error(request, _("This view is not yours to delete, or gone already."))
