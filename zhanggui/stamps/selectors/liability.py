"""What the stamps and rewards that customers hold may still cost, month by month.

A card with four of ten stamps has earned four tenths of its reward. How much of that will be
claimed is taken from the last 180 days (stamps that became rewards, of all that came to an end) or
from what the shop says. Coupons that were won and not yet used are added, by their own last day.
Source: stamps specification, feature 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, Sum, Value
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils.http import urlencode

from zhanggui.core import clock
from zhanggui.coupons import rules as coupon_rules
from zhanggui.coupons import selectors as coupon_selectors
from zhanggui.coupons.models import Coupon, CouponTemplate, Way
from zhanggui.ledger.models import Entry, Unit
from zhanggui.stamps.models import Card, CardState, Programme, RewardCosts, Terms
from zhanggui.stamps.selectors import card_lists

LOOK_BACK = timedelta(days=180)
ALL = 1.0
SECOND = Value(timedelta(seconds=1))
"""An end is the midnight after the last day."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a reward costs, and whether the shop or a coupon says so."""

    position: int
    name: str
    fen: int
    is_known: bool
    is_typed: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of one programme."""

    programme: Programme
    costs: Sequence[Cost]
    """By position, of the rules of today."""
    measured: float | None
    """Stamps that became rewards of those that came to an end; None: none did yet."""
    typed: float | None
    """What the shop says instead."""

    @property
    def share(self) -> float:
        """Of open stamps that will be claimed; all of them where nothing is known."""
        if self.typed is not None:
            return self.typed
        return ALL if self.measured is None else self.measured

    @property
    def has_unknown(self) -> bool:
        """Whether the cost of a reward is not known."""
        return any(not cost.is_known for cost in self.costs)


@dataclass(slots=True)
class Sums:
    """What adds up in a month or for a programme."""

    cards: int = 0
    stamps: int = 0
    coupons: int = 0
    full: float = 0
    """Fen if everything is claimed."""
    expected: float = 0
    """Fen as far as claims are expected."""

    def add(self, other: Sums) -> None:
        """Put another one on top."""
        self.cards += other.cards
        self.stamps += other.stamps
        self.coupons += other.coupons
        self.full += other.full
        self.expected += other.expected

    @property
    def full_fen(self) -> int:
        """Whole fen."""
        return round(self.full)

    @property
    def expected_fen(self) -> int:
        """Whole fen."""
        return round(self.expected)


@dataclass(frozen=True, slots=True)
class Month:
    """One month in which stamps and coupons end; ``first`` is None where they do not."""

    first: date | None
    sums: Sums
    cards_url: str
    coupons_url: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report."""

    months: Sequence[Month]
    programmes: Sequence[tuple[Outlook, Sums]]
    total: Sums


@dataclass(frozen=True, slots=True)
class _Book:
    """What is read once for a report."""

    versions: Sequence[Terms]
    """All rules of all programmes, the newest of each last."""
    worth: Mapping[int, int]
    """Fen of one use of each coupon template."""
    outlooks: Mapping[int, Outlook]


def outlooks(programmes: Sequence[Programme]) -> Mapping[int, Outlook]:
    """Costs and expectations of programmes, by id."""
    return _book(programmes).outlooks


def _book(programmes: Sequence[Programme]) -> _Book:
    versions = list(Terms.objects.order_by("programme_id", "number"))
    terms = {one.programme_id: one for one in versions}  # the newest wins
    typed = {one.programme_id: one for one in RewardCosts.objects.all()}
    worth = {one.pk: coupon_rules.worth_fen(one) for one in CouponTemplate.objects.all()}
    measured = _measured([one.pk for one in programmes])
    found = {}
    for one in programmes:
        own = typed.get(one.pk)
        rules = terms.get(one.pk)
        found[one.pk] = Outlook(
            one,
            _costs(rules.rewards if rules else [], own.costs if own else {}, worth),
            measured.get(one.pk),
            own.percent / 100 if own and own.percent is not None else None,
        )
    return _Book(versions, worth, found)


def _costs(
    rewards: Sequence[Mapping[str, object]], typed: Mapping[str, int], worth: Mapping[int, int]
) -> list[Cost]:
    costs = []
    for reward in rewards:
        position, template = int(str(reward["at"])), reward["template"]
        said = typed.get(str(position))
        of_coupon = worth.get(int(str(template)), 0) if template else 0
        fen = of_coupon if said is None else said
        is_known = said is not None or of_coupon > 0
        costs.append(Cost(position, str(reward["name"]), fen, is_known, said is not None))
    return costs


def _measured(programme_ids: Sequence[int]) -> dict[int, float]:
    """How many of the stamps that came to an end became a reward, by the ledger."""
    codes = {f"{kind}:{pk}": (kind, pk) for kind in ("redeem", "expire") for pk in programme_ids}
    since = clock.now() - LOOK_BACK
    rows = (
        Entry.objects.filter(
            account__unit=Unit.STAMP, account__code__in=codes, transaction__at__gt=since
        )
        .order_by()
        .values("account__code")
        .annotate(sum=Sum("amount"))
    )
    sums: dict[int, dict[str, int]] = {}
    for row in rows:
        kind, pk = codes[row["account__code"]]
        sums.setdefault(pk, {})[kind] = row["sum"]
    shares = {}
    for pk, one in sums.items():
        used, lost = max(one.get("redeem", 0), 0), max(one.get("expire", 0), 0)
        if used + lost:
            shares[pk] = used / (used + lost)
    return shares


