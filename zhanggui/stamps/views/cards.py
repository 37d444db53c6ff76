"""Lists of cards and rewards, blocking a card, one entry of the ledger with all that follows."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.core.errors import DomainError
from zhanggui.stamps import permissions, services
from zhanggui.stamps.forms.desk import BlockForm
from zhanggui.stamps.models import Card, Kind, StampRecord
from zhanggui.stamps.selectors import card_lists, chains
from zhanggui.stamps.views.office import cancel_since, card_page

FOLDER = "stamps/backoffice"


@merchant_view(permissions.VIEW.name)
@require_safe
def cards(request: MerchantRequest) -> HttpResponse:
    """All cards, newest first."""
    shown = card_lists.CARDS.open(request)
    zone = request.merchant.time_zone
    shown.fill(card_lists.cards(shown.values, search=shown.search, zone=zone))
    return render(request, f"{FOLDER}/cards.html", {"list": shown})


@merchant_view(permissions.VIEW.name)
@require_safe
def rewards(request: MerchantRequest) -> HttpResponse:
    """What cards have won, newest first."""
    shown = card_lists.REWARDS.open(request)
    zone = request.merchant.time_zone
    shown.fill(card_lists.rewards(shown.values, search=shown.search, zone=zone))
    coupons = card_lists.coupons_of(shown.rows)
    page = {
        "list": shown,
        "lines": [(row, coupons.get(row.coupon_id or 0)) for row in shown.rows],
    }
    return render(request, f"{FOLDER}/rewards.html", page)


@merchant_view(permissions.VIEW.name)
@require_safe
def record(request: MerchantRequest, record_id: int) -> HttpResponse:
    """One entry: what was done, what followed, how it was proved and how it is booked."""
    rows = StampRecord.objects.select_related(
        "store", "transaction", "card__programme", "card__customer", "customer"
    )
    found = get_object_or_404(rows, pk=record_id)
    steps = chains.of(found)
    since = cancel_since(request)
    page = {
        "record": found,
        "steps": steps,
        "bookings": chains.bookings(steps),
        "proof": chains.proof_of(found),
        "may_cancel": (
            found.kind == Kind.ACCUMULATE
            and since is not None
            and found.at > since
            and not any(step.is_here and step.is_undone for step in steps)
        ),
    }
    return render(request, f"{FOLDER}/record.html", page)


@merchant_view(permissions.HANDLE_CASES.name)
@require_POST
def block(request: MerchantRequest, card_id: int) -> HttpResponse:
    """Let a card take no stamps until somebody has looked into it, with a reason."""
    found = get_object_or_404(Card.objects.all(), pk=card_id)
    form, status = BlockForm(request.POST), 422
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            services.block_card(card_id=found.pk, reason=reason, actor=request.actor)
        except DomainError as refusal:
            status = put_refusal(form, refusal, "reason")
        else:
            messages.success(request, _("Blocked. The card takes no stamps and gives no codes."))
            return redirect("stamps:office_card", request.merchant.slug, found.pk)
    return card_page(request, found.pk, refused=form, status=status)


@merchant_view(permissions.HANDLE_CASES.name)
@require_POST
def unblock(request: MerchantRequest, card_id: int) -> HttpResponse:
    """Let a blocked card go on as it was."""
    found = get_object_or_404(Card.objects.all(), pk=card_id)
    services.unblock_card(card_id=found.pk, actor=request.actor)
    messages.success(request, _("The card takes stamps again."))
    return redirect("stamps:office_card", request.merchant.slug, found.pk)
