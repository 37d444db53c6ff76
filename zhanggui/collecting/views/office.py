"""Asking for money in the back office: list, form, one request with its code and its payers."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.accounts.services import pictures
from zhanggui.channels.pay.permissions import VIEW as VIEW_PAYMENTS
from zhanggui.channels.wechat.tracking import pictures as codes
from zhanggui.channels.wechat.tracking.pictures import Look
from zhanggui.collecting import selectors, services
from zhanggui.collecting.forms import RequestForm
from zhanggui.collecting.lists import REQUESTS
from zhanggui.collecting.models import PaymentRequest
from zhanggui.collecting.permissions import REQUEST, VIEW
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, idempotency, numbers, tokens
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging, qr


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def requests(request: MerchantRequest) -> HttpResponse:
    """What the shop asked for, newest first."""
    shown = REQUESTS.open(request)
    shown.fill(
        selectors.requests(
            search=shown.search, values=shown.values, zone=request.merchant.time_zone
        )
    )
    page = {
        "list": shown,
        "now": clock.now(),
        "may_ask": REQUEST.name in request.permissions,
        "account": selectors.account(request.merchant),
    }
    return render(request, "collecting/backoffice/requests.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(REQUEST.name)
def request_new(request: MerchantRequest) -> HttpResponse:
    """Ask for an amount; with ``?customer=`` of one customer only."""
    customer = _customer(request)
    form = RequestForm(request.POST or None, is_for_customer=customer is not None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            asked = form.asked()
            try:
                answer = idempotency.once(
                    caller=request.actor.key,
                    key=request.POST.get("idempotency_key", "")[:80],
                    content={"door": "collecting.new", **form.cleaned_data},
                    write=lambda: {
                        "id": services.create_request(
                            merchant=request.merchant,
                            asked=asked,
                            customer_id=customer.pk if customer else None,
                            actor=request.actor,
                        ).pk
                    },
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("Show the code, or send the link."))
                return redirect("collecting:request", request.merchant.slug, answer["id"])
    page = {
        "form": form,
        "customer": customer,
        "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
    }
    return render(request, "collecting/backoffice/form.html", page, status=status)


def _customer(request: MerchantRequest) -> Customer | None:
    typed = request.POST.get("customer") or request.GET.get("customer", "")
    number = numbers.whole(typed) if typed else None
    if not typed:
        return None
    return get_object_or_404(Customer.objects.all(), pk=number or 0)


def _request_or_404(collect_id: int) -> PaymentRequest:
    rows = PaymentRequest.objects.select_related("merchant", "customer")
    return get_object_or_404(rows, pk=collect_id)


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def request(request: MerchantRequest, *, collect_id: int) -> HttpResponse:
    """One request: its code and link, how it stands, who paid."""
    found = _request_or_404(collect_id)
    now = clock.now()
    payers = paging.keyset(
        selectors.payers(found), order=("-id",), after=request.GET.get("after", ""), size=20
    )
    address = selectors.address(found)
    page = {
        "found": found,
        "page": payers,
        "now": now,
        "is_over": found.is_over(now),
        "is_open": found.takes_money(now),
        "address": address,
        "qr": qr.data_uri(address),
        "mark": _mark(found),
        "may_ask": REQUEST.name in request.permissions,
        "may_see_payments": VIEW_PAYMENTS.name in request.permissions,
    }
    return render(request, "collecting/backoffice/request.html", page)


def _mark(found: PaymentRequest) -> str:
    """What an open page shows: another one means that it must load anew."""
    return f"{found.state}-{found.paid_count}-{found.refunded_fen}-{selectors.waiting(found)}"


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def state(request: MerchantRequest, *, collect_id: int) -> HttpResponse:
    """Asked by an open page: 204 while nothing has changed."""
    if request.GET.get("was") == _mark(_request_or_404(collect_id)):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@require_POST
@merchant_view(REQUEST.name)
def stop(request: MerchantRequest, *, collect_id: int) -> HttpResponse:
    """Take no more payments."""
    found = _request_or_404(collect_id)
    services.stop_request(request=found, actor=request.actor)
    messages.success(request, _("Stopped. Nobody can begin to pay any more."))
    return redirect("collecting:request", request.merchant.slug, found.pk)


@require_GET
@merchant_view(VIEW.name)
def picture(request: MerchantRequest, *, collect_id: int, kind: str) -> HttpResponse:
    """The code as a picture to print, with logo and what it is for."""
    found = _request_or_404(collect_id)
    look = Look(caption=found.title, logo=pictures.logo_of(found.merchant))
    makers = {"png": (codes.png, "image/png"), "svg": (codes.svg, "image/svg+xml")}
    if kind not in makers:
        raise Http404
    make, content_type = makers[kind]
    response = HttpResponse(make(selectors.address(found), look), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="collect-{found.pk}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response
