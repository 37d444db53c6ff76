"""Reconciliation: daily bills, where they differ from our book, how that was settled."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from zhanggui.accounts.models import Merchant
from zhanggui.channels.pay import selectors
from zhanggui.channels.pay.errors import advice_for
from zhanggui.channels.pay.forms import DayForm
from zhanggui.channels.pay.models import BillDifference, PayBill
from zhanggui.channels.pay.services import reconciling
from zhanggui.channels.pay.views.payments import reason_of
from zhanggui.channels.pay.views.till import Till
from zhanggui.core.errors import DomainError
from zhanggui.ui.paging import keyset


def bill_list(request: HttpRequest, till: Till) -> HttpResponse:
    """The bills of this place's accounts, newest first, each with what differs."""
    rows = keyset(
        selectors.bills(till.accounts), order=("-day", "-id"), after=request.GET.get("after", "")
    )
    page = {
        "till": till,
        "page": rows,
        "rows": [(bill, till.url("bill", bill.pk)) for bill in rows.rows],
        "open": selectors.open_differences(till.accounts).count(),
        "account": till.account,
        "form": DayForm(initial={"day": reconciling.newest_day()}),
        "urls": {name: till.url(name) for name in ("payments", "bill_check", "account")},
    }
    return render(request, "pay/bills.html", page)


def bill_check(request: HttpRequest, till: Till) -> HttpResponse:
    """Have a day's bill fetched and compared now."""
    form = DayForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such day."))
        return redirect(till.url("bills"))
    try:
        bill = reconciling.ask_for_bill(
            account=till.account_or_404(), day=form.cleaned_data["day"], actor=till.actor
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(till.url("bills"))
    messages.success(request, _("The bill is being fetched."))
    return redirect(till.url("bill", bill.pk))


def bill(request: HttpRequest, till: Till, *, bill_id: int) -> HttpResponse:
    """One day: sums of bill and book, and every number on which they differ."""
    rows = PayBill.objects.select_related("account")
    found = get_object_or_404(rows, pk=bill_id, account__in=till.accounts)
    differences = list(found.differences.order_by("state", "id"))
    slugs = dict(
        Merchant.objects.filter(pk__in=[one.merchant_id for one in differences]).values_list(
            "pk", "slug"
        )
    )
    page = {
        "till": till,
        "bill": found,
        "advice": advice_for(found.error_code) if found.error_code else "",
        "rows": [
            (one, _payment_url(till, one, slugs), till.url("difference", one.pk))
            for one in differences
        ],
        "urls": {name: till.url(name) for name in ("payments", "bills", "bill_check")}
        | {"state": till.url("bill_state", found.pk)},
    }
    return render(request, "pay/bill.html", page)


def bill_state(request: HttpRequest, till: Till, *, bill_id: int) -> HttpResponse:
    """Asked by a page that waits for its bill: 204 while it is being fetched."""
    found = get_object_or_404(PayBill, pk=bill_id, account__in=till.accounts)
    if found.state == request.GET.get("was"):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


def _payment_url(till: Till, one: BillDifference, slugs: dict[int, str]) -> str:
    if one.payment_id is None or one.merchant_id is None:
        return ""
    whose = [] if till.merchant else [slugs[one.merchant_id]]
    return till.url("payment", *whose, one.payment_id)


def difference(request: HttpRequest, till: Till, *, difference_id: int) -> HttpResponse:
    """Say how a difference was settled."""
    rows = BillDifference.objects.select_related("bill__account")
    found = get_object_or_404(rows, pk=difference_id, bill__account__in=till.accounts)
    reconciling.resolve(difference=found, resolution=reason_of(request), actor=till.actor)
    messages.success(request, _("Settled. It stays in the list with your words."))
    return redirect(till.url("bill", found.bill_id))
