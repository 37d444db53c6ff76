"""Overviews: what waits and how it goes, at a merchant, a store, an operator, the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET

from zhanggui.accounts import figures, rights, tier_selectors, todo
from zhanggui.accounts.figures import Measure, Number, Span
from zhanggui.accounts.guards import (
    MerchantRequest,
    OperatorRequest,
    PlatformRequest,
    merchant_view,
    operator_view,
    platform_view,
)
from zhanggui.accounts.models import Operator, Store
from zhanggui.core import tenancy
from zhanggui.ui.charts import Chart, Series

MOST_FIGURES = 8
ZONE = "Asia/Shanghai"
"""Operators and the platform look at merchants of several zones; their days are Beijing's."""
PERIODS: dict[int, tuple[str | Promise, str | Promise]] = {
    1: (pgettext_lazy("period", "Today"), _("against yesterday")),
    7: (pgettext_lazy("period", "7 days"), _("against the 7 days before")),
    30: (pgettext_lazy("period", "30 days"), _("against the 30 days before")),
}
REASON = "overview of a tier: counts and money only"


@dataclass(frozen=True, slots=True)
class Shown:
    """A number with the address of its rows."""

    number: Number
    url: str


@require_GET
@merchant_view("")
def overview(request: MerchantRequest) -> HttpResponse:
    """What waits, the figures with their change, one course, and the blocks of the products."""
    page = {"todos": todo.waiting(request)} | merchant_figures(request)
    return render(request, "accounts/overview.html", page)


def merchant_figures(request: MerchantRequest, store: Store | None = None) -> dict[str, Any]:
    """What ``accounts/_figures.html`` shows of a merchant, or of one of its stores."""
    span = _span(request, request.merchant.time_zone)
    store_id = store.pk if store else None
    wanted = figures.measures(rights=request.permissions, of_store=store is not None)[:MOST_FIGURES]
    found = figures.numbers(wanted, span, store_id=store_id)
    shown = [Shown(n, n.measure.page(request.merchant, span, store_id)) for n in found]
    chosen = _chosen(request, wanted)
    course = None
    if chosen is not None:
        days = figures.course_span(span)
        course = _chart(chosen, days, *figures.course(chosen, days, store_id=store_id))
    return _page(span, shown, chosen, course)


@require_GET
@operator_view(rights.OPERATOR_VIEW.name)
def operator_overview(request: OperatorRequest) -> HttpResponse:
    """An operator's merchants in numbers."""
    return _tier(request, request.operator)


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def platform_overview(request: PlatformRequest) -> HttpResponse:
    """All merchants in numbers."""
    return _tier(request, None)


@require_GET
@operator_view(rights.OPERATOR_VIEW.name)
def operator_figure(request: OperatorRequest, name: str) -> HttpResponse:
    """One figure of each of an operator's merchants."""
    return _tier_rows(request, name, request.operator)


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def platform_figure(request: PlatformRequest, name: str) -> HttpResponse:
    """One figure of each merchant."""
    return _tier_rows(request, name, None)


def _tier(request: HttpRequest, operator: Operator | None) -> HttpResponse:
    span = _span(request, ZONE)
    ids = tier_selectors.present_ids(operator)
    wanted = figures.measures(of_tiers=True)[:MOST_FIGURES]
    chosen = _chosen(request, wanted)
    with tenancy.all_merchants(REASON):
        found = figures.numbers(wanted, span, merchant_ids=ids)
        course = None
        if chosen is not None:
            days = figures.course_span(span)
            course = _chart(chosen, days, *figures.course(chosen, days, merchant_ids=ids))
    shown = [Shown(n, f"{_rows_url(n.measure, operator)}?days={span.days}") for n in found]
    page = _page(span, shown, chosen, course) | {
        "operator": operator,
        "todos": todo.waiting(request, surface="operator" if operator else "platform"),
    }
    return render(request, "accounts/tier_overview.html", page)


def _tier_rows(request: HttpRequest, name: str, operator: Operator | None) -> HttpResponse:
    measure = figures.measure_of(name)
    if measure is None or not measure.for_tiers:
        raise Http404
    span = _span(request, ZONE)
    with tenancy.all_merchants(REASON):
        values = figures.by_merchant(measure, span, tier_selectors.present_ids(operator))
    rows = [
        {"merchant": merchant, "value": value}
        for merchant, value in tier_selectors.by_value(values)
    ]
    page = {
        "operator": operator,
        "measure": measure,
        "rows": rows,
        "total": sum(values.values()),
        "span": span,
        "periods": _periods(span),
    }
    return render(request, "accounts/tier_figure.html", page)


def _rows_url(measure: Measure, operator: Operator | None) -> str:
    if operator is None:
        return reverse("accounts:platform_figure", args=[measure.name])
    return reverse("accounts:operator_figure", args=[operator.slug, measure.name])


def _span(request: HttpRequest, zone: str) -> Span:
    return figures.typed_days(request.GET.get("days", ""), zone)


def _chosen(request: HttpRequest, wanted: list[Measure]) -> Measure | None:
    charted = [measure for measure in wanted if measure.moment]
    asked = request.GET.get("chart", "")
    return next((m for m in charted if m.name == asked), charted[0] if charted else None)


def _chart(measure: Measure, span: Span, now: list[int], before: list[int]) -> Chart:
    factor = 100 if measure.is_money else 1
    return Chart(
        labels=[f"{day:%m-%d}" for day in span.each()],
        series=[
            Series(measure.label, [value / factor for value in now], measure.colour),
            Series(_("The period before"), [value / factor for value in before], "muted", "line"),
        ],
        unit=_("yuan") if measure.is_money else "",
    )


def _periods(span: Span) -> list[dict[str, Any]]:
    return [
        {"days": days, "label": label, "is_current": days == span.days}
        for days, (label, _against) in PERIODS.items()
    ]


def _page(
    span: Span, shown: list[Shown], chosen: Measure | None, course: Chart | None
) -> dict[str, Any]:
    return {
        "span": span,
        "periods": _periods(span),
        "against": PERIODS[span.days][1],
        "numbers": shown,
        "charted": [item.number.measure for item in shown if item.number.measure.moment],
        "chosen": chosen,
        "course": course,
        "drawn": PERIODS[figures.course_span(span).days][0],
    }
