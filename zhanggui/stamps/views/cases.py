"""The customer's page of one message with "that was not me", and the office's list of reports."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, public_view
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock, limits, numbers, tenancy
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.core.limits import Limit
from zhanggui.coupons import selectors as coupon_selectors
from zhanggui.messaging import links
from zhanggui.stamps import permissions, rules, services
from zhanggui.stamps.forms.desk import ReportForm, SettleForm
from zhanggui.stamps.models import Case, Kind, StampRecord, Verdict
from zhanggui.stamps.selectors import cases

REPORTS = Limit("stamps-report", most=20, window_s=3_600, lock_s=3_600)
"""Of one network: each record can be reported once, and nobody guesses 122 random bits."""
SUBJECT = "record:"


@never_cache
@require_http_methods(["GET", "POST"])
@public_view
def told(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """What a message told of, for whoever has the message; one press says "that was not me"."""
    shop = Merchant.objects.filter(slug=merchant).first()
    if shop is None or not standing.of(shop).has(permissions.FEATURE.name):
        raise NotFound
    with tenancy.merchant_scope(shop.pk):
        record = _record_of(token)
        if record is None:
            raise NotFound
        return _told(request, shop, record)


def _record_of(token: str) -> StampRecord | None:
    message = links.message_of(token)
    if message is None or message.customer is None:
        return None
    subject = links.subject_of(message)
    if not subject.startswith(SUBJECT):  # a message about something else
        return None
    number = numbers.whole(subject.removeprefix(SUBJECT))
    rows = StampRecord.objects.select_related("store", "card__programme", "customer")
    return rows.filter(pk=number or 0).first()


def _told(request: HttpRequest, shop: Merchant, record: StampRecord) -> HttpResponse:
    form = ReportForm(request.POST or None)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            account_services.refuse_frozen(shop)
            limits.claim(REPORTS, devices.network_of(devices.ip_of(request)))
            text = form.cleaned_data["text"] if form.is_valid() else ""
            services.report_not_me(
                record=record,
                text=text,
                actor=customer_actor(record.customer_id, record.customer.name, request),
            )
        except DomainError as refusal:
            refused = refusal
        else:
            return redirect(request.path)
    page = {
        "merchant": shop,
        "record": record,
        "amount": abs(record.amount),
        "is_cancel": record.kind == Kind.CANCEL,
        "name": masked_name(record.customer_name),
        "case": services.case_of(record),
        "is_late": clock.now() > record.at + services.REPORT_WITHIN,
        "form": form,
        "refused": refused,
    }
    status = refused.status if refused else 200
    return render(request, "stamps/mobile/told.html", page, status=status)


@require_safe
@merchant_view(permissions.HANDLE_CASES.name)
def reports(request: MerchantRequest) -> HttpResponse:
    """Reports of customers, newest first."""
    shown = cases.CASES.open(request)
    zone = request.merchant.time_zone
    shown.fill(cases.found(shown.values, search=shown.search, zone=zone))
    uses = coupon_selectors.uses_named(case.subject for case in shown.rows)
    page = {"list": shown, "lines": [(case, uses.get(case.subject)) for case in shown.rows]}
    return render(request, "stamps/backoffice/reports.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(permissions.HANDLE_CASES.name)
def report(request: MerchantRequest, case_id: int) -> HttpResponse:
    """One report with the facts around it; settled with what came out and a note."""
    rows = Case.objects.select_related("store", "record__card__programme", "record__customer")
    case = get_object_or_404(rows, pk=case_id)
    undone = _undone(case.record)
    initial = {"verdict": Verdict.FOUNDED} if undone else {}
    form = SettleForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.settle_case(
                    case_id=case.pk,
                    verdict=Verdict(form.cleaned_data["verdict"]),
                    note=form.cleaned_data["note"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "note")
            else:
                messages.success(request, _("Settled."))
                return redirect("stamps:reports", request.merchant.slug)
    page = {
        "case": case,
        "record": case.record,
        "undone": undone,
        "use": coupon_selectors.uses_named([case.subject]).get(case.subject),
        "form": form,
        "others": cases.others_of(case),
        "advice": cases.ADVICE.get(case.kind, ""),
        "rows_query": cases.rows_query(case, request.merchant.time_zone),
        "cancel_url": _cancel_url(request, case.record),
    }
    return render(request, "stamps/backoffice/report.html", page, status=status)


def _undone(record: StampRecord | None) -> StampRecord | None:
    """The entry that took the stamp back, if one has."""
    return StampRecord.objects.filter(reverses_id=record.pk).first() if record else None


def _cancel_url(request: MerchantRequest, record: StampRecord | None) -> str:
    """Where the stamp can still be taken back by this person; empty where it cannot."""
    if record is None or record.kind != Kind.ACCUMULATE:
        return ""
    is_young = record.at > clock.now() - rules.OFFICE_CANCELS_WITHIN
    is_over = StampRecord.objects.filter(reverses_id=record.pk).exists()
    if permissions.CANCEL.name not in request.permissions or not is_young or is_over:
        return ""
    return (
        f"{reverse('stamps:cancel', args=[request.merchant.slug, record.pk])}?back={request.path}"
    )