def earned(balance: int, costs: Sequence[tuple[int, int]]) -> float:
    """How much of the rewards ahead a card has earned, in fen; ``costs``: position and fen."""
    return sum(fen * balance / position for position, fen in costs if position > balance)


def report(*, zone: str, slug: str) -> Report:
    """Open stamps and coupons that were won, by the month in which they end; one merchant."""
    programmes = list(Programme.objects.order_by("id"))
    book = _book(programmes)
    known = book.outlooks
    by_month: dict[date | None, Sums] = {}
    by_programme = {one.pk: Sums() for one in programmes}
    for programme_id, month, sums in (*_cards(book, zone), *_coupons(book, zone)):
        by_month.setdefault(month, Sums()).add(sums)
        if programme_id is not None:
            by_programme[programme_id].add(sums)
    total = Sums()
    for sums in by_month.values():
        total.add(sums)
    today = clock.local_date(clock.now(), zone)
    return Report(
        [
            _month(month, by_month[month], today, slug)
            for month in sorted(by_month, key=lambda one: one or date.max)
        ],
        [(known[one.pk], by_programme[one.pk]) for one in programmes],
        total,
    )


type _Part = tuple[int | None, date | None, Sums]


def _cards(book: _Book, zone: str) -> list[_Part]:
    """Cards with stamps that still count; a card's last day decides its month."""
    terms = {one.pk: one for one in book.versions}
    now = clock.now()
    rows = (
        Card.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .filter(state=CardState.OPEN, balance__gt=0)
        .order_by()
        .annotate(month=TruncMonth(F("expires_at") - SECOND, tzinfo=ZoneInfo(zone)))
        .values("programme_id", "terms_id", "balance", "month")
        .annotate(many=Count("pk"))
    )
    parts: list[_Part] = []
    for row in rows:
        outlook = book.outlooks[row["programme_id"]]
        typed = {str(cost.position): cost.fen for cost in outlook.costs if cost.is_typed}
        costs = _costs(terms[row["terms_id"]].rewards, typed, book.worth)
        balance, many = row["balance"], row["many"]
        full = earned(balance, [(one.position, one.fen) for one in costs]) * many
        month = row["month"].date() if row["month"] else None
        sums = Sums(many, balance * many, 0, full, full * outlook.share)
        parts.append((row["programme_id"], month, sums))
    return parts


def _coupons(book: _Book, zone: str) -> list[_Part]:
    """Coupons that were won and can still be used, by the month of their last day."""
    values = {"state": coupon_selectors.OPEN, "way": Way.REWARD.value}
    rows = (
        coupon_selectors.coupons(values=values, zone=zone)
        .order_by()
        .annotate(month=TruncMonth(F("ends_at") - SECOND, tzinfo=ZoneInfo(zone)))
        .values("template_id", "month")
        .annotate(many=Count("pk"), uses=Sum(F("usable") + F("held")))
    )
    used, owners = _used(), _owners(book)
    parts: list[_Part] = []
    for row in rows:
        full = float(row["uses"] * book.worth.get(row["template_id"], 0))
        share = used.get(row["template_id"], ALL)
        sums = Sums(0, 0, row["many"], full, full * share)
        parts.append((owners.get(row["template_id"]), row["month"].date(), sums))
    return parts


def _used() -> dict[int, float]:
    """How many of the won coupons that came to an end in the last 180 days had been used."""
    now = clock.now()
    over = Q(state="redeemed") | coupon_selectors.by_clock("expired", now)
    rows = (
        Coupon.objects.filter(over, way=Way.REWARD, issued_at__gt=now - LOOK_BACK)
        .order_by()
        .values("template_id")
        .annotate(many=Count("pk"), used=Count("pk", filter=Q(redeemed__gt=0)))
    )
    return {row["template_id"]: row["used"] / row["many"] for row in rows}


def _owners(book: _Book) -> dict[int, int]:
    """Which programme gives a coupon; of several the first."""
    owners: dict[int, int] = {}
    for one in book.versions:
        for reward in one.rewards:
            if reward["template"]:
                owners.setdefault(reward["template"], one.programme_id)
    return owners


def _month(first: date | None, sums: Sums, today: date, slug: str) -> Month:
    """Where the rows of a month are listed; the present month begins with today."""
    wanted = {"state": CardState.OPEN.value, "holding": card_lists.SOME}
    won = {"state": coupon_selectors.OPEN, "way": Way.REWARD.value}
    if first is None:
        wanted["end"] = card_lists.NO_END
    else:
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        begin = max(first, today).isoformat()
        wanted |= {"until_from": begin, "until_to": last.isoformat()}
        won |= {"ends_from": begin, "ends_to": last.isoformat()}
    cards = reverse("stamps:cards", args=[slug])
    coupons = reverse("coupons:coupons", args=[slug])
    return Month(first, sums, f"{cards}?{urlencode(wanted)}", f"{coupons}?{urlencode(won)}")
