"""Plans that end or are over, at the desk of their seller."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zhanggui.billing import endings
from zhanggui.billing.views.desk import Desk
from zhanggui.ui.paging import keyset


def ending(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Shops whose plan ends within a week or is over, the oldest end first."""
    chosen = {name: request.GET.get(name, "").strip()[:40] for name in ("q", "stage")}
    found = endings.ending(desk.operator, stage=chosen["stage"], search=chosen["q"])
    page = keyset(found, order=endings.ORDER, after=request.GET.get("after", ""))
    with desk.all_rows():
        rows = endings.rows(page.rows)
    shown = {
        "desk": desk,
        "page": page,
        "rows": [
            (row, desk.url("plan", row.merchant.slug) if desk.may_give else "") for row in rows
        ],
        "stages": endings.STAGES,
        **chosen,
    }
    return render(request, "billing/desk/ending.html", shown)
