"""Lists of cards and rewards, and one entry of the ledger with everything that hangs on it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Kind, StampRecord
from zhanggui.stamps.selectors import card_lists, chains
from zhanggui.stamps.views.office import cancel_since

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
