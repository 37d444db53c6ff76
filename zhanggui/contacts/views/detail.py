"""One customer in the merchant's back office."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import selectors
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import VIEW_CUSTOMERS


@merchant_view(VIEW_CUSTOMERS.name)
@require_safe
def customer(request: MerchantRequest, customer_id: int) -> HttpResponse:
    """One customer: who it is, how it is known, and what other modules say about it."""
    found = Customer.objects.filter(pk=customer_id).first()
    if found is None:
        raise Http404
    page = {"customer": found, "identities": selectors.identities_of(found)}
    return render(request, "contacts/backoffice/customer.html", page)
