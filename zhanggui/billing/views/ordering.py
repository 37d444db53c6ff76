"""What all pages share on which something is ordered."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from zhanggui.accounts import devices
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest
from zhanggui.billing import selectors, services
from zhanggui.billing.forms import TRANSFER
from zhanggui.billing.models import Order, OrderState, Plan
from zhanggui.channels.pay import selectors as pay_selectors
from zhanggui.channels.pay.models import Way
from zhanggui.channels.pay.selectors import Port
from zhanggui.core import idempotency, tokens
from zhanggui.core.errors import DomainError

SERVICES: dict[str, Any] = {
    "renew": services.order_period,
    "upgrade": services.order_upgrade,
    "top_up": services.order_top_up,
    "sms": services.order_sms_pack,
}


def wechat_ways(request: MerchantRequest) -> list[Way]:
    """The ways through WeChat Pay that are on and work where this person looks (P32).

    A code on the screen works everywhere: another phone scans it. Inside WeChat the back office
    knows no openid of the buyer, so nothing else is offered there.
    """
    account = selectors.pay_account_of(request.merchant)
    if account is None:
        return []
    port = pay_selectors.port_of(request.headers.get("User-Agent", ""))
    found = [Way.NATIVE] if Way.NATIVE in account.ways else []
    if port == Port.PHONE and pay_selectors.way_at(account, port):
        found.insert(0, Way.H5)
    return found


def ways(request: MerchantRequest) -> list[tuple[str, Any]]:
    """All ways of paying an order, as a form offers them."""
    labels = {Way.NATIVE: _("WeChat Pay, by QR code"), Way.H5: _("WeChat Pay, on this phone")}
    offered = [(way.value, labels[way]) for way in wechat_ways(request)]
    return [*offered, (TRANSFER, _("Bank transfer with a receipt"))]


def paying(form: Any) -> dict[str, Any]:
    """What every order says about its payment."""
    return {name: form.cleaned_data[name] for name in ("use_balance", "note")}


def place(
    request: MerchantRequest, form: Any, door: str, field: str, values: dict[str, Any]
) -> tuple[HttpResponse | None, int]:
    """Place an order once and begin to pay it; answers where to go, or the refusal's status."""
    service = SERVICES[door]
    try:
        answer = idempotency.once(
            caller=request.actor.key,
            key=request.POST.get("idempotency_key", "")[:80],
            content={"door": f"billing.{door}", **values},
            write=lambda: {
                "order_id": service(merchant=request.merchant, actor=request.actor, **values).pk
            },
        )
    except DomainError as refusal:
        return None, put_refusal(form, refusal, field)
    made = selectors.orders().get(pk=answer["order_id"])
    chosen = form.cleaned_data["pay_by"]
    if made.state == OrderState.PAID:
        messages.success(request, _("Paid. It holds from now on."))
    elif made.state == OrderState.PENDING and chosen in {Way.NATIVE, Way.H5}:
        begin(request, made, Way(chosen))
    return redirect("billing:order", request.merchant.slug, made.pk), 302


def begin(request: MerchantRequest, order: Order, way: Way) -> None:
    """Begin to pay an order; what does not work is told on its page."""
    try:
        services.pay_order(
            merchant=request.merchant,
            order_id=order.pk,
            way=way,
            payer_ip=devices.ip_of(request) or "127.0.0.1",
            actor=request.actor,
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)


def page(
    request: MerchantRequest,
    form: Any,
    plan: Plan | None,
    *,
    template: str,
    page: dict[str, Any],
    status: int,
) -> HttpResponse:
    """The page of a form that orders something."""
    shared = {
        "form": form,
        "plan": plan,
        "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
        "balance_fen": selectors.balance_fen(),
        "open_order": selectors.open_order(),
        "back": reverse("billing:account", args=[request.merchant.slug]),
    }
    return render(request, template, shared | page, status=status)
