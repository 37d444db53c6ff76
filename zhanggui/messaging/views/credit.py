"""SMS credit of a merchant: two purses, what is on sale, the statement."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.core import tokens
from zhanggui.core.errors import DomainError
from zhanggui.ledger.errors import AlreadyBooked
from zhanggui.messaging import credit_warnings, packs, selectors, wallet
from zhanggui.messaging.forms import MoveForm
from zhanggui.messaging.models import Purse, Wallet, in_fen
from zhanggui.messaging.permissions import MANAGE, VIEW
from zhanggui.messaging.wallet import EVENT_LABELS
from zhanggui.ui.paging import keyset

KINDS = (
    ("in", gettext_lazy("Came in")),
    ("out", gettext_lazy("Spent")),
    ("back", gettext_lazy("Came back")),
)
MAILING, MESSAGE = "mailing", "message"


@require_safe
@merchant_view(VIEW.name)
def credit(request: MerchantRequest) -> HttpResponse:
    """What lies in the purses, what moved, what can be bought."""
    return _page(request, MoveForm())


def _page(request: MerchantRequest, form: MoveForm, status: int = 200) -> HttpResponse:
    purse, kind = request.GET.get("purse", ""), request.GET.get("kind", "")
    found = selectors.statement(purse=purse, kind=kind)
    page = keyset(found, order=("-id",), after=request.GET.get("after", ""))
    known = {row.purse: row for row in Wallet.objects.all()}
    shown = {
        "page": page,
        "lines": [_line(one) for one in selectors.lines(page.rows)],
        "purses": [_purse(one, known.get(one.value)) for one in Purse],
        "packs": packs.on_sale(request.merchant.operator_id),
        "purse": purse,
        "kind": kind,
        "purse_choices": Purse.choices,
        "kinds": KINDS,
        "form": form,
        "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
        "may_manage": MANAGE.name in request.permissions,
        "is_open": bool(form.errors),
    }
    return render(request, "messaging/credit.html", shown, status=status)


def _purse(purse: Purse, known: Wallet | None) -> dict[str, Any]:
    left = wallet.balance(purse)
    return {
        "purse": purse,
        "left": left,
        "held": wallet.held(purse),
        "filled": known.filled if known else 0,
        "is_low": known is not None and credit_warnings.is_low(known.filled, left),
        "worth_fen": in_fen(left * known.milli_fen) if known else 0,
    }


def _line(line: selectors.Line) -> dict[str, Any]:
    what, _colon, rest = line.cause.partition(":")
    number = rest.partition(":")[0]
    return {
        "line": line,
        "event": EVENT_LABELS.get(line.event, line.event),
        "message": number if what == MESSAGE else "",
        "mailing": number if what == MAILING else "",
    }


@require_POST
@merchant_view(MANAGE.name)
def move(request: MerchantRequest) -> HttpResponse:
    """Move credit into the other purse."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        wallet.move(
            merchant=request.merchant,
            source=Purse(form.cleaned_data["source"]),
            segments=form.cleaned_data["segments"],
            key=request.POST.get("idempotency_key", "")[:40] or tokens.new_token(),
            actor=request.actor,
        )
    except AlreadyBooked:
        return redirect("messaging:credit", request.merchant.slug)
    except DomainError as refusal:
        return _page(request, form, status=put_refusal(form, refusal, "segments"))
    messages.success(request, _("Moved."))
    return redirect("messaging:credit", request.merchant.slug)
