"""What store managers see in WeChat: the desk, the data of their store, its ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from zhanggui.channels.wechat.jssdk import uses_phone
from zhanggui.core import tokens
from zhanggui.core.caching import never_stored
from zhanggui.core.errors import DomainError, KeyReused
from zhanggui.coupons import selectors as coupon_selectors
from zhanggui.coupons.selectors import UseFigures
from zhanggui.stamps import places, selectors, services
from zhanggui.stamps.errors import FormBroken, OtherCode
from zhanggui.stamps.forms.desk import read_confirm, read_filter
from zhanggui.stamps.guards import ManagerRequest, manager_view
from zhanggui.stamps.hot import turning
from zhanggui.stamps.models import Kind, Method
from zhanggui.stamps.selectors import Figures, LedgerWish, Period, insight
from zhanggui.stamps.views import redeeming
from zhanggui.stamps.views.lines import html_of
from zhanggui.stamps.views.redeeming import lock_of, show_seen, undo_bar
from zhanggui.ui.frames import Frames

JSON = json.JSONEncoder()
PERIODS: tuple[tuple[int, str | Promise], ...] = (
    (1, _("Today")),
    (7, _("Last 7 days")),
    (15, _("Last 15 days")),
)
LEDGER = Frames("stamps/mobile/ledger.html")
REDEMPTIONS = "/staff/redemptions"
KEPT_QUERY = {"kind", "since", "until"}
LONGEST_KEPT = 80
"""A ledger with another query, for example a search, is rendered without keeping its frame."""


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """The figures of one period with the period's name and length."""

    days: int
    label: str | Promise
    figures: Figures
    wrong: int
    uses: UseFigures

    @property
    def ways(self) -> list[tuple[str, str, int, int]]:
        """Each way with its name, how many entries that gave stamps, and their share."""
        return [
            (way, str(Method(way).label), many, round(100 * many / self.figures.given))
            for way, many in self.figures.given_ways.items()
        ]


@manager_view
@uses_phone
@never_cache
@require_GET
def desk(request: ManagerRequest) -> HttpResponse:
    """The white bar for six digits (M1)."""
    page = _desk_page(request) | undo_bar(request) | lock_of(request.desk)
    page["to_hand_over"] = selectors.to_hand_over(request.desk.store_id)
    page["wants_place"] = places.is_missing(request.desk.store_id)
    return render(request, "stamps/mobile/desk.html", page)


@manager_view
@never_cache
@require_POST
def preview(request: ManagerRequest) -> HttpResponse:
    """What the digits stand for (M2); nothing is booked yet, the code is held for 60 s."""
    digits = (request.POST.get("scan") or request.POST.get("digits", ""))[:40]
    try:
        seen = services.preview(desk=request.desk, digits=digits, actor=request.actor)
    except DomainError as refusal:
        page = _desk_page(request) | {"refusal": refusal}
        return _answer(request, "_bar.html", page, status=refusal.status)
    if isinstance(seen, services.Seen):
        return show_seen(request, seen, digits)
    page = _desk_page(request) | {
        "preview": seen,
        "digits": digits,
        "key": tokens.new_token(),
        "amounts": range(1, seen.most + 1),
    }
    return _answer(request, "_preview.html", page)


@never_stored
@require_POST
def confirm_code(request: ManagerRequest) -> HttpResponse:
    """Book what the code stands for; the same key twice is one booking (D19).

    Reached by two chains with the same checks: the ordinary one and the hot door.
    """
    values = read_confirm(request.POST)
    if values is None:
        broken = FormBroken()
        if _wants_json(request):
            raise broken
        page = _desk_page(request) | {"refusal": broken}
        return _answer(request, "_refused.html", page, status=broken.status)
    try:
        confirmed = services.confirm(
            desk=request.desk,
            digits=values.digits,
            actor=request.actor,
            amount=values.amount,
            reason=values.reason,
            record_id=values.record,
            key=values.key or request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
            is_again=values.is_again,
        )
    except (OtherCode, KeyReused):  # perhaps the key of a coupon that was redeemed here
        return redeeming.confirm_digits(request, values.digits, values.key)
    except DomainError as refusal:
        if _wants_json(request):
            raise
        page = _desk_page(request) | {"refusal": refusal}
        return _answer(request, "_refused.html", page, status=refusal.status)
    if _wants_json(request):
        return HttpResponse(JSON.encode(confirmed.as_json()), content_type="application/json")
    page = _desk_page(request) | {"confirmed": confirmed}
    if confirmed.won:
        page["at_counter"] = selectors.won_without_coupon(confirmed.record_id)
        page["at_counter_names"] = {reward.name for reward in page["at_counter"]}
    return _answer(request, "_confirmed.html", page)


confirm = manager_view(confirm_code)


@manager_view
@require_GET
def bar(request: ManagerRequest) -> HttpResponse:
    """The empty bar again, after a result or instead of confirming."""
    if request.headers.get("HX-Request") != "true":
        return redirect("stamps:desk")
    page = _desk_page(request) | undo_bar(request) | lock_of(request.desk)
    return render(request, "stamps/mobile/_bar.html", page)


