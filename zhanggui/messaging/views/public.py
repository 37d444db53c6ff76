"""Where customers say which messages they want: in WeChat, or by the link in a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import permits
from zhanggui.channels.wechat.jssdk import uses_phone
from zhanggui.contacts.guards import CustomerRequest, customer_view
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy
from zhanggui.messaging import consents, links, routing, templates
from zhanggui.messaging.models import ConsentSource, Kind, Route

Text = str | Promise
WAYS = (
    (Kind.SERVICE, Route.WECHAT),
    (Kind.SERVICE, Route.SMS),
    (Kind.MARKETING, Route.SMS),
)


def wishes_of(customer: Customer) -> list[dict[str, Any]]:
    """Every kind and way with what the customer said; service holds until somebody says no."""
    said = consents.said(customer)
    rows: list[dict[str, Any]] = []
    for kind, route in WAYS:
        known = said.get((kind.value, route.value))
        rows.append(
            {
                "kind": kind,
                "route": route,
                "name": f"{kind.value}_{route.value}",
                "said": known,
                "wants": known.wants if known else kind == Kind.SERVICE,
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class Offer:
    """A notification the customer can allow in WeChat."""

    label: Text
    template_id: str
    is_lasting: bool
    left: int
    """Messages that are still allowed."""


def offers_of(request: CustomerRequest) -> list[Offer]:
    """Notifications of the shop's official account that it sends and the customer may allow."""
    house = routing.house_of(request.merchant)
    if house.account is None or request.link.account_id != house.account.pk:
        return []
    left = permits.left(house.account, [request.link.openid])
    found: list[Offer] = []
    for template in templates.known():
        binding, rule = house.binding(template, Route.NOTICE), house.rule(template)
        if binding is not None and rule.is_on and rule.by_notice:
            many = left.get(binding.template_id, 0)
            found.append(Offer(template.label, binding.template_id, binding.is_lasting, many))
    return found


@require_http_methods(["GET", "POST"])
@uses_phone
@customer_view
def own_wishes(request: CustomerRequest) -> HttpResponse:
    """A customer's own page about messages."""
    if request.method == "POST":
        for kind, route in WAYS:
            consents.note(
                customer=request.customer,
                kind=kind,
                route=route,
                wants=f"{kind.value}_{route.value}" in request.POST,
                source=ConsentSource.PAGE,
            )
        messages.success(request, _("Saved."))
        return redirect("messaging:own_wishes", request.merchant.slug)
    page = {
        "wishes": wishes_of(request.customer),
        "offers": offers_of(request),
        "merchant": request.merchant,
    }
    return render(request, "messaging/mobile/wishes.html", page)


@require_http_methods(["GET", "POST"])
@public_view
def stop(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """The link in a marketing message: one press says stop, without signing in."""
    shop = get_object_or_404(Merchant, slug=merchant)
    with tenancy.merchant_scope(shop.pk):
        message = links.message_of(token)
        if message is None or message.customer is None or message.kind != Kind.MARKETING:
            raise Http404
        if request.method == "POST":
            consents.note(
                customer=message.customer,
                kind=Kind.MARKETING,
                route=Route(message.route or Route.SMS),
                wants=False,
                source=ConsentSource.LINK,
            )
        said = consents.said(message.customer).get((Kind.MARKETING, message.route or Route.SMS))
        page = {"merchant": shop, "is_stopped": said is not None and not said.wants}
        return render(request, "messaging/mobile/stop.html", page)
