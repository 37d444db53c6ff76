"""A customer's phone tells where it is."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from zhanggui.accounts import points
from zhanggui.contacts import services
from zhanggui.contacts.guards import CustomerRequest, customer_view


@customer_view
@require_POST
def tell(request: CustomerRequest) -> HttpResponse:
    """Note the place of the phone; its owner allowed it in WeChat."""
    told = points.told(request.POST)
    services.note_place(customer=request.customer, told=told, actor=request.actor)
    return HttpResponse(status=204)