@manager_view
@require_GET
def figures(request: ManagerRequest) -> HttpResponse:
    """The data of the store (M3); every figure leads to its rows."""
    store_id = request.desk.store_id
    periods = [selectors.ledger_period(request.desk.zone, days) for days, _label in PERIODS]
    found = selectors.figures(periods=periods, store_id=store_id)
    used = coupon_selectors.use_figures(
        [(period.first, period.last) for period in periods],
        zone=request.desk.zone,
        store_id=store_id,
    )
    blocks = [
        PeriodFigures(
            days, label, row, selectors.wrong_codes(store_id=store_id, period=period), uses
        )
        for (days, label), period, row, uses in zip(PERIODS, periods, found, used, strict=True)
    ]
    return render(
        request,
        "stamps/mobile/figures.html",
        {
            "desk": request.desk,
            "blocks": blocks,
            "live_codes": insight.waiting_count(store_id),
        },
    )


@require_GET
def ledger_page(request: ManagerRequest) -> HttpResponse:
    """Entries of the last 15 days of this store (M4), found by nickname, kind and day.

    Reached by two chains with the same checks: the ordinary one and the hot door.
    """
    wanted = read_filter(request.GET)
    desk = request.desk
    whole = selectors.ledger_period(desk.zone)
    period = _within(whole, wanted)
    kind = Kind(wanted["kind"]) if wanted["kind"] else None
    after = request.GET.get("after", "")
    store_name, page = turning.turn(
        desk=desk, period=period, kind=kind, way=wanted["way"], after=after, words=wanted["q"]
    )
    rest = request.GET.copy()
    rest.pop("after", None)
    query = rest.urlencode()
    shows = {
        "has_rows": bool(page.rows),
        "has_newer": bool(page.previous),
        "has_older": bool(page.next),
        "is_filtered": any(wanted.values()),
    }
    is_own = not rest.keys() <= KEPT_QUERY or len(query) > LONGEST_KEPT
    return LEDGER.answer(
        request,
        page={
            "wanted": wanted,
            "period": period,
            "oldest": whole.first,
            **shows,
        },
        holes={
            "store_name": escape(store_name),
            "rows": html_of(page.rows),
            "newer": _turned(query, page.previous),
            "older": _turned(query, page.next),
            "redemptions": escape(_redemptions(wanted)),
        },
        key=None if is_own else (query, period, whole.first, *shows.values()),
    )


def _turned(query: str, token: str) -> str:
    """The address of another page, for an attribute."""
    after = urlencode({"after": token})
    return escape(f"?{query}&{after}" if query else f"?{after}")


def _redemptions(wanted: LedgerWish) -> str:
    """The ledger of redemptions with the same search and days (D42)."""
    kept = {
        "q": wanted["q"],
        "since": wanted["since"].isoformat() if wanted["since"] else "",
        "until": wanted["until"].isoformat() if wanted["until"] else "",
    }
    query = urlencode({name: value for name, value in kept.items() if value})
    return f"{REDEMPTIONS}?{query}" if query else REDEMPTIONS


ledger = manager_view(ledger_page)


@manager_view
@require_GET
def customers(request: ManagerRequest) -> HttpResponse:
    """The customers behind a figure."""
    days = {str(days): (days, label) for days, label in PERIODS}
    length, label = days.get(request.GET.get("days", ""), PERIODS[-1])
    period = selectors.ledger_period(request.desk.zone, length)
    found = insight.customers_of(period=period, store_id=request.desk.store_id)
    page = {"desk": request.desk, "rows": found, "label": label, "period": period}
    return render(request, "stamps/mobile/customers.html", page)


@manager_view
@never_cache
@require_GET
def waiting(request: ManagerRequest) -> HttpResponse:
    """The codes that customers of this store show right now, without their digits."""
    found = insight.waiting_codes(request.desk.store_id)
    return render(request, "stamps/mobile/waiting.html", {"desk": request.desk, "rows": found})


@manager_view
@require_GET
def attempts(request: ManagerRequest) -> HttpResponse:
    """Refused codes: when, by whom, why; with ``days`` the wrong ones of these days (D43)."""
    store_id, zone = request.desk.store_id, request.desk.zone
    lengths = {str(days): days for days, _label in PERIODS}
    length = lengths.get(request.GET.get("days", ""))
    if length:
        period = selectors.ledger_period(zone, length)
        found = insight.wrong_codes(period=period, store_id=store_id)
    else:
        found = insight.attempts(period=selectors.ledger_period(zone), store_id=store_id)
    return render(request, "stamps/mobile/attempts.html", {"desk": request.desk, "rows": found})


@manager_view
@require_POST
def leave(request: ManagerRequest) -> HttpResponse:
    """The manager ends the own binding (退出管理)."""
    services.leave(desk=request.desk, actor=request.actor)
    page = {"person": request.person, "left": request.desk.store_name}
    return render(request, "stamps/mobile/unbound.html", page)


def _wants_json(request: ManagerRequest) -> bool:
    return bool(request.META.get("HTTP_ACCEPT", "").startswith("application/json"))


def _desk_page(request: ManagerRequest) -> dict[str, Any]:
    return {"desk": request.desk, "person": request.person}


def _answer(
    request: ManagerRequest, piece: str, page: dict[str, Any], status: int = 200
) -> HttpResponse:
    # without a script the whole page comes around the piece
    if request.headers.get("HX-Request") == "true":
        return render(request, f"stamps/mobile/{piece}", page, status=status)
    return render(request, "stamps/mobile/desk.html", page | {"piece": piece}, status=status)


def _within(whole: Period, wanted: LedgerWish) -> Period:
    """The wanted days, never beyond the 15 that a manager may see."""

    def inside(day: date | None, otherwise: date) -> date:
        return min(max(day, whole.first), whole.last) if day else otherwise

    first = inside(wanted["since"], whole.first)
    return Period(first, max(first, inside(wanted["until"], whole.last)), whole.zone)
