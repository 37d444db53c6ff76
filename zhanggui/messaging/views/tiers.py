"""SMS credit at the desks of operators and the platform: given, in stock, on sale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import (
    OperatorRequest,
    PlatformRequest,
    operator_view,
    platform_view,
)
from zhanggui.accounts.models import Merchant, Operator, TierState
from zhanggui.core import idempotency, numbers, tenancy, tokens
from zhanggui.core.errors import DomainError
from zhanggui.messaging import packs, stock
from zhanggui.messaging.forms import GiveForm, PackForm, PackPriceForm, StockForm
from zhanggui.messaging.models import (
    Grant,
    GrantSource,
    PackPrice,
    Purse,
    SmsPack,
    Stock,
    StockMove,
)
from zhanggui.messaging.permissions import OPERATOR_CREDIT, PLATFORM_CREDIT
from zhanggui.ui.paging import keyset

SHOWN = 50
OK = 200


@require_http_methods(["GET", "POST"])
@operator_view(OPERATOR_CREDIT.name)
def operator_credit(request: OperatorRequest) -> HttpResponse:
    """An operator's stock, and credit given out of it."""
    form = _give_form(request, Merchant.objects.filter(operator=request.operator))
    status = 200
    if request.method == "POST":
        status = _give(form, request, request.operator)
        if status == OK:
            return redirect("messaging:operator_credit", request.operator.slug)
    moves = StockMove.objects.filter(operator=request.operator)
    page = keyset(moves, order=("-at", "-id"), after=request.GET.get("after", ""))
    ids = {row.merchant_id for row in page.rows if row.merchant_id is not None}
    shown = {
        "operator": request.operator,
        "left": stock.left(request.operator),
        "offers": packs.on_sale(request.operator.pk),
        "form": form,
        "page": page,
        "names": dict(Merchant.objects.filter(pk__in=ids).values_list("pk", "name")),
        "key": _key(request),
    }
    return render(request, "messaging/operator_credit.html", shown, status=status)


@require_http_methods(["GET", "POST"])
@platform_view(PLATFORM_CREDIT.name)
def platform_credit(request: PlatformRequest) -> HttpResponse:
    """Packs on sale, operators' stocks, and credit the platform gives itself."""
    form = _give_form(request, Merchant.objects.all())
    status = 200
    if request.method == "POST":
        status = _give(form, request, None)
        if status == OK:
            return redirect("messaging:platform_credit")
    return _platform_page(request, form, _stock_form(None), status)


@require_POST
@platform_view(PLATFORM_CREDIT.name)
def platform_stock(request: PlatformRequest) -> HttpResponse:
    """Fill an operator's stock."""
    form = _stock_form(request)
    status = 422
    if form.is_valid():
        operator = get_object_or_404(Operator, pk=numbers.whole(form.cleaned_data["operator"]))
        values = {name: form.cleaned_data[name] for name in ("segments", "reason")}
        try:
            stock.fill(operator=operator, actor=request.actor, **values)
        except DomainError as refusal:
            status = put_refusal(form, refusal, "segments")
        else:
            messages.success(request, _("The stock is filled."))
            return redirect("messaging:platform_credit")
    return _platform_page(request, _give_form(None, Merchant.objects.all()), form, status)


def _platform_page(
    request: PlatformRequest, form: GiveForm, stock_form: StockForm, status: int
) -> HttpResponse:
    gifts = [GrantSource.PLATFORM.value, GrantSource.OPERATOR.value]
    with tenancy.all_merchants("gifts of SMS credit at the platform's desk"):
        grants = Grant.objects.select_related("merchant").filter(source__in=gifts)
        newest = list(grants.order_by("-at", "-id")[:SHOWN])
    stocks = {row.operator_id: row.segments for row in Stock.objects.all()}
    operators = Operator.objects.exclude(state=TierState.ARCHIVED).order_by("name")
    shown = {
        "packs": list(SmsPack.objects.all()),
        "grants": newest,
        "stocks": [(operator, stocks.get(operator.pk, 0)) for operator in operators],
        "form": form,
        "stock_form": stock_form,
        "key": _key(request),
        "purses": dict(Purse.choices),
    }
    return render(request, "messaging/platform_credit.html", shown, status=status)


