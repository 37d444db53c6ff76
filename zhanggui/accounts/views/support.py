"""Support access: entered from the tiers above, seen, ended and forbidden by the merchant."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import rights, services
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import (
    MerchantRequest,
    OperatorRequest,
    PlaceRequest,
    PlatformRequest,
    SignedInRequest,
    merchant_view,
    operator_view,
    platform_view,
    signed_in_view,
)
from zhanggui.accounts.models import Membership, Merchant, Operator, SupportSession, Tier
from zhanggui.accounts.staff_forms import SupportForm
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging

# -- the tiers above


@require_http_methods(["GET", "POST"])
@platform_view(rights.PLATFORM_SUPPORT.name)
def platform_support(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Enter any merchant for support."""
    merchant = get_object_or_404(Merchant.objects.select_related("operator"), slug=slug)
    return _enter(request, merchant, None, reverse("accounts:platform_merchant", args=[slug]))


@require_http_methods(["GET", "POST"])
@operator_view(rights.OPERATOR_SUPPORT.name)
def operator_support(request: OperatorRequest, *, slug: str) -> HttpResponse:
    """Enter a merchant of this operator for support."""
    merchant = get_object_or_404(
        Merchant.objects.select_related("operator"), slug=slug, operator=request.operator
    )
    back = reverse("accounts:operator_merchant", args=[request.operator.slug, slug])
    return _enter(request, merchant, request.operator, back)


def _enter(
    request: PlaceRequest, merchant: Merchant, operator: Operator | None, back: str
) -> HttpResponse:
    form = SupportForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.open_support(
                    merchant=merchant,
                    operator=operator,
                    person=request.person,
                    actor=request.actor,
                    **form.cleaned_data,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                return redirect("accounts:overview", merchant.slug)
    own = Membership.objects.filter(person=request.person, tier=Tier.MERCHANT, merchant=merchant)
    page = {
        "form": form,
        "merchant": merchant,
        "back": back,
        "works_there": own.exists(),
        "sessions": _rows(merchant)[:10],
    }
    return render(request, "accounts/support_enter.html", page, status=status)


@require_POST
@signed_in_view
def support_leave(request: SignedInRequest, *, session_id: int) -> HttpResponse:
    """End one's own support session."""
    own = SupportSession.objects.select_related("merchant", "operator").filter(
        person=request.person
    )
    session = get_object_or_404(own, pk=session_id)
    services.end_support(session=session, actor=request.actor)
    messages.success(request, _("Your support session is over."))
    slug = session.merchant.slug
    if session.operator is not None:
        return redirect("accounts:operator_merchant", session.operator.slug, slug)
    return redirect("accounts:platform_merchant", slug)


# -- the merchant


@require_GET
@merchant_view(rights.MANAGE_SUPPORT.name)
def support(request: MerchantRequest) -> HttpResponse:
    """Who of operator and platform is or was inside, why; and whether that is allowed."""
    found = SupportSession.objects.filter(merchant=request.merchant).select_related(
        "person", "operator"
    )
    listed = paging.keyset(found, order=("-starts_at", "-id"), after=request.GET.get("after", ""))
    page = {"page": listed, "rows": _shown(listed.rows), "merchant": request.merchant}
    return render(request, "accounts/support.html", page)


@require_POST
@merchant_view(rights.MANAGE_SUPPORT.name)
def support_allow(request: MerchantRequest) -> HttpResponse:
    """Allow or forbid support access; the form says which, so that a repeat changes nothing."""
    allowed = request.POST.get("allowed") == "1"
    services.allow_support(merchant=request.merchant, allowed=allowed, actor=request.actor)
    if allowed:
        messages.success(request, _("Support access is allowed. You see every visit here."))
    else:
        messages.success(request, _("Support access is forbidden. Open visits have ended."))
    return redirect("accounts:support", request.merchant.slug)


@require_POST
@merchant_view(rights.MANAGE_SUPPORT.name)
def support_end(request: MerchantRequest, *, support_id: int) -> HttpResponse:
    """Show somebody out before their time."""
    rows = SupportSession.objects.select_related("merchant").filter(merchant=request.merchant)
    session = rows.filter(pk=support_id).first()
    if session is None:
        raise Http404
    services.end_support(session=session, actor=request.actor)
    messages.success(request, _("The visit has ended."))
    return redirect("accounts:support", request.merchant.slug)


def _rows(merchant: Merchant) -> list[dict[str, object]]:
    found = SupportSession.objects.filter(merchant=merchant).select_related("person", "operator")
    return _shown(list(found.order_by("-starts_at", "-pk")[:10]))


def _shown(sessions: list[SupportSession]) -> list[dict[str, object]]:
    now = clock.now()
    return [
        {
            "session": session,
            "until": session.ended_at or session.ends_at,
            "is_open": session.is_open,
            "left": max(int((session.ends_at - now).total_seconds()), 0),
            "from_": session.operator.name if session.operator else _("The platform"),
        }
        for session in sessions
    ]
