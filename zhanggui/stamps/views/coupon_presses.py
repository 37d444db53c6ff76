"""The store's stamp on a customer's coupon: the right to press, and the press that redeems."""

from __future__ import annotations

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from zhanggui.codes.models import CodeState
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core.errors import DomainError
from zhanggui.coupons import selectors
from zhanggui.coupons.models import Coupon
from zhanggui.coupons.views.mobile import Layer, coupon_page
from zhanggui.stamps import services, touches
from zhanggui.stamps.guards import card_view


@card_view
@require_POST
def allow(request: CustomerRequest, token: str) -> HttpResponse:
    """The right to press once; asked for when the second finger is down."""
    nonce = services.allow_redeeming(coupon=_own(request, token), actor=request.actor)
    return JsonResponse({"nonce": nonce.token, "life_s": nonce.life_s})


@card_view
@require_POST
def press(request: CustomerRequest, token: str) -> HttpResponse:
    """What the phone felt; the answer is the layer that says what came of it."""
    found = _own(request, token)
    agent = request.headers.get("User-Agent", "")
    try:
        services.redeem_by_press(
            coupon=found,
            nonce=request.POST.get("nonce", "")[:64],
            sent=touches.read(request.POST.get("press", ""), agent),
            actor=request.actor,
            zone=request.merchant.time_zone,
            key=request.POST.get("key", "") or request.headers.get("Idempotency-Key", ""),
        )
    except DomainError as refusal:
        page = coupon_page(found, None) | {"refusal": refusal, "was_pressed": True}
        return render(request, "coupons/mobile/_no_code.html", page, status=refusal.status)
    found.refresh_from_db()
    page = coupon_page(found, None) | {"layer": Layer("", CodeState.CONSUMED.value)}
    return render(request, "coupons/mobile/_ended.html", page)


def _own(request: CustomerRequest, token: str) -> Coupon:
    found = selectors.by_token(token, request.customer.pk)
    if found is None:
        raise Http404
    return found
