"""The same pages for merchant, operator and platform, each behind its own guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from zhanggui.accounts.guards import merchant_view, operator_view, platform_view, works_read_only
from zhanggui.accounts.permissions import Permission
from zhanggui.channels.pay import permissions
from zhanggui.channels.pay.views import accounts, bills, payments
from zhanggui.channels.pay.views.till import Till

GET = ("GET",)
POST = ("POST",)
BOTH = ("GET", "POST")

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where, what answers, and which of the surface's rights it asks for."""

    route: str
    name: str
    view: View
    methods: tuple[str, ...] = GET
    needs: str = "view"
    """``view``, ``refund`` or ``manage``."""
    is_of_payment: bool = False
    """Its address names a payment; on the tiers above also whose."""


PAGES = (
    Page("", "payments", payments.payment_list),
    Page("", "payment", payments.payment, is_of_payment=True),
    Page("state", "state", payments.state, is_of_payment=True),
    Page("look", "look", payments.look, POST, is_of_payment=True),
    Page("close", "close", payments.close, POST, "refund", is_of_payment=True),
    Page("refund", "refund", payments.refund, POST, "refund", is_of_payment=True),
    Page("settled", "settled", payments.settled, POST, "refund", is_of_payment=True),
    Page(
        "refunds/<int:refund_id>/again",
        "refund_again",
        payments.refund_again,
        POST,
        "refund",
        is_of_payment=True,
    ),
    Page("notifications/<int:notification_id>/replay", "replay", payments.replay, POST, "manage"),
    Page("bills/", "bills", bills.bill_list),
    Page("bills/check", "bill_check", bills.bill_check, POST),
    Page("bills/<int:bill_id>/", "bill", bills.bill),
    Page("bills/<int:bill_id>/state", "bill_state", bills.bill_state),
    Page("differences/<int:difference_id>/", "difference", bills.difference, POST, "refund"),
    Page("account/", "account", accounts.account),
    Page("account/connect", "connect", accounts.connect, BOTH, "manage"),
    Page("account/test", "test", accounts.test, POST, "manage"),
    Page("account/change", "change", accounts.change, POST, "manage"),
    Page("account/disconnect", "disconnect", accounts.disconnect, POST, "manage"),
)
MERCHANTS_OWN = (
    Page("account/connect-sub", "connect_sub", accounts.connect_sub, BOTH, "manage"),
    Page("account/trial", "trial", payments.trial, POST, "manage"),
)
GUARDS: dict[str, Callable[[str], Callable[[Any], Any]]] = {
    "merchant": merchant_view,
    "operator": operator_view,
    "platform": platform_view,
}
RIGHTS: dict[str, dict[str, Permission]] = {
    "merchant": {
        "view": permissions.VIEW,
        "refund": permissions.REFUND,
        "manage": permissions.MANAGE,
    },
    "operator": {
        "view": permissions.OPERATOR_VIEW,
        "refund": permissions.OPERATOR_MANAGE,
        "manage": permissions.OPERATOR_MANAGE,
    },
    "platform": {
        "view": permissions.PLATFORM_VIEW,
        "refund": permissions.PLATFORM_MANAGE,
        "manage": permissions.PLATFORM_MANAGE,
    },
}
READS = frozenset({"payments", "payment", "state", "bills", "bill", "bill_state", "account"})
"""What works when a plan is over: one's money can always be looked at, and given back."""
ALWAYS = READS | {"refund", "refund_again", "look"}


def doors(prefix: str, surface: str) -> list[URLPattern]:
    """All addresses of a surface."""
    pages = (*PAGES, *(MERCHANTS_OWN if surface == "merchant" else ()))
    return [_door(prefix, surface, page) for page in pages]


def _door(prefix: str, surface: str, page: Page) -> URLPattern:
    route = page.route
    if page.is_of_payment:
        whose = "" if surface == "merchant" else "<slug:slug>/"
        route = f"payments/{whose}<int:payment_id>/{route}"
    view = require_http_methods(page.methods)(_entered(page.view))
    if surface == "merchant" and page.name in ALWAYS:
        view = works_read_only(view)
    guarded: Callable[..., HttpResponseBase] = GUARDS[surface](RIGHTS[surface][page.needs].name)(
        view
    )
    return path(f"{prefix}{route}", guarded, name=f"{surface}_{page.name}")


def _entered(view: View) -> View:
    def enter(request: HttpRequest, **places: Any) -> HttpResponse:
        return view(request, Till.of(request), **places)

    return enter