@require_http_methods(["GET", "POST"])
@platform_view(PLATFORM_CREDIT.name)
def platform_pack(request: PlatformRequest, *, code: str) -> HttpResponse:
    """Change a pack on the price list."""
    pack = get_object_or_404(SmsPack, code=code)
    initial = {
        "name": pack.name,
        "segments": pack.segments,
        "price": f"{pack.price_fen / 100:.2f}",
        "is_on_sale": pack.is_on_sale,
        "resale_from_percent": pack.resale_from_percent,
        "resale_to_percent": pack.resale_to_percent,
    }
    form = PackForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            clean = form.cleaned_data
            names = ("name", "segments", "is_on_sale", "resale_from_percent", "resale_to_percent")
            packs.change(
                pack=pack,
                price_fen=int(clean["price"] * 100),
                actor=request.actor,
                **{name: clean[name] for name in names},
            )
            messages.success(request, _("Saved. Merchants see it now."))
            return redirect("messaging:platform_credit")
    own = PackPrice.objects.select_related("operator").filter(pack=pack)
    page = {"pack": pack, "form": form, "prices": list(own.order_by("operator__name"))}
    return render(request, "messaging/platform_pack.html", page, status=status)


@require_http_methods(["GET", "POST"])
@operator_view(OPERATOR_CREDIT.name)
def operator_pack(request: OperatorRequest, *, code: str) -> HttpResponse:
    """What this operator asks its merchants for a pack."""
    offer = packs.find(code, request.operator.pk)
    if offer is None:
        raise Http404
    initial = {"price": f"{offer.price_fen / 100:.2f}"} if offer.is_own else {}
    form = PackPriceForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                packs.set_price(
                    pack=offer.pack,
                    operator=request.operator,
                    price_fen=int(form.cleaned_data["price"] * 100),
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "price")
            else:
                messages.success(request, _("Saved. Your merchants see this price now."))
                return redirect("messaging:operator_credit", request.operator.slug)
    page = {"offer": offer, "form": form, "least": offer.range_fen[0], "most": offer.range_fen[1]}
    return render(request, "messaging/operator_pack.html", page, status=status)


@require_POST
@operator_view(OPERATOR_CREDIT.name)
def operator_pack_drop(request: OperatorRequest, *, code: str) -> HttpResponse:
    """Sell a pack at the platform's price again."""
    pack = get_object_or_404(SmsPack, code=code)
    packs.drop_price(pack=pack, operator=request.operator, actor=request.actor)
    messages.success(request, _("You sell at the platform's price again."))
    return redirect("messaging:operator_credit", request.operator.slug)


def _give_form(request: HttpRequest | None, merchants: Any) -> GiveForm:
    rows = merchants.exclude(state=TierState.ARCHIVED).order_by("name")
    choices = [(str(pk), name) for pk, name in rows.values_list("pk", "name")]
    data = request.POST if request is not None and request.method == "POST" else None
    return GiveForm(data, merchants=choices)


def _stock_form(request: HttpRequest | None) -> StockForm:
    rows = Operator.objects.exclude(state=TierState.ARCHIVED).order_by("name")
    choices = [(str(pk), name) for pk, name in rows.values_list("pk", "name")]
    return StockForm(request.POST if request is not None else None, operators=choices)


def _give(
    form: GiveForm, request: OperatorRequest | PlatformRequest, operator: Operator | None
) -> int:
    """Give what the form says, once for each form that was opened; answers the status."""
    if not form.is_valid():
        return 422
    clean = form.cleaned_data
    merchant = Merchant.objects.get(pk=int(clean["merchant"]))
    give: Callable[[], dict[str, Any]] = lambda: {  # noqa: E731
        "grant": stock.give(
            operator=operator,
            merchant=merchant,
            purse=Purse(clean["purse"]),
            segments=clean["segments"],
            reason=clean["reason"],
            actor=request.actor,
        ).pk
    }
    content = {name: clean[name] for name in ("merchant", "purse", "segments", "reason")}
    try:
        with tenancy.merchant_scope(merchant.pk):
            idempotency.once(
                caller=request.actor.key,
                key=request.POST.get("idempotency_key", ""),
                content={"door": "messaging.give", **content},
                write=give,
            )
    except DomainError as refusal:
        return put_refusal(form, refusal, "segments")
    messages.success(request, _("Given. The merchant sees it in its statement."))
    return OK


def _key(request: HttpRequest) -> str:
    return request.POST.get("idempotency_key", "") or tokens.new_token()
