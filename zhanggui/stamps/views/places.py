"""A manager's phone notes where the store is."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from zhanggui.accounts import points
from zhanggui.accounts import services as account_services
from zhanggui.core.errors import DomainError
from zhanggui.stamps.guards import ManagerRequest, manager_view


@manager_view
@require_POST
def locate(request: ManagerRequest) -> HttpResponse:
    """Note the place of the phone as the store's; once, afterwards only the office changes it."""
    try:
        told = points.told(request.POST)
        account_services.locate_store(
            store_id=request.desk.store_id, point=told.point, actor=request.actor
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The store is on the map."))
    return redirect("stamps:desk")
