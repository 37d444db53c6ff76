"""An operator's pages: its own price list, and its desk over its merchants' orders (P11)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import OperatorRequest, operator_view
from zhanggui.billing import permissions, selectors, services
from zhanggui.billing.forms import PriceForm
from zhanggui.billing.models import Edition, Price
from zhanggui.billing.views import desk as desks
from zhanggui.billing.views import endings
from zhanggui.billing.views.desk import Desk
from zhanggui.core.errors import DomainError
from zhanggui.ui.formats import money

SALES = permissions.OPERATOR_SALES.name
PRICES = permissions.OPERATOR_PRICES.name


def _desk(request: OperatorRequest) -> Desk:
    return Desk(request.operator, request.actor, request.permissions)


@require_GET
@operator_view(SALES)
def prices(request: OperatorRequest) -> HttpResponse:
    """What this operator's merchants pay, beside the platform's prices."""
    base = selectors.prices(None)
    own = {price.edition_id: price for price in Price.objects.filter(operator=request.operator)}
    page = {
        "rows": [
            (edition, base.get(edition.pk), own.get(edition.pk))
            for edition in Edition.objects.filter(is_on_sale=True)
        ],
        "may_change": PRICES in request.permissions,
        "operator": request.operator,
    }
    return render(request, "billing/operator/prices.html", page)


@require_http_methods(["GET", "POST"])
@operator_view(PRICES)
def price(request: OperatorRequest, *, code: str) -> HttpResponse:
    """Set what this operator asks for an edition, within the platform's range."""
    edition = get_object_or_404(Edition, code=code, is_on_sale=True)
    base = get_object_or_404(Price, edition=edition, operator=None)
    present = Price.objects.filter(edition=edition, operator=request.operator).first() or base
    ranges = {name: services.range_of(edition, getattr(base, name)) for name in services.PERIODS}
    form = PriceForm(
        request.POST or None,
        initial={name: getattr(present, name) for name in services.PERIODS},
        ranges={name: [money(fen) for fen in pair] for name, pair in ranges.items()},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.set_price(
                    edition=edition,
                    operator=request.operator,
                    fen=form.cleaned_data,
                    actor=request.actor,
                )
            except DomainError as refusal:
                field = refusal.details.get("field")
                status = put_refusal(form, refusal, field)
            else:
                messages.success(request, _("Saved. Your merchants see these prices now."))
                return redirect("billing:operator_prices", request.operator.slug)
    page = {
        "edition": edition,
        "form": form,
        "operator": request.operator,
        "is_own": present is not base,
    }
    return render(request, "billing/operator/price.html", page, status=status)


@require_POST
@operator_view(PRICES)
def price_drop(request: OperatorRequest, *, code: str) -> HttpResponse:
    """Sell an edition at the platform's price again."""
    edition = get_object_or_404(Edition, code=code)
    services.drop_price(edition=edition, operator=request.operator, actor=request.actor)
    messages.success(request, _("You sell at the platform's price again."))
    return redirect("billing:operator_prices", request.operator.slug)


@require_GET
@operator_view(SALES)
def orders(request: OperatorRequest) -> HttpResponse:
    """Orders of this operator's merchants."""
    return desks.orders(request, _desk(request))


@require_GET
@operator_view(SALES)
def order(request: OperatorRequest, *, slug: str, order_id: int) -> HttpResponse:
    """One order."""
    return desks.order(request, _desk(request), slug, order_id)


@require_POST
@operator_view(SALES)
def refund(request: OperatorRequest, *, slug: str, order_id: int) -> HttpResponse:
    """Give an order's money back."""
    return desks.refund(request, _desk(request), slug, order_id)


@require_GET
@operator_view(SALES)
def transfers(request: OperatorRequest) -> HttpResponse:
    """Proofs that wait."""
    return desks.transfers(request, _desk(request))


@require_POST
@operator_view(SALES)
def approve(request: OperatorRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """The money has arrived."""
    return desks.decide(request, _desk(request), slug, transfer_id, is_received=True)


@require_POST
@operator_view(SALES)
def reject(request: OperatorRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """Send a proof back."""
    return desks.decide(request, _desk(request), slug, transfer_id, is_received=False)


@require_GET
@operator_view(SALES)
def proof(request: OperatorRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """The bank's receipt."""
    return desks.proof(request, _desk(request), slug, transfer_id)


@require_GET
@operator_view(SALES)
def ending(request: OperatorRequest) -> HttpResponse:
    """Plans that end or are over."""
    return endings.ending(request, _desk(request))


@require_http_methods(["GET", "POST"])
@operator_view(PRICES)
def plan(request: OperatorRequest, *, slug: str) -> HttpResponse:
    """A merchant's plan; give a period by hand."""
    return desks.plan(request, _desk(request), slug)


@require_http_methods(["GET", "POST"])
@operator_view(PRICES)
def seller(request: OperatorRequest) -> HttpResponse:
    """The operator's bank account."""
    return desks.seller(request, _desk(request))
