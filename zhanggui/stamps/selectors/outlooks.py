"""What an adjustment would do to its card as it stands now, for the second person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zhanggui.stamps import rules
from zhanggui.stamps.models import Adjustment, AdjustmentState, Card, WhenFull


@dataclass(frozen=True, slots=True)
class Outlook:
    """The card before and after, and what it would win."""

    before: int
    after: int
    slots: int
    rewards: list[str]
    """Names, in the order in which they are won."""
    is_possible: bool
    """Whether the card, as it is now, can take it; else approving is refused."""


def of_waiting(rows: Iterable[Adjustment]) -> dict[int, Outlook]:
    """By the adjustment's id, for those that wait; their cards come with their terms."""
    return {
        row.pk: outlook(row.card, row.amount)
        for row in rows
        if row.state == AdjustmentState.WAITING
    }


def outlook(card: Card, amount: int) -> Outlook:
    """What so many stamps more or less would do to a card."""
    after = card.shown + amount
    fits = after <= card.slots or card.terms.when_full == WhenFull.RENEW
    if amount < 0:
        least = card.shown if card.is_filled else max(0, card.floor)
        fits = after >= least
    elif card.terms.when_full == WhenFull.RENEW and not card.is_filled:
        after %= card.slots
    won = [str(one["name"]) for one in rules.wins(card, amount)] if amount > 0 else []
    return Outlook(card.shown, after, card.slots, won, fits)
