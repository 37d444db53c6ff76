"""Paying an order through WeChat Pay, and buying SMS credit."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.billing import permissions, selectors
from zhanggui.billing.forms import PackForm
from zhanggui.billing.models import Order
from zhanggui.billing.views import ordering
from zhanggui.channels.pay.models import Payment, Way
from zhanggui.channels.pay.views.payments import changed_or_not
from zhanggui.core import clock
from zhanggui.messaging import packs, wallet
from zhanggui.messaging.models import Purse
from zhanggui.ui import qr


@require_POST
@merchant_view(permissions.PAY.name)
@works_read_only
def pay(request: MerchantRequest, *, order_id: int) -> HttpResponse:
    """Make a code to pay an order with, or go on with the one there is."""
    found = get_object_or_404(Order.objects.all(), pk=order_id)
    way = Way.H5 if request.POST.get("way") == Way.H5 else Way.NATIVE
    ordering.begin(request, found, way)
    return redirect("billing:order", request.merchant.slug, found.pk)


@require_GET
@merchant_view(permissions.VIEW.name)
@works_read_only
def state(request: MerchantRequest, *, order_id: int) -> HttpResponse:
    """Asked every two seconds by an open order: 204 while nothing has changed."""
    found = get_object_or_404(Order.objects.all(), pk=order_id)
    return changed_or_not(request, state_of(found, selectors.payment_of(found)))


def state_of(order: Order, payment: Payment | None) -> str:
    """How an order and its payment stand, in one word."""
    is_over = selectors.is_lapsed(order)
    return f"{order.state}-{payment.state if payment else 'none'}-{'over' if is_over else 'open'}"


def paying(request: MerchantRequest, order: Order, *, is_open: bool) -> dict[str, Any]:
    """What the page of an order shows about WeChat Pay."""
    payment = selectors.payment_of(order)
    is_waiting = payment is not None and payment.is_open and payment.expires_at > clock.now()
    has_code = payment is not None and payment.state == "prepaid" and bool(payment.code_url)
    return {
        "payment": payment,
        "pay_ways": ordering.wechat_ways(request) if is_open and order.expires_at else [],
        "is_waiting": is_waiting,
        "is_closing": payment is not None and payment.state == "closing",
        "qr": qr.data_uri(payment.code_url) if payment and has_code and is_waiting else "",
        "h5_url": payment.h5_url if payment and is_waiting else "",
        "state_url": reverse("billing:order_state", args=[request.merchant.slug, order.pk]),
        "state_was": state_of(order, payment),
        "refunds": list(payment.refunds.order_by("-id")) if payment else [],
    }


@require_http_methods(["GET", "POST"])
@merchant_view(permissions.PAY.name)
@works_read_only
def sms(request: MerchantRequest) -> HttpResponse:
    """Choose a pack of SMS credit and order it."""
    offers = packs.on_sale(request.merchant.operator_id)
    form = PackForm(
        request.POST or None,
        packs=offers,
        ways=ordering.ways(request),
        initial={"use_balance": True},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {"pack": form.cleaned_data["pack"]} | ordering.paying(form)
            done, status = ordering.place(request, form, "sms", "pack", values)
            if done:
                return done
    page = {
        "offers": offers,
        "chosen": form["pack"].value() or (offers[0].code if offers else ""),
        "left": wallet.balance(Purse.SERVICE),
    }
    return ordering.page(request, form, None, template="billing/sms.html", page=page, status=status)
