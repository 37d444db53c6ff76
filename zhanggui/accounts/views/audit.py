"""A merchant's audit log: who did what, filtered, newest first."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from zhanggui.accounts import audit, audit_log, permissions, rights
from zhanggui.accounts.audit_log import SUPPORT, Filters
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store
from zhanggui.core import numbers
from zhanggui.ui import paging

MOST_CHOICES = 200


@require_GET
@merchant_view(rights.VIEW_AUDIT.name)
def log(request: MerchantRequest) -> HttpResponse:
    """Who did what, newest first, 50 a page."""
    filters = read_filters(request)
    found = audit_log.entries(filters, time_zone=request.merchant.time_zone)
    entries = paging.keyset(found, order=("-at", "-id"), after=request.GET.get("after", ""))
    members = permissions.members_of(request.merchant).order_by("person__name")
    people = dict(members.values_list("person_id", "person__name")[:MOST_CHOICES])
    stores = dict(Store.objects.order_by("pk").values_list("pk", "name")[:MOST_CHOICES])
    known = {"person": people, "store": stores}
    page = {
        "page": entries,
        "lines": audit_log.lines(entries.rows, known=known),
        "filters": filters,
        "action": filters.action,
        "person": request.GET.get("person", ""),
        "store": request.GET.get("store", ""),
        "since": filters.since.isoformat() if filters.since else "",
        "until": filters.until.isoformat() if filters.until else "",
        "target_name": audit_log.name_of_target(filters.target) if filters.target else "",
        "areas": _actions_by_area(),
        "people": [(str(number), name) for number, name in people.items()],
        "stores": [(str(number), name) for number, name in stores.items()],
        "support": SUPPORT,
        "is_filtered": filters.is_any,
    }
    return render(request, "accounts/audit.html", page)


def read_filters(request: HttpRequest) -> Filters:
    """The filters of the page's address.

    Raises:
        BadRequest: something that no control of the page sends (400).
    """
    person = request.GET.get("person", "")
    return Filters(
        action=request.GET.get("action", "")[:60],
        person_id=None if person == SUPPORT else _number(person),
        only_support=person == SUPPORT,
        target=request.GET.get("target", "")[:60],
        store_id=_number(request.GET.get("store", "")),
        since=_day(request.GET.get("since", "")),
        until=_day(request.GET.get("until", "")),
    )


def _number(typed: str) -> int | None:
    number = numbers.whole(typed)
    if typed and number is None:
        raise BadRequest
    return number


def _day(typed: str) -> date | None:
    if not typed:
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise BadRequest from None


def _actions_by_area() -> list[tuple[str, list[tuple[str, str]]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for action, text in audit.actions().items():
        found.setdefault(action.partition(".")[0], []).append((action, str(text)))
    return [
        (str(permissions.area(name).label), sorted(actions, key=lambda pair: pair[1]))
        for name, actions in sorted(found.items(), key=lambda p: permissions.area(p[0]).order)
    ]
