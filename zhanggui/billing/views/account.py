"""My account: plan, balance and orders of a merchant; works when the plan is over, too."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import features
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.billing import capitals, periods, permissions, selectors, services
from zhanggui.billing.errors import AmountDiffers, OrderLapsed, OrderMoved, TransferWaits
from zhanggui.billing.forms import PeriodForm, TopUpForm, TransferForm, UpgradeForm
from zhanggui.billing.models import Edition, Kind, Order, OrderState, Plan, TransferState, Way
from zhanggui.billing.views import ordering, paying
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.files import kinds
from zhanggui.files.uploading import takes_files
from zhanggui.ui.paging import keyset


@require_GET
@merchant_view(permissions.VIEW.name)
@works_read_only
def account(request: MerchantRequest) -> HttpResponse:
    """Edition, expiry, balance and the list of orders (M1, M2)."""
    plan = selectors.plan_of()
    chosen = {
        name: request.GET.get(name, "").strip()[:80] for name in ("q", "kind", "way", "state")
    }
    found = selectors.orders(
        search=chosen["q"], kind=chosen["kind"], way=chosen["way"], state=chosen["state"]
    )
    page = {
        "plan": plan,
        "stands": request.standing,
        "edition": selectors.edition_now(plan) if plan else None,
        "balance_fen": selectors.balance_fen(),
        "features": features.known(),
        "limits": features.limits(),
        "may_pay": permissions.PAY.name in request.permissions,
        "upgrades": bool(plan) and bool(_upgrades(request, plan)),
        "open_order": selectors.open_order(),
        "page": keyset(found, order=selectors.ORDER, after=request.GET.get("after", "")),
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "kinds": Kind.choices,
        "ways": Way.choices,
        "states": OrderState.choices,
        "now": clock.now(),
        "read_only_from": periods.read_only_from(plan.ends_at) if plan else None,
    }
    return render(request, "billing/account.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(permissions.PAY.name)
@works_read_only
def renew(request: MerchantRequest) -> HttpResponse:
    """Choose an edition and a period, and order it (U-42)."""
    plan = selectors.plan_of()
    if plan is None:
        return redirect("billing:account", request.merchant.slug)
    offers = selectors.offers(plan, request.merchant)
    keys = [one for _edition, group in offers for one in group]
    form = PeriodForm(
        request.POST or None,
        offers=keys,
        ways=ordering.ways(request),
        initial={"use_balance": True},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            edition, months = form.cleaned_data["offer"].split(":")
            values = {"edition": edition, "months": int(months)} | ordering.paying(form)
            done, status = ordering.place(request, form, "renew", "offer", values)
            if done:
                return done
    page = {
        "offers": offers,
        "is_over": plan.ends_at <= clock.now(),
        "chosen": form["offer"].value() or (keys[min(1, len(keys) - 1)].key if keys else ""),
    }
    return ordering.page(
        request, form, plan, template="billing/renew.html", page=page, status=status
    )


@require_http_methods(["GET", "POST"])
@merchant_view(permissions.PAY.name)
@works_read_only
def upgrade(request: MerchantRequest) -> HttpResponse:
    """Choose a bigger edition for the rest of the plan, and order it (U-43, M3)."""
    plan = selectors.plan_of()
    if plan is None:
        return redirect("billing:account", request.merchant.slug)
    if plan.is_trial or plan.ends_at <= clock.now():
        return redirect("billing:renew", request.merchant.slug)
    choices = _upgrades(request, plan)
    form = UpgradeForm(
        request.POST or None,
        editions=[edition for edition, _fen in choices],
        ways=ordering.ways(request),
        initial={"use_balance": True},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {"edition": form.cleaned_data["edition"]} | ordering.paying(form)
            done, status = ordering.place(request, form, "upgrade", "edition", values)
            if done:
                return done
    page = {
        "choices": choices,
        "edition": selectors.edition_now(plan),
        "chosen": form["edition"].value() or (choices[0][0].code if choices else ""),
        "days_left": (plan.ends_at - clock.now()).days,
    }
    return ordering.page(
        request, form, plan, template="billing/upgrade.html", page=page, status=status
    )


@require_http_methods(["GET", "POST"])
@merchant_view(permissions.PAY.name)
@works_read_only
def top_up(request: MerchantRequest) -> HttpResponse:
    """Order a top-up of the balance."""
    plan = selectors.plan_of()
    form = TopUpForm(request.POST or None, ways=ordering.ways(request))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {name: form.cleaned_data[name] for name in ("amount_fen", "note")}
            done, status = ordering.place(request, form, "top_up", "amount_fen", values)
            if done:
                return done
    return ordering.page(
        request, form, plan, template="billing/top_up.html", page={}, status=status
    )


@takes_files(kinds.DOCUMENT)
@require_http_methods(["GET", "POST"])
@merchant_view(permissions.VIEW.name)
@works_read_only
def order(request: MerchantRequest, *, order_id: int) -> HttpResponse:
    """One order: what it is, how it is paid, its history; POST hands in a transfer."""
    found = _order_of(order_id)
    may_pay = permissions.PAY.name in request.permissions
    form = TransferForm(
        request.POST or None,
        request.FILES or None,
        initial={
            "amount_fen": found.rest_fen,
            "paid_on": clock.local_date(clock.now(), request.merchant.time_zone),
        },
    )
    status = 200
    if request.method == "POST":
        permissions.refuse_without(request.permissions, permissions.PAY)
        status = 422
        if form.is_valid():
            try:
                services.hand_in_transfer(
                    merchant=request.merchant,
                    order_id=found.pk,
                    actor=request.actor,
                    **form.cleaned_data,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                messages.success(request, _("Handed in. You are told when it is checked."))
                return redirect("billing:order", request.merchant.slug, found.pk)
    transfers = selectors.transfers_of(found)
    is_open = found.state == OrderState.PENDING and not selectors.is_lapsed(found)
    is_checked = any(one.state == TransferState.WAITING for one in transfers)
    page = {
        "now": clock.now(),
        "order": found,
        "form": form,
        "may_pay": may_pay,
        "is_lapsed": selectors.is_lapsed(found),
        "is_open": is_open,
        "is_checked": is_checked,
        "takes_proof": is_open and not is_checked and may_pay,
        "left_s": _left(found),
        "transfers": transfers,
        "changes": list(found.changes.order_by("id")),
        "seller": selectors.seller_of(request.merchant) if is_open else None,
    } | paying.paying(request, found, is_open=is_open)
    return render(request, "billing/order.html", page, status=status)


@require_POST
@merchant_view(permissions.PAY.name)
@works_read_only
def cancel(request: MerchantRequest, *, order_id: int) -> HttpResponse:
    """Take an unpaid order back."""
    found = _order_of(order_id)
    services.cancel_order(merchant=request.merchant, order_id=found.pk, actor=request.actor)
    messages.success(request, _("The order is cancelled."))
    return redirect("billing:account", request.merchant.slug)


@require_GET
@merchant_view(permissions.VIEW.name)
@works_read_only
def receipt(request: MerchantRequest, *, order_id: int) -> HttpResponse:
    """A receipt to print, once the order is paid."""
    found = get_object_or_404(
        selectors.orders(), pk=order_id, state__in=[OrderState.PAID, OrderState.REFUNDED]
    )
    page = {
        "order": found,
        "seller": selectors.seller_of(request.merchant),
        "in_capitals": capitals.yuan(found.total_fen),
    }
    return render(request, "billing/receipt.html", page)


def _order_of(order_id: int) -> Order:
    return get_object_or_404(selectors.orders(), pk=order_id)


def _left(order: Order) -> int:
    if order.expires_at is None:
        return 0
    return max(int((order.expires_at - clock.now()).total_seconds()), 0)


def _upgrades(request: MerchantRequest, plan: Plan | None) -> list[tuple[Edition, int]]:
    """Bigger editions with what they cost now."""
    if plan is None or plan.is_trial or plan.ends_at <= clock.now():
        return []
    found = []
    for edition in Edition.objects.filter(is_on_sale=True):
        try:
            found.append((edition, services.upgrade_price(plan, edition, request.merchant)))
        except DomainError:
            continue
    return found


def _field_of(refusal: DomainError) -> str | None:
    if isinstance(refusal, OrderLapsed | OrderMoved | TransferWaits):
        return None
    return "amount_fen" if isinstance(refusal, AmountDiffers) else "proof"
