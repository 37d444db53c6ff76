"""The dashboard of the shop, of one store, of one programme."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from zhanggui.accounts.figures import course_span
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Store
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Programme
from zhanggui.stamps.selectors import dashboards
from zhanggui.stamps.selectors.dashboards import PERIODS, Board, Line, Wish
from zhanggui.ui.charts import Chart, Series

type Table = tuple[str, list[tuple[Store | Programme, Line, str]]]
"""``store`` or ``programme``; the rows, each with its part of the ledger as parameters."""


@merchant_view(permissions.VIEW.name)
@require_safe
def figures(request: MerchantRequest) -> HttpResponse:
    """Numbers with their change, the course by day, ways, stores and programmes."""
    wanted = dashboards.wish(request.GET, request.merchant.time_zone)
    stores = list(Store.objects.order_by("id"))
    programmes = list(Programme.objects.order_by("id"))
    found = dashboards.read(wanted)
    slug = request.merchant.slug
    page = {
        "wanted": wanted,
        "against": PERIODS[wanted.span.days][1],
        "periods": _periods(wanted),
        "stores": stores,
        "programmes": programmes,
        "store": next((one for one in stores if one.pk == wanted.store_id), None),
        "programme": next((one for one in programmes if one.pk == wanted.programme_id), None),
        "numbers": dashboards.numbers(
            wanted, found, slug, with_coupons="coupons.view" in request.permissions
        ),
        "chart": _chart(wanted, found),
        "drawn": PERIODS[course_span(wanted.span).days][0],
        "shares": dashboards.shares(wanted, found.now, slug),
        "code_share": dashboards.code_share(found.now),
        "code_share_before": dashboards.code_share(found.before),
        "is_much_by_code": dashboards.is_much_by_code(wanted, found.now),
        "lines": _beside(wanted, found, stores, programmes),
    }
    return render(request, "stamps/backoffice/figures.html", page)


def _periods(wanted: Wish) -> list[dict[str, Any]]:
    kept = {"store": wanted.store_id, "programme": wanted.programme_id}
    chosen = {name: value for name, value in kept.items() if value is not None}
    return [
        {
            "label": label,
            "query": urlencode({"days": days, **chosen}),
            "is_current": days == wanted.span.days,
        }
        for days, (label, _against) in PERIODS.items()
    ]


def _beside(
    wanted: Wish, found: Board, stores: list[Store], programmes: list[Programme]
) -> list[Table]:
    """Stores beside each other, and programmes; one that is chosen needs no table of its own."""
    tables: list[Table] = []
    nothing = Line()
    if wanted.store_id is None:
        known = dashboards.by_store(wanted, found)
        places = [(one, known.get(one.pk, nothing), wanted.query(store=one.pk)) for one in stores]
        tables.append(("store", [*places]))
    if wanted.programme_id is None:
        known = dashboards.by_programme(wanted, found)
        rows = [
            (one, known.get(one.pk, nothing), wanted.query(programme=one.pk)) for one in programmes
        ]
        tables.append(("programme", [*rows]))
    return tables


def _chart(wanted: Wish, found: Board) -> Chart:
    length = course_span(wanted.span).days
    before, days = found.course[:length], found.course[length:]
    return Chart(
        labels=[f"{figure.day:%m-%d}" for figure in days],
        series=[
            Series(_("Times stamped"), [figure.given for figure in days], "cinnabar"),
            Series(_("Times cancelled"), [figure.cancels for figure in days], "plum"),
            Series(_("The period before"), [figure.given for figure in before], "muted", "line"),
        ],
    )
