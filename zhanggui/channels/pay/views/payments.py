"""Payments: the list, one with its history, refunds, the trial payment."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from zhanggui.channels.pay import hooks, selectors, trials
from zhanggui.channels.pay.errors import PayError, ReasonMissing
from zhanggui.channels.pay.forms import ReasonForm
from zhanggui.channels.pay.lists import PAYMENTS
from zhanggui.channels.pay.models import Payment, PayNotification, Refund, RefundState
from zhanggui.channels.pay.services import notifications, payments, refunds
from zhanggui.channels.pay.views.till import Till
from zhanggui.core import clock, idempotency, tokens
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.ui import qr
from zhanggui.ui.money import YuanField

ZONE = "Asia/Shanghai"


class RefundForm(forms.Form):
    """How much goes back, and why."""

    amount_fen = YuanField()
    reason = forms.CharField(max_length=80)


def payment_list(request: HttpRequest, till: Till) -> HttpResponse:
    """What was paid to the accounts of this place, newest first."""
    shown = PAYMENTS.open(request)
    zone = till.merchant.time_zone if till.merchant else ZONE
    with till.all_rows():
        found = selectors.payments(till.accounts)
        found = selectors.filtered(found, shown.values, search=shown.search, zone=zone)
        shown.fill(found)
        rows = [(one, till.payment_url(one), hooks.find(one.purpose).label) for one in shown.rows]
        figures = selectors.figures(till.accounts, zone=zone)
    page = {
        "till": till,
        "list": shown,
        "rows": rows,
        "figures": figures,
        "today": clock.local_date(clock.now(), zone).isoformat(),
        "account": till.account,
        "now": clock.now(),
        "urls": {name: till.url(name) for name in ("payments", "bills", "account")},
    }
    return render(request, "pay/payments.html", page)


def payment(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """One payment: how it stands, what happened to it, what WeChat Pay told about it."""
    with till.payment(slug, payment_id) as found:
        return render(request, "pay/payment.html", _page(till, found))


def _page(till: Till, found: Payment) -> dict[str, Any]:
    purpose = hooks.find(found.purpose)
    is_elsewhere = purpose.refunds_elsewhere and found.state != "late"
    may_refund = till.may_refund and found.paid_at is not None and found.left_fen > 0
    return {
        "till": till,
        "payment": found,
        "purpose": purpose,
        "subject_url": till.subject_url(found),
        "is_over": found.is_open and found.expires_at <= clock.now(),
        "left_s": _left(found),
        "qr": qr.data_uri(found.code_url) if found.code_url and found.state == "prepaid" else "",
        "changes": list(found.changes.order_by("id")),
        "refunds": [_refund(till, found, one) for one in found.refunds.order_by("-id")],
        "notifications": [
            (one, till.url("replay", one.pk)) for one in selectors.notifications_of(found)
        ],
        "may_refund": may_refund and not is_elsewhere,
        "refunds_elsewhere": may_refund and is_elsewhere,
        "key": tokens.new_token(),
        "now": clock.now(),
        "urls": {
            name: till.payment_url(found, name)
            for name in ("payment", "refund", "look", "settled", "state", "close")
        }
        | {"payments": till.url("payments")},
    }


def _refund(till: Till, found: Payment, one: Refund) -> dict[str, Any]:
    again = till.payment_url(found, "refund_again", one.pk)
    is_again = one.state == RefundState.REFUSED and found.left_fen >= one.amount_fen
    return {"refund": one, "again_url": again if is_again and till.may_refund else ""}


def _left(found: Payment) -> int:
    return max(int((found.expires_at - clock.now()).total_seconds()), 0)


def state(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """Asked every two seconds by an open page: 204 while nothing has changed."""
    with till.payment(slug, payment_id) as found:
        return changed_or_not(request, found.state)


def changed_or_not(request: HttpRequest, now: str) -> HttpResponse:
    """204 while the page shows this state already, else the page loads itself anew."""
    if request.GET.get("was") == now:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


def refund(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """Give money back, all or a part."""
    form = RefundForm(request.POST)
    with till.payment(slug, payment_id) as found:
        if not form.is_valid():
            raise ReasonMissing
        values = form.cleaned_data
        idempotency.once(
            caller=till.actor.key,
            key=request.POST.get("idempotency_key", "")[:80],
            content={"door": "pay.refund", "payment": found.pk, **values},
            write=lambda: {
                "refund": refunds.refund(payment_id=found.pk, actor=till.actor, **values).pk
            },
        )
        messages.success(request, _("The refund is on its way to WeChat Pay."))
        return redirect(till.payment_url(found))


def refund_again(
    request: HttpRequest, till: Till, *, payment_id: int, refund_id: int, slug: str = ""
) -> HttpResponse:
    """Send a refused refund once more, under the same number."""
    with till.payment(slug, payment_id) as found:
        if not Refund.objects.filter(pk=refund_id, payment=found).exists():
            raise NotFound
        refunds.try_again(refund_id=refund_id, actor=till.actor)
        messages.success(request, _("The refund is on its way to WeChat Pay."))
        return redirect(till.payment_url(found))


def look(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """Ask WeChat Pay now how a payment and its refunds stand."""
    with till.payment(slug, payment_id) as found:
        try:
            refunds.look_again(payment_id=found.pk)
        except PayError as error:
            messages.error(request, str(error.advice))
        else:
            messages.success(request, _("Asked WeChat Pay: this is how it stands."))
        return redirect(till.payment_url(found))


def close(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """Stop waiting for a payer."""
    with till.payment(slug, payment_id) as found:
        payments.request_close(payment_id=found.pk, reason="", actor=till.actor)
        return redirect(till.payment_url(found))


def settled(request: HttpRequest, till: Till, *, payment_id: int, slug: str = "") -> HttpResponse:
    """Say how somebody has dealt with what was wrong."""
    with till.payment(slug, payment_id) as found:
        refunds.done_with_trouble(payment_id=found.pk, reason=reason_of(request), actor=till.actor)
        messages.success(request, _("Noted. It stands in the history."))
        return redirect(till.payment_url(found))


def reason_of(request: HttpRequest) -> str:
    """The reason of a small form.

    Raises:
        ReasonMissing: none was typed (E_PAY_REASON, 422).
    """
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise ReasonMissing
    return str(form.cleaned_data["reason"])


def trial(request: HttpRequest, till: Till) -> HttpResponse:
    """Begin a trial payment of one fen."""
    try:
        made = trials.begin(account=till.account_or_404(), actor=till.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(till.url("account"))
    return redirect(till.payment_url(made))


def replay(request: HttpRequest, till: Till, *, notification_id: int) -> HttpResponse:
    """Work on a stored notification once more."""
    rows = PayNotification.objects.select_related("account")
    found = rows.filter(pk=notification_id, account__in=till.accounts).first()
    if found is None:
        raise NotFound
    notifications.replay(notification=found, actor=till.actor)
    messages.success(request, _("It is being worked on again."))
    return redirect(till.url("account"))
