"""One person's data: handed out, and erased on request."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import services
from zhanggui.contacts.models import Customer, CustomerState, Erasure, ErasureState
from zhanggui.contacts.permissions import KEEP_PRIVACY
from zhanggui.core.errors import DomainError


@never_cache
@merchant_view(KEEP_PRIVACY.name)
@require_http_methods(["GET", "POST"])
def privacy(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """What one person may ask for: everything known, or to be forgotten."""
    customer = get_object_or_404(Customer.objects.all(), pk=customer_id)
    refusal: DomainError | None = None
    status = 200
    if request.method == "POST":
        try:
            erasure = services.request_erasure(
                customer_id=customer.pk,
                typed=request.POST.get("typed", ""),
                at_once=request.POST.get("when") == "now",
                reason=request.POST.get("reason", ""),
                actor=request.actor,
            )
        except DomainError as error:
            refusal, status = error, error.status
        else:
            if erasure.state == ErasureState.DONE:
                messages.success(request, _("Everything about this person is erased."))
                return redirect("contacts:customers", request.merchant.slug)
            messages.success(request, _("Noted. It can be withdrawn until its day."))
            return redirect("contacts:privacy", request.merchant.slug, customer.pk)
    page = {
        "customer": customer,
        "refusal": refusal,
        "typed": request.POST.get("typed", ""),
        "reason": request.POST.get("reason", ""),
        "when": request.POST.get("when", "later"),
        "waiting": Erasure.objects.filter(customer=customer, state=ErasureState.WAITING).first(),
        "is_gone": customer.state in {CustomerState.ERASED, CustomerState.REPLACED},
    }
    return render(request, "contacts/backoffice/privacy.html", page, status=status)


@merchant_view(KEEP_PRIVACY.name)
@require_POST
def withdraw(request: MerchantRequest, erasure_id: int) -> HttpResponse:
    """The person has thought again."""
    erasure = get_object_or_404(Erasure.objects.all(), pk=erasure_id)
    try:
        services.withdraw_erasure(erasure_id=erasure.pk, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Withdrawn. Nothing was erased."))
    return redirect("contacts:privacy", request.merchant.slug, erasure.customer_id)


@merchant_view(KEEP_PRIVACY.name)
@require_POST
def hand_out(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """Gather everything about one person; the job centre shows the file for a day."""
    customer = get_object_or_404(Customer.objects.all(), pk=customer_id)
    task = services.begin_dossier(customer=customer, actor=request.actor)
    return redirect("files:task", request.merchant.slug, task.pk)
