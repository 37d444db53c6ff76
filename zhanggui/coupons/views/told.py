"""The customer's page of one message about a redemption, with "that was not me" (D46)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, limits, numbers, tenancy
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.core.limits import Limit
from zhanggui.coupons import permissions, services
from zhanggui.coupons.forms import ReportForm
from zhanggui.coupons.models import UseRecord
from zhanggui.messaging import links

REPORTS = Limit("coupons-report", most=20, window_s=3_600, lock_s=3_600)
"""Of one network: each redemption can be reported once, and nobody guesses 122 random bits."""
SUBJECT = "use:"


@never_cache
@require_http_methods(["GET", "POST"])
@public_view
def told(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """What a message told of, for whoever has the message; one press says "that was not me"."""
    shop = Merchant.objects.filter(slug=merchant).first()
    if shop is None or not standing.of(shop).has(permissions.FEATURE):
        raise NotFound
    with tenancy.merchant_scope(shop.pk):
        record = _record_of(token)
        if record is None:
            raise NotFound
        return _told(request, shop, record)


def _record_of(token: str) -> UseRecord | None:
    message = links.message_of(token)
    if message is None or message.customer is None:
        return None
    subject = links.subject_of(message)
    if not subject.startswith(SUBJECT):  # a message about something else
        return None
    number = numbers.whole(subject.removeprefix(SUBJECT))
    rows = UseRecord.objects.select_related("store", "customer", "coupon")
    return rows.filter(pk=number or 0).first()


def _told(request: HttpRequest, shop: Merchant, record: UseRecord) -> HttpResponse:
    form = ReportForm(request.POST or None)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            account_services.refuse_frozen(shop)
            limits.claim(REPORTS, devices.network_of(devices.ip_of(request)))
            services.report_not_me(
                record_id=record.pk,
                text=form.cleaned_data["text"] if form.is_valid() else "",
                actor=customer_actor(record.customer_id, record.customer.name, request),
            )
        except DomainError as refusal:
            refused = refusal
        else:
            return redirect(request.path)
    page = {
        "merchant": shop,
        "record": record,
        "name": masked_name(record.customer_name),
        "is_late": clock.now() > record.at + services.REPORT_WITHIN,
        "form": form,
        "refused": refused,
    }
    status = refused.status if refused else 200
    return render(request, "coupons/mobile/told.html", page, status=status)
