"""Pages of the platform and of operators: merchants, operators, freezing; aggregates only."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import rights, selectors, services
from zhanggui.accounts.forms import MerchantForm, OperatorForm, put_refusal
from zhanggui.accounts.guards import (
    OperatorRequest,
    PlatformRequest,
    operator_view,
    platform_view,
)
from zhanggui.accounts.models import Membership, Merchant, Operator, Role, TierState
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError

# -- platform


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def platform(request: PlatformRequest) -> HttpResponse:
    """All merchants of the installation."""
    search = request.GET.get("q", "").strip()[:80]
    page = {
        "rows": selectors.merchants(search=search),
        "search": search,
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
        "new_url": reverse("accounts:platform_merchant_new"),
        "shows_operator": True,
    }
    return render(request, "accounts/merchants.html", page)


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def operators(request: PlatformRequest) -> HttpResponse:
    """All operators with their number of merchants."""
    page = {
        "rows": list(selectors.operators()[:500]),
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
    }
    return render(request, "accounts/operators.html", page)


@never_cache
@require_http_methods(["GET", "POST"])
@platform_view(rights.PLATFORM_MANAGE.name)
def operator_new(request: PlatformRequest) -> HttpResponse:
    """Take in an operator with its owner."""
    form = OperatorForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                operator, owner = services.take_in_operator(
                    actor=request.actor, **form.cleaned_data
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "slug")
            else:
                return _taken_in(request, operator, owner, reverse("accounts:operators"))
    page = {
        "form": form,
        "title": _("Take in an operator"),
        "list_title": _("Operators"),
        "back": reverse("accounts:operators"),
    }
    return render(request, "accounts/tier_form.html", page, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
@platform_view(rights.PLATFORM_MANAGE.name)
def platform_merchant_new(request: PlatformRequest) -> HttpResponse:
    """Take in a merchant under an operator or directly."""
    operators = Operator.objects.filter(state=TierState.ACTIVE).order_by("name")
    form = MerchantForm(request.POST or None, operators=operators)
    return _merchant_new(request, form, reverse("accounts:platform"))


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def platform_merchant(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """One merchant: state, counts, owners."""
    merchant = get_object_or_404(Merchant.objects.select_related("operator"), slug=slug)
    may_manage = rights.PLATFORM_MANAGE.name in request.permissions
    return _merchant_page(
        request,
        merchant,
        back=reverse("accounts:platform"),
        may_manage=may_manage,
        may_reset=may_manage,
    )


@require_POST
@platform_view(rights.PLATFORM_MANAGE.name)
def platform_freeze(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Freeze a merchant, or let it work again."""
    merchant = get_object_or_404(Merchant, slug=slug)
    _change_state(request, merchant)
    return redirect("accounts:platform_merchant", slug)


@never_cache
@require_POST
@platform_view(rights.PLATFORM_MANAGE.name)
def platform_reset(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Give an owner of the merchant a new initial password, shown in this answer only."""
    merchant = get_object_or_404(Merchant, slug=slug)
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER)
    owner = get_object_or_404(
        owners.select_related("person"), pk=numbers.whole(request.POST.get("membership", "")) or 0
    )
    password = services.reset_password(person=owner.person, actor=request.actor)
    page = {
        "title": _("New initial password"),
        "place": merchant,
        "owner": owner,
        "initial_password": password,
        "back": reverse("accounts:platform_merchant", args=[slug]),
    }
    return render(request, "accounts/tier_added.html", page)


# -- operator


@require_GET
@operator_view(rights.OPERATOR_VIEW.name)
def operator(request: OperatorRequest) -> HttpResponse:
    """The merchants an operator serves."""
    search = request.GET.get("q", "").strip()[:80]
    page = {
        "rows": selectors.merchants(operator=request.operator, search=search),
        "search": search,
        "may_manage": rights.OPERATOR_MANAGE.name in request.permissions,
        "new_url": reverse("accounts:operator_merchant_new", args=[request.operator.slug]),
        "operator": request.operator,
        "shows_operator": False,
    }
    return render(request, "accounts/merchants.html", page)


@never_cache
@require_http_methods(["GET", "POST"])
@operator_view(rights.OPERATOR_MANAGE.name)
def operator_merchant_new(request: OperatorRequest) -> HttpResponse:
    """Take in a merchant under this operator."""
    form = MerchantForm(request.POST or None)
    back = reverse("accounts:operator", args=[request.operator.slug])
    return _merchant_new(request, form, back, operator=request.operator)


@require_GET
@operator_view(rights.OPERATOR_VIEW.name)
def operator_merchant(request: OperatorRequest, *, slug: str) -> HttpResponse:
    """One merchant of this operator: state, counts, owners."""
    merchant = get_object_or_404(
        Merchant.objects.select_related("operator"), slug=slug, operator=request.operator
    )
    return _merchant_page(
        request,
        merchant,
        back=reverse("accounts:operator", args=[request.operator.slug]),
        may_manage=rights.OPERATOR_MANAGE.name in request.permissions,
        may_reset=False,
    )


@require_POST
@operator_view(rights.OPERATOR_MANAGE.name)
def operator_freeze(request: OperatorRequest, *, slug: str) -> HttpResponse:
    """Freeze a merchant of this operator, or let it work again."""
    merchant = get_object_or_404(Merchant, slug=slug, operator=request.operator)
    _change_state(request, merchant)
    return redirect("accounts:operator_merchant", request.operator.slug, slug)


# -- both


def _merchant_new(
    request: PlatformRequest | OperatorRequest,
    form: MerchantForm,
    back: str,
    operator: Operator | None = None,
) -> HttpResponse:
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {"operator": operator} | form.cleaned_data
            try:
                merchant, owner = services.take_in_merchant(actor=request.actor, **values)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "slug")
            else:
                return _taken_in(request, merchant, owner, back)
    page = {
        "form": form,
        "title": _("Take in a merchant"),
        "list_title": _("Merchants"),
        "back": back,
    }
    return render(request, "accounts/tier_form.html", page, status=status)


def _taken_in(
    request: HttpRequest, place: Merchant | Operator, owner: services.NewStaff, back: str
) -> HttpResponse:
    if not owner.initial_password:
        messages.success(request, _("Taken in. The owner signs in with the password they have."))
        return redirect(back)
    page = {
        "title": _("Taken in"),
        "place": place,
        "owner": owner.membership,
        "initial_password": owner.initial_password,
        "back": back,
    }
    return render(request, "accounts/tier_added.html", page)


def _merchant_page(
    request: PlatformRequest | OperatorRequest,
    merchant: Merchant,
    *,
    back: str,
    may_manage: bool,
    may_reset: bool,
) -> HttpResponse:
    page = {
        "row": selectors.merchant_row(merchant),
        "owners": selectors.owners_of(merchant),
        "back": back,
        "may_manage": may_manage,
        "may_reset": may_reset,
        "is_frozen": merchant.state == TierState.FROZEN,
    }
    return render(request, "accounts/merchant.html", page)


def _change_state(request: PlatformRequest | OperatorRequest, merchant: Merchant) -> None:
    # the form says what is wanted, so that a repeat changes nothing back
    if request.POST.get("state") == TierState.FROZEN:
        services.freeze_merchant(merchant=merchant, actor=request.actor)
        messages.success(request, _("Frozen. Its people are signed out."))
    else:
        services.unfreeze_merchant(merchant=merchant, actor=request.actor)
        messages.success(request, _("Unfrozen. Its people can sign in again."))
