"""The list of customers in the merchant's back office."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import selectors
from zhanggui.contacts.models import CustomerState
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.ui.paging import keyset


@merchant_view(VIEW_CUSTOMERS.name)
@require_safe
def customers(request: MerchantRequest) -> HttpResponse:
    """The list of customers, newest first; search by name, pinyin, number or phone."""
    search = request.GET.get("q", "").strip()
    state = request.GET.get("state", "")
    found = selectors.customers(search=search, state=state)
    count = selectors.count_of(found)
    page = {
        "page": keyset(found, order=selectors.ORDER, after=request.GET.get("after", "")),
        "count": min(count, selectors.COUNT_UP_TO),
        "is_more": count > selectors.COUNT_UP_TO,
        "search": search,
        "state": state,
        "states": CustomerState.choices,
        "is_filtered": bool(search or state),
    }
    return render(request, "contacts/backoffice/customers.html", page)
