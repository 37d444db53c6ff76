"""What a payer sees: inside WeChat as a customer of the shop, elsewhere without a name.

The page of a request says what is asked for; the button begins a payment; the payer's own page
opens WeChat's payment sheet, shows a code to scan or leads to WeChat's page, and is the receipt.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.guards import mark
from zhanggui.accounts.models import Merchant
from zhanggui.channels.pay import selectors as pay_selectors
from zhanggui.channels.pay.errors import PaymentMoved, PayNotOffered
from zhanggui.channels.pay.models import Way
from zhanggui.channels.pay.services import payments
from zhanggui.channels.wechat import oauth
from zhanggui.collecting import selectors, services
from zhanggui.collecting.models import PayerTry, PaymentRequest, TryState
from zhanggui.collecting.services import Payer
from zhanggui.contacts.guards import customer_view
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock, limits, tenancy
from zhanggui.core.errors import DomainError
from zhanggui.core.limits import Limit
from zhanggui.ui import qr

BEGIN_LIMIT = Limit("collecting-begin", most=30, window_s=600, lock_s=120)
"""Each beginning asks WeChat Pay for an order."""
STRANGER = system_actor(gettext_noop("Payer"))


class PayerRequest(HttpRequest):
    """A request of a payer; ``link`` and the customer are known inside WeChat only."""

    merchant: Merchant
    link: IdentityLink | None
    actor: Actor
    is_paused: bool


def payer_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Inside WeChat as ``customer_view``; elsewhere anybody who knows the address.

    The merchant's scope is open. A shop that is frozen or whose plan is over takes no payment.
    """
    inside = customer_view(view)

    @wraps(view)
    def guarded(request: HttpRequest, *, merchant: str, **more: Any) -> HttpResponse:
        if oauth.is_inside_wechat(request.headers.get("User-Agent", "")):
            return inside(request, merchant=merchant, **more)
        found = Merchant.objects.filter(slug=merchant).first()
        if found is None:
            raise Http404
        with tenancy.merchant_scope(found.pk):
            payer = cast("PayerRequest", request)
            payer.merchant, payer.link, payer.actor = found, None, STRANGER
            payer.is_paused = not standing.takes_business(found)
            if request.method not in {"GET", "HEAD"}:
                account_services.refuse_frozen(found)
                standing.refuse_paused(found)
            return view(payer, **more)

    return mark(guarded, "public")


@payer_view
@never_cache
@require_GET
def page(request: PayerRequest, token: str) -> HttpResponse:
    """What is asked for, and how it can be paid here."""
    return _show(request, _found(token))


def _show(
    request: PayerRequest,
    found: PaymentRequest,
    *,
    refusal: DomainError | None = None,
) -> HttpResponse:
    port = pay_selectors.port_of(request.headers.get("User-Agent", ""))
    offer = selectors.offer(found, port=port, link=request.link)
    over: DomainError | None = None
    try:
        services.refuse_payer(found, _payer(request))
    except DomainError as error:
        over = None if offer.is_for_customer_elsewhere else error
    address = selectors.address(found)
    shown = {
        "found": found,
        "offer": offer,
        "port": port.value,
        "over": over,
        "refusal": refusal,
        "address": address,
        "qr": qr.data_uri(address),
        "mine": _own_receipts(request, found),
    }
    status = refusal.status if refusal else over.status if over else 200
    return render(request, "collecting/mobile/pay.html", shown, status=status)


def _own_receipts(request: PayerRequest, found: PaymentRequest) -> list[PayerTry]:
    """What this customer has paid of the request, at most three."""
    if request.link is None:
        return []
    rows = selectors.paid_by([request.link.customer_id]).filter(request=found)
    return list(rows.order_by("-paid_at", "-id")[:3])


def _found(token: str) -> PaymentRequest:
    found = selectors.by_token(token)
    if found is None:
        raise Http404
    return found


def _payer(request: PayerRequest) -> Payer:
    link = request.link
    ip = devices.ip_of(request) or ""
    if link is None:
        return Payer(ip=ip)
    return Payer(customer_id=link.customer_id, openid=link.openid, ip=ip)


@payer_view
@require_POST
def begin(request: PayerRequest, token: str) -> HttpResponse:
    """Begin to pay by the way that works here."""
    found = _found(token)
    port = pay_selectors.port_of(request.headers.get("User-Agent", ""))
    way = selectors.offer(found, port=port, link=request.link).way
    try:
        if way is None:
            raise PayNotOffered
        limits.claim(BEGIN_LIMIT, _who(request))
        one = services.begin(request=found, way=way, payer=_payer(request), actor=request.actor)
    except DomainError as refusal:
        found.refresh_from_db()
        return _show(request, found, refusal=refusal)
    return redirect("collecting:payment", request.merchant.slug, found.token, one.token)


def _who(request: PayerRequest) -> str:
    if request.link is not None:
        return f"{request.merchant.pk}:{request.link.customer_id}"
    return f"{request.merchant.pk}:{devices.ip_of(request) or '-'}"


@payer_view
@never_cache
@require_GET
def payment(request: PayerRequest, token: str, own: str) -> HttpResponse:
    """The payer's own page: pay now, or the receipt."""
    one = _own(request, _found(token), own)
    payment = one.payment
    is_waiting = one.state == TryState.WAITING and payment.is_open
    left = max(int((payment.expires_at - clock.now()).total_seconds()), 0)
    shown = {
        "one": one,
        "found": one.request,
        "payment": payment,
        "is_waiting": is_waiting and left > 0,
        "left_s": left,
        "qr": qr.data_uri(payment.code_url) if payment.code_url else "",
        "h5_url": _with_way_back(request, payment.h5_url),
        "sheet": _sheet(request, one) if is_waiting and left else {},
        "mark": _mark(one),
        "receipt_number": payment.number.upper(),
    }
    return render(request, "collecting/mobile/payment.html", shown)


def _with_way_back(request: PayerRequest, h5_url: str) -> str:
    """WeChat Pay's page for phones, told where to lead the payer afterwards."""
    back = quote(f"{settings.BASE_URL}{request.path}", safe="")
    return f"{h5_url}&redirect_url={back}" if h5_url else ""


def _sheet(request: PayerRequest, one: PayerTry) -> dict[str, str]:
    """What WeChat's payment sheet is opened with; empty where there is none."""
    if one.way != Way.JSAPI or request.link is None:
        return {}
    try:
        return payments.jsapi_values(one.payment)
    except PaymentMoved:
        return {}


@payer_view
@never_cache
@require_GET
def state(request: PayerRequest, token: str, own: str) -> HttpResponse:
    """Asked by the payer's open page: 204 while nothing has changed."""
    if request.GET.get("was") == _mark(_own(request, _found(token), own)):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


def _mark(one: PayerTry) -> str:
    return f"{one.state}-{one.payment.state}-{one.refunded_fen}"


def _own(request: PayerRequest, found: PaymentRequest, own: str) -> PayerTry:
    """A payer's try; one begun inside WeChat is shown to this customer only."""
    one = selectors.try_by_token(found, own)
    if one is None:
        raise Http404
    if one.customer_id is not None:
        link = request.link
        if link is None or link.customer_id != one.customer_id:
            raise Http404
    return one
