"""Stamps by hand: asked for on a card, listed, approved or turned down by somebody else."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.core.errors import DomainError
from zhanggui.stamps import permissions, services
from zhanggui.stamps.forms.desk import AdjustForm, LimitsForm
from zhanggui.stamps.models import Adjustment, AdjustmentState, Card
from zhanggui.stamps.selectors import outlooks
from zhanggui.stamps.services import LimitsInput
from zhanggui.ui import paging

ORDER = ("-asked_at", "-id")


@merchant_view(permissions.ADJUST.name)
@require_http_methods(["GET", "POST"])
def adjust(request: MerchantRequest, card_id: int) -> HttpResponse:
    """Give or take stamps of one card."""
    cards = Card.objects.select_related("customer", "programme", "terms")
    card = get_object_or_404(cards, pk=card_id)
    form = AdjustForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = services.adjust(card_id=card.pk, actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "amount")
            else:
                messages.success(request, _said(row))
                return redirect("stamps:office_card", request.merchant.slug, card.pk)
    page = {"card": card, "form": form, "limit": services.limits().second_person_above}
    return render(request, "stamps/backoffice/adjust.html", page, status=status)


def _said(row: Adjustment) -> str:
    if row.state == AdjustmentState.WAITING:
        return _("Asked for. It is booked as soon as a second person approves it.")
    return _("Booked. The customer sees the new number of stamps.")


@merchant_view(permissions.ADJUST.name)
@require_safe
def adjustments(request: MerchantRequest) -> HttpResponse:
    """All adjustments, newest first; those that wait can be decided here."""
    state = request.GET.get("state", "")
    found = Adjustment.objects.select_related("card__customer", "card__programme", "card__terms")
    if state in AdjustmentState.values:
        found = found.filter(state=state)
    page = paging.keyset(found, order=ORDER, after=request.GET.get("after", ""))
    return render(request, "stamps/backoffice/adjustments.html", _list(request, page, state))


def _list(request: MerchantRequest, page: Any, state: str) -> dict[str, Any]:
    seen = outlooks.of_waiting(page.rows)
    return {
        "page": page,
        "lines": [(row, seen.get(row.pk)) for row in page.rows],
        "state": state,
        "states": AdjustmentState.choices,
        "me": request.actor.id,
    }


@merchant_view(permissions.ADJUST.name)
@require_POST
def decide(request: MerchantRequest, adjustment_id: int) -> HttpResponse:
    """A second person approves, or turns down with a word."""
    found = get_object_or_404(Adjustment.objects.all(), pk=adjustment_id)
    try:
        if request.POST.get("ok") == "1":
            services.approve(adjustment_id=found.pk, actor=request.actor)
            messages.success(request, _("Approved and booked."))
        else:
            services.reject(
                adjustment_id=found.pk, note=request.POST.get("note", ""), actor=request.actor
            )
            messages.success(request, _("Turned down; nothing was booked."))
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("stamps:adjustments", request.merchant.slug)


@merchant_view(permissions.MANAGE_PROGRAMMES.name)
@require_http_methods(["GET", "POST"])
def limits(request: MerchantRequest) -> HttpResponse:
    """What holds at every counter of the shop."""
    now = services.limits()
    initial = {
        "operations_a_day": now.operations_a_day,
        "second_person_above": now.second_person_above,
        "may_stamp_own": now.may_stamp_own,
        "may_press_when_shut": now.may_press_when_shut,
        "signin_for_undo_min": now.signin_for_undo_min,
        "asks_place": now.asks_place,
        "far_from_m": now.far_from_m,
        "reward_fen_a_day": now.reward_fen_a_day,
    }
    form = LimitsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.set_limits(values=LimitsInput(**form.cleaned_data), actor=request.actor)
        messages.success(request, _("Saved. It holds from the next code on."))
        return redirect("stamps:limits", request.merchant.slug)
    status = 422 if form.errors else 200
    return render(request, "stamps/backoffice/limits.html", {"form": form}, status=status)
