"""The fraud desk: open cases by kind, managers beside each other, and the rows of each signal."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from zhanggui.accounts.figures import last_days
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Case, CaseKind, CaseState
from zhanggui.stamps.selectors import outliers


@merchant_view(permissions.HANDLE_CASES.name)
@require_safe
def desk(request: MerchantRequest) -> HttpResponse:
    """What stands out in the last 30 days."""
    zone = request.merchant.time_zone
    span = last_days(outliers.DAYS, zone)
    days = {"since": span.first.isoformat(), "until": span.last.isoformat()}
    rows: list[tuple[outliers.Manager, str]] = []
    for one in outliers.managers(zone):
        wanted: dict[str, Any] = {"manager": one.manager_id, "store": one.store_id, **days}
        rows.append((one, urlencode(wanted)))
    page = {"rows": rows, "kinds": _open_cases(), "days": outliers.DAYS}
    return render(request, "stamps/backoffice/fraud.html", page)


def _open_cases() -> list[tuple[CaseKind, int]]:
    """Open cases by kind, the most frequent first."""
    rows = Case.objects.filter(state=CaseState.OPEN).order_by().values("kind")
    counted = rows.annotate(n=Count("pk")).values_list("kind", "n")
    return sorted(((CaseKind(kind), n) for kind, n in counted), key=lambda row: -row[1])
