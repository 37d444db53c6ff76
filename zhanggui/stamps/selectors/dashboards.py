"""The numbers of a programme, of a store, or of both together, over some days and those before.

Every number is the count of the rows its link shows. Source: stamps specification R17, D43.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, TypedDict

from django.db.models import Count, Q, QuerySet, Value
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.figures import Span, course_span, last_days
from zhanggui.core.numbers import whole
from zhanggui.coupons.models import STANDING, STANDS, UseRecord
from zhanggui.stamps.models import Card, Kind, Method, Reward, Seal, SealState
from zhanggui.stamps.selectors import DayFigure, Figures, Period, card_lists, counts, tallies
from zhanggui.stamps.selectors.tallies import Sort, Visitors

Text = str | Promise
LENGTHS = (1, 7, 15, 30)
USUAL = 7
MUCH_BY_CODE = 0.2
"""Above this share of codes a store is asked whether its stamp is broken (D25)."""
LEAST_OPERATIONS = 50
UNPROVED = (Method.BACK_OFFICE.value, Method.UNDO.value)
"""Entries that nobody at the counter had to prove."""
PERIODS: dict[int, tuple[Text, Text]] = {
    1: (pgettext_lazy("period", "Today"), _("against yesterday")),
    7: (pgettext_lazy("period", "7 days"), _("against the 7 days before")),
    15: (pgettext_lazy("period", "15 days"), _("against the 15 days before")),
    30: (pgettext_lazy("period", "30 days"), _("against the 30 days before")),
}


class Place(TypedDict):
    """A store, a programme, or both; None: all of them."""

    store_id: int | None
    programme_id: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows a dashboard is about; None: all stores, all programmes."""

    span: Span
    store_id: int | None
    programme_id: int | None

    def period(self, span: Span) -> Period:
        """The same days, as the ledger names them."""
        return Period(span.first, span.last, span.zone)

    @property
    def place(self) -> Place:
        """Where, as the selectors name it."""
        return {"store_id": self.store_id, "programme_id": self.programme_id}

    def query(self, **more: Any) -> str:
        """The wish as parameters of the ledger."""
        wanted = {
            "store": self.store_id,
            "programme": self.programme_id,
            "since": self.span.first.isoformat(),
            "until": self.span.last.isoformat(),
        } | more
        return urlencode({name: value for name, value in wanted.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Number:
    """One figure with its change and the address of its rows."""

    label: Text
    icon: str
    value: int
    before: int
    url: str
    good: Literal["up", "down"] = "up"

    @property
    def change(self) -> int:
        """How much more than in the days before."""
        return self.value - self.before


@dataclass(frozen=True, slots=True)
class Share:
    """How many entries were proved in one way."""

    method: Method
    many: int
    of: int
    url: str

    @property
    def share(self) -> float:
        """Of all entries."""
        return self.many / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A store or programme beside the others."""

    given: int = 0
    cancels: int = 0
    customers: int = 0
    codes: int = 0
    """Entries proved by a one-time code."""
    operations: int = 0
    """Entries made at the counter, by whatever way."""

    @property
    def code_share(self) -> float | None:
        """Codes of all that was done at the counter; None where nothing was."""
        return self.codes / self.operations if self.operations else None

    @property
    def is_odd(self) -> bool:
        """Whether codes are more than an emergency here (R17, D25)."""
        share = self.code_share
        return share is not None and share > MUCH_BY_CODE and self.operations >= LEAST_OPERATIONS


def wish(values: Mapping[str, str], zone: str) -> Wish:
    """What an address asks for; a week of everything where it names nothing that is offered."""
    days = whole(values.get("days", ""))
    span = last_days(days if days in LENGTHS else USUAL, zone)
    return Wish(span, whole(values.get("store", "")), whole(values.get("programme", "")))


@dataclass(frozen=True, slots=True)
class Board:
    """What the ledger says about a wish, counted once for all parts of a page."""

    now: Figures
    before: Figures
    course: list[DayFigure]
    """The days of the chart, as many before them in front."""
    visitors: Visitors


def read(wanted: Wish) -> Board:
    """Count these days and those before; two queries."""
    days = course_span(wanted.span)
    drawn = wanted.period(replace(days, first=days.before().first))
    spans = [wanted.period(wanted.span), wanted.period(wanted.span.before())]
    found = tallies.by_day(drawn, **wanted.place)
    visitors = tallies.visitors(spans, **wanted.place, is_split=True)
    now, before = (
        counts.summed(span, found, customers)
        for span, customers in zip(spans, visitors.in_periods, strict=True)
    )
    return Board(now, before, counts.course(drawn, found), visitors)


def numbers(wanted: Wish, found: Board, slug: str, *, with_coupons: bool) -> list[Number]:
    """The figures on top; those that cannot be told apart by store or programme are left out."""
    now, before = found.now, found.before
    ledger, visitors = (reverse(f"stamps:{name}", args=[slug]) for name in ("ledger", "visitors"))
    shown = [
        Number(
            _("Times stamped"),
            "rubber-stamp",
            now.given,
            before.given,
            f"{ledger}?{wanted.query(kind=Kind.ACCUMULATE.value)}",
        ),
        Number(
            _("Times cancelled"),
            "arrow-back-up",
            now.cancels,
            before.cancels,
            f"{ledger}?{wanted.query(kind=Kind.CANCEL.value)}",
            "down",
        ),
        Number(
            _("Customers who came"),
            "users",
            now.customers,
            before.customers,
            f"{visitors}?{wanted.query()}",
        ),
    ]
    return shown + _of_others(wanted, slug, with_coupons=with_coupons)


@dataclass(frozen=True, slots=True)
class _Other:
    """Rows beside the ledger that are counted by a moment of their own."""

    label: Text
    icon: str
    rows: QuerySet[Any, Any]
    within: Callable[[date, date, str], Q]
    page: str
    period: str
    more: Mapping[str, Any]


def _of_others(wanted: Wish, slug: str, *, with_coupons: bool) -> list[Number]:
    """Cards, rewards and redemptions; one statement for all of them."""
    span, then = wanted.span, wanted.span.before()
    others = _others(wanted, with_coupons=with_coupons)
    if not others:
        return []
    parts = [
        one.rows.filter(one.within(then.first, span.last, span.zone))
        .order_by()
        .values(place=Value(place))
        .annotate(
            now=Count("pk", filter=one.within(span.first, span.last, span.zone)),
            before=Count("pk", filter=one.within(then.first, then.last, span.zone)),
        )
        for place, one in enumerate(others)
    ]
    first, *rest = parts
    found = {row["place"]: row for row in first.union(*rest, all=True)}
    nothing = {"now": 0, "before": 0}
    return [
        Number(
            one.label,
            one.icon,
            found.get(place, nothing)["now"],
            found.get(place, nothing)["before"],
            _list_of(one.page, slug, span, one.period, one.more),
        )
        for place, one in enumerate(others)
    ]


def _others(wanted: Wish, *, with_coupons: bool) -> list[_Other]:
    """What can be told apart: a card belongs to no store, a coupon to no programme."""
    programme, store = wanted.programme_id, wanted.store_id
    others: list[_Other] = []
    if store is None:
        chosen = {} if programme is None else {"programme": programme}
        cards, rewards = Card.objects.all(), Reward.objects.all()
        if programme is not None:
            cards = cards.filter(programme_id=programme)
            rewards = rewards.filter(card__programme_id=programme)
        taken, given = card_lists.taken_between, card_lists.given_between
        others += [
            _Other(_("Cards taken"), "cards", cards, taken, "stamps:cards", "taken", chosen),
            _Other(_("Rewards won"), "gift", rewards, given, "stamps:rewards", "issued", chosen),
        ]
    if with_coupons and programme is None:
        uses = UseRecord.objects.filter(STANDING)
        more: dict[str, Any] = {"kind": STANDS}
        if store is not None:
            uses = uses.filter(store_id=store)
            more["store"] = store
        page, within = "coupons:redemptions", card_lists.used_between
        label = _("Coupons redeemed")
        others.append(_Other(label, "gift-card", uses, within, page, "at", more))
    return others


def _list_of(name: str, slug: str, span: Span, period: str, more: Mapping[str, Any]) -> str:
    days = {f"{period}_from": span.first.isoformat(), f"{period}_to": span.last.isoformat()}
    return f"{reverse(name, args=[slug])}?{urlencode({**more, **days})}"


def shares(wanted: Wish, found: Figures, slug: str) -> list[Share]:
    """How the stamps of these days were proved, the most frequent way first (R17)."""
    ledger = reverse("stamps:ledger", args=[slug])
    of_given = {"kind": Kind.ACCUMULATE.value}
    rows = [
        Share(Method(way), many, found.given, f"{ledger}?{wanted.query(way=way, **of_given)}")
        for way, many in found.given_ways.items()
    ]
    return sorted(rows, key=lambda row: -row.many)


def code_share(found: Figures) -> float | None:
    """Codes of all that was done at the counter (R17); None where nothing was."""
    return _line_of(found).code_share


def is_much_by_code(wanted: Wish, found: Figures) -> bool:
    """Whether codes are more than an emergency where there is a stamp to press (D25)."""
    if not _line_of(found).is_odd:
        return False
    seals = Seal.objects.filter(state=SealState.ACTIVE)
    if wanted.store_id is not None:
        seals = seals.filter(store_id=wanted.store_id)
    return seals.exists()


def _line_of(found: Figures) -> Line:
    codes = found.ways.get(Method.CODE.value, 0)
    proved = sum(many for way, many in found.ways.items() if way not in UNPROVED)
    return Line(codes=codes, operations=proved)


def by_store(wanted: Wish, found: Board) -> dict[int, Line]:
    """The stores of a wish beside each other; one query, stores without entries missing."""
    rows = tallies.by_store(wanted.period(wanted.span), **wanted.place)
    return _lines(rows, found.visitors.by_store)


def by_programme(wanted: Wish, found: Board) -> dict[int, Line]:
    """The programmes of a wish beside each other."""
    rows = tallies.by_programme(wanted.period(wanted.span), **wanted.place)
    return _lines(rows, found.visitors.by_programme)


def _lines(rows: Sequence[Sort[int]], customers: Mapping[int, int]) -> dict[int, Line]:
    lines: dict[int, Line] = {}
    for one in rows:
        line = lines.get(one.place) or Line(customers=customers.get(one.place, 0))
        lines[one.place] = replace(
            line,
            given=line.given + one.entries * (one.kind == Kind.ACCUMULATE),
            cancels=line.cancels + one.entries * (one.kind == Kind.CANCEL),
            codes=line.codes + one.entries * (one.method == Method.CODE),
            operations=line.operations + one.entries * (one.method not in UNPROVED),
        )
    return lines
