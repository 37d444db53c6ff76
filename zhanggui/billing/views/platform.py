"""The platform's pages: editions and their matrix, prices, and its desk over all orders."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import features
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.billing import permissions, selectors, services
from zhanggui.billing.forms import EditionForm, PriceForm
from zhanggui.billing.models import Edition
from zhanggui.billing.views import desk as desks
from zhanggui.billing.views import endings
from zhanggui.billing.views.desk import Desk
from zhanggui.core.errors import DomainError

SALES = permissions.PLATFORM_SALES.name
EDITIONS = permissions.PLATFORM_EDITIONS.name


def _desk(request: PlatformRequest) -> Desk:
    return Desk(None, request.actor, request.permissions)


@require_GET
@platform_view(SALES)
def editions(request: PlatformRequest) -> HttpResponse:
    """The price table: what each edition switches on, allows and costs (U-41)."""
    rows = list(Edition.objects.all())
    prices = selectors.prices(None)
    page = {
        "editions": [(edition, prices.get(edition.pk)) for edition in rows],
        "features": [
            (one, [(edition, one.name in edition.features) for edition in rows])
            for one in features.known()
        ],
        "limits": [
            (one, [(edition, edition.limits.get(one.name)) for edition in rows])
            for one in features.limits()
        ],
        "may_change": EDITIONS in request.permissions,
    }
    return render(request, "billing/platform/editions.html", page)


@require_http_methods(["GET", "POST"])
@platform_view(EDITIONS)
def edition(request: PlatformRequest, *, code: str) -> HttpResponse:
    """Change an edition: name, features, limits, and what it costs."""
    found = get_object_or_404(Edition, code=code)
    price = selectors.prices(None).get(found.pk)
    form = EditionForm(request.POST or None, initial=_initial(found))
    fen = {name: getattr(price, name) for name in services.PERIODS} if price else None
    prices = PriceForm(request.POST or None, initial=fen)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and prices.is_valid():
            try:
                services.change_edition_and_price(
                    edition=found, fen=prices.cleaned_data, actor=request.actor, **form.cleaned_data
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("Saved. Every shop with this edition has it so now."))
                return redirect("billing:platform_editions")
    page = {"edition": found, "form": form, "prices": prices}
    return render(request, "billing/platform/edition.html", page, status=status)


def _initial(edition: Edition) -> dict[str, object]:
    names = ("name", "summary", "is_on_sale", "resale_from_percent", "resale_to_percent")
    limits = {f"limit_{name}": most for name, most in edition.limits.items()}
    return (
        {name: getattr(edition, name) for name in names}
        | limits
        | {
            "feature_names": edition.features,
            "version": edition.version,
        }
    )


@require_GET
@platform_view(SALES)
def orders(request: PlatformRequest) -> HttpResponse:
    """Orders of all merchants."""
    return desks.orders(request, _desk(request))


@require_GET
@platform_view(SALES)
def order(request: PlatformRequest, *, slug: str, order_id: int) -> HttpResponse:
    """One order."""
    return desks.order(request, _desk(request), slug, order_id)


@require_POST
@platform_view(SALES)
def refund(request: PlatformRequest, *, slug: str, order_id: int) -> HttpResponse:
    """Give an order's money back."""
    return desks.refund(request, _desk(request), slug, order_id)


@require_GET
@platform_view(SALES)
def transfers(request: PlatformRequest) -> HttpResponse:
    """Proofs that wait."""
    return desks.transfers(request, _desk(request))


@require_POST
@platform_view(SALES)
def approve(request: PlatformRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """The money has arrived."""
    return desks.decide(request, _desk(request), slug, transfer_id, is_received=True)


@require_POST
@platform_view(SALES)
def reject(request: PlatformRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """Send a proof back."""
    return desks.decide(request, _desk(request), slug, transfer_id, is_received=False)


@require_GET
@platform_view(SALES)
def proof(request: PlatformRequest, *, slug: str, transfer_id: int) -> HttpResponse:
    """The bank's receipt."""
    return desks.proof(request, _desk(request), slug, transfer_id)


@require_GET
@platform_view(SALES)
def ending(request: PlatformRequest) -> HttpResponse:
    """Plans that end or are over."""
    return endings.ending(request, _desk(request))


@require_http_methods(["GET", "POST"])
@platform_view(EDITIONS)
def plan(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """A merchant's plan; give a period by hand."""
    return desks.plan(request, _desk(request), slug)


@require_http_methods(["GET", "POST"])
@platform_view(EDITIONS)
def seller(request: PlatformRequest) -> HttpResponse:
    """The platform's bank account."""
    return desks.seller(request, _desk(request))
