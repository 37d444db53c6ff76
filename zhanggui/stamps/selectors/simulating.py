"""What other rules would have cost: the stamps of the last 90 days, told again by them.

A dry run writes nothing. Both tellings begin with the stamps that each card had at the time and
hold the same stamps and cancels, so that the difference is that of the rules and of nothing else.
Source: stamps specification, feature 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import F

from zhanggui.core import clock
from zhanggui.stamps.models import Programme, StampRecord, WhenFull

DAYS = 90
MOST_ROWS = 100_000
"""Of more, every n-th card is told again and the result multiplied."""
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Rule:
    """The rules of a card as far as they cost something."""

    slots: int
    costs: Mapping[int, int]
    """Fen of each reward by position; that of the full card stands at ``slots``."""
    valid_days: int = 0
    is_renewed: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """A stamp or cancel as a dry run needs it."""

    card_id: int
    amount: int
    after: int
    """What was on the card then."""
    day: date


@dataclass(slots=True)
class Outcome:
    """What a telling comes to."""

    given: dict[int, int] = field(default_factory=dict)
    """How many rewards, by position."""
    expired: int = 0
    """Stamps that ran out."""

    def fen(self, rule: Rule) -> int:
        """What these rewards cost."""
        return sum(rule.costs.get(at, 0) * many for at, many in self.given.items())

    @property
    def rewards(self) -> int:
        """All of them."""
        return sum(self.given.values())


@dataclass(slots=True)
class _Card:
    """A card on its way through a telling."""

    stamps: int
    began: date
    is_done: bool = False
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """Both tellings."""

    now: Outcome
    then: Outcome
    now_rule: Rule
    then_rule: Rule
    cards: int
    moves: int
    every: int
    """1: all cards were told again; n: each n-th, multiplied."""

    @property
    def now_fen(self) -> int:
        """What the rules of today would have cost."""
        return self.now.fen(self.now_rule) * self.every

    @property
    def then_fen(self) -> int:
        """What the other ones would have."""
        return self.then.fen(self.then_rule) * self.every

    @property
    def difference_fen(self) -> int:
        """How much more."""
        return self.then_fen - self.now_fen

    @property
    def now_rewards(self) -> int:
        """How many under the rules of today."""
        return self.now.rewards * self.every

    @property
    def then_rewards(self) -> int:
        """How many under the others."""
        return self.then.rewards * self.every


def compare(programme: Programme, now: Rule, then: Rule, *, zone: str) -> Compared:
    """Tell the last 90 days of a programme by two rules; reads only."""
    since = clock.local_date(clock.now(), zone) - timedelta(days=DAYS - 1)
    rows = StampRecord.objects.filter(
        card__programme_id=programme.pk, at__gte=clock.start_of(since, zone)
    )
    many = rows.count()
    every = max(1, -(-many // MOST_ROWS))
    if every > 1:
        rows = rows.annotate(rest=F("card_id") % every).filter(rest=0)
    columns = ("card_id", "amount", "balance_after", "business_date")
    found = rows.order_by("card_id", "at", "id").values_list(*columns)
    moves = [Move(*row) for row in found.iterator(chunk_size=CHUNK)]
    cards = len({move.card_id for move in moves})
    return Compared(
        tell(moves, now), tell(moves, then), now, then, cards * every, len(moves) * every, every
    )


def tell(moves: Iterable[Move], rule: Rule) -> Outcome:
    """What these moves come to by a rule; they come card by card, each in its order."""
    told = Outcome()
    cards: dict[int, _Card] = {}
    for move in moves:
        card = cards.get(move.card_id)
        if card is None:
            before = min(max(move.after - move.amount, 0), rule.slots - 1)
            card = cards[move.card_id] = _Card(before, move.day)
        if move.amount > 0:
            _add(card, move, rule, told)
        else:
            _take(card, -move.amount, rule, told)
    return told


def _add(card: _Card, move: Move, rule: Rule, told: Outcome) -> None:
    if card.is_done:
        return
    if rule.valid_days and card.stamps and move.day > card.began + timedelta(days=rule.valid_days):
        told.expired += card.stamps
        card.stamps = 0
    left = move.amount
    while left and not card.is_done:
        if card.stamps == 0:
            card.began = move.day
        step = min(left, rule.slots - card.stamps)
        _pass(card.stamps, card.stamps + step, rule, told, 1)
        card.stamps += step
        left -= step
        if card.stamps == rule.slots:
            card.stamps, card.rounds = 0, card.rounds + 1
            card.is_done = not rule.is_renewed


def _take(card: _Card, amount: int, rule: Rule, told: Outcome) -> None:
    """A cancel takes back what would not have been won without it, through the rounds."""
    left = amount
    while left:
        if card.stamps == 0:
            if not card.rounds:
                return
            card.stamps, card.rounds, card.is_done = rule.slots, card.rounds - 1, False
        step = min(left, card.stamps)
        _pass(card.stamps - step, card.stamps, rule, told, -1)
        card.stamps -= step
        left -= step


def _pass(low: int, high: int, rule: Rule, told: Outcome, many: int) -> None:
    """Count the rewards of the places from ``low`` (not included) to ``high``."""
    for at in rule.costs:
        if low < at <= high:
            told.given[at] = max(0, told.given.get(at, 0) + many)


def rule_of(*, slots: int, costs: Mapping[int, int], valid_days: int, when_full: str) -> Rule:
    """A rule; rewards behind its last place fall away."""
    kept = {at: fen for at, fen in costs.items() if at <= slots}
    return Rule(slots, kept, valid_days, when_full == WhenFull.RENEW)
