"""The back office's ledger, figures and cards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps import rewards, rules, selectors, services
from zhanggui.stamps.forms.desk import BlockForm, CancelForm, read_filter
from zhanggui.stamps.models import AdjustmentState, Card, Kind, Method, Programme, StampRecord
from zhanggui.stamps.selectors import LedgerWish, histories, insight
from zhanggui.ui import paging

CHART_DAYS = 60


@merchant_view("stamps.view")
@require_GET
def ledger(request: MerchantRequest) -> HttpResponse:
    """Entries of all stores, newest first."""
    wanted = read_filter(request.GET)
    records = selectors.ledger_of(wanted, request.merchant.time_zone).select_related(
        "store", "card__programme"
    )
    page = paging.keyset(records, order=selectors.ORDER, after=request.GET.get("after", ""))
    return render(
        request,
        "stamps/backoffice/ledger.html",
        {
            "page": page,
            "rows": selectors.with_context(page.rows),
            "cancel_since": cancel_since(request),
        }
        | _filters(wanted),
    )


def _filters(wanted: LedgerWish) -> dict[str, Any]:
    """What the filters of the ledger show."""
    return {
        "wanted": wanted,
        "stores": list(Store.objects.order_by("id")),
        "programmes": list(Programme.objects.order_by("id")),
        "kinds": Kind.choices,
        "methods": Method.choices,
        "has_places": services.limits().asks_place,
        "is_filtered": any(wanted.values()),
    }


@merchant_view("stamps.view")
@require_GET
def visitors(request: MerchantRequest) -> HttpResponse:
    """The customers behind a figure: who has entries in the days asked for, each once."""
    wanted = read_filter(request.GET)
    records = selectors.ledger_of(wanted, request.merchant.time_zone)
    found = insight.visitors(records)
    page = paging.keyset(found, order=insight.VISITORS, after=request.GET.get("after", ""))
    return render(
        request,
        "stamps/backoffice/visitors.html",
        {
            "page": page,
            "rows": insight.visits(page.rows, records),
            "total": found.count(),
        }
        | _filters(wanted),
    )


@merchant_view("stamps.cancel")
@require_http_methods(["GET", "POST"])
def cancel(request: MerchantRequest, record_id: int) -> HttpResponse:
    """Take a stamp back, with a reason; any store, at most 15 days old (D30)."""
    records = StampRecord.objects.select_related("store", "card__programme")
    record = get_object_or_404(records, pk=record_id, kind=Kind.ACCUMULATE)
    form = CancelForm(request.POST or None)
    status, refused = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.cancel_record(
                    record_id=record.pk,
                    reason=form.cleaned_data["reason"],
                    is_forced=form.cleaned_data["is_forced"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                status, refused = refusal.status, refusal
            else:
                messages.success(request, _("The stamp was cancelled. Both entries stay visible."))
                return redirect(_back(request))
    card = rules.card_of(record.card_id).card
    lost = list(rewards.falling(card, record.amount))
    has_used = any(rewards.is_used(reward) for reward in lost)
    page = {
        "record": record,
        "form": form,
        "refused": refused,
        "back": _back(request),
        "lost": lost,
        "has_used": has_used,
        "may_force": has_used or bool(rewards.short(card, record.amount)),
    }
    is_piece = request.headers.get("HX-Request") == "true"
    name = "_cancel_dialog.html" if is_piece else "cancel.html"
    return render(request, f"stamps/backoffice/{name}", page, status=status)


@merchant_view("stamps.view")
@require_GET
def card(request: MerchantRequest, card_id: int) -> HttpResponse:
    """One card with its customer and entries."""
    return card_page(request, card_id)


def card_page(
    request: MerchantRequest, card_id: int, *, refused: BlockForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of a card; with the form that was refused, its dialog stands open."""
    known = Card.objects.select_related("customer", "programme", "terms")
    found = get_object_or_404(known, pk=card_id)
    return render(
        request,
        "stamps/backoffice/card.html",
        {
            "card": found,
            "moves": histories.of_card(found),
            "waiting": list(found.adjustments.filter(state=AdjustmentState.WAITING).order_by("pk")),
            "joined": list(found.merged.order_by("pk")),
            "avatar": insight.avatars_of([found.customer_id]).get(found.customer_id, ""),
            "cancel_since": cancel_since(request),
            "may_block": "stamps.handle_cases" in request.permissions,
            "block_form": refused or BlockForm(),
        },
        status=status,
    )


def cancel_since(request: MerchantRequest) -> datetime | None:
    """How old a stamp may be that this person can still take back; None for nobody's."""
    may = "stamps.cancel" in request.permissions
    return clock.now() - rules.OFFICE_CANCELS_WITHIN if may else None


def _back(request: MerchantRequest) -> Any:
    wanted = request.POST.get("back") or request.GET.get("back", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/m/"):
        return wanted

    return reverse("stamps:ledger", args=[request.merchant.slug])
