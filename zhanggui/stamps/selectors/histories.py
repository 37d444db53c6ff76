"""All that moved the stamps of one card, in one list that adds up."""

from __future__ import annotations

from dataclasses import dataclass

from zhanggui.stamps.models import Card, CardEvent, EventKind
from zhanggui.stamps.selectors.cards import events_of_card, records_of_card
from zhanggui.stamps.selectors.entries import LedgerRow

LONGEST = 100


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a card's history: an entry of the ledger, or an event beside it."""

    row: LedgerRow | None
    event: CardEvent | None
    amount: int
    """What it did to the stamps on this card; 0 for a reward on the way."""
    after: int | None
    """The stamps on this card afterwards; None for an entry of a card that was joined to it."""


def of_card(card: Card, most: int = LONGEST) -> list[Move]:
    """The newest entries and events of a card, newest first; each stands on the one below it."""
    rows = records_of_card(card.pk, size=most).rows
    found: list[LedgerRow | CardEvent] = [*rows, *events_of_card(card.pk, most)]
    found.sort(key=_place, reverse=True)
    moves, after, is_closed = [], card.shown, card.is_filled
    for one in _reopened_first(found)[:most]:
        if isinstance(one, LedgerRow):
            is_here = one.record.card_id == card.pk
            amount = one.record.amount
            moves.append(Move(one, None, amount, after if is_here else None))
            after -= amount if is_here else 0
            continue
        # the round that ended a card for good leaves its stamps where people see them
        stays = is_closed and one.kind == EventKind.REWARD and one.amount < 0
        amount, is_closed = (0, False) if stays else (one.amount, is_closed)
        moves.append(Move(None, one, amount, after))
        after -= amount
    return moves


def _place(one: LedgerRow | CardEvent) -> tuple[object, ...]:
    """Where it stands in time; what followed from an entry stands after it."""
    if isinstance(one, LedgerRow):
        return (one.record.at, 0, one.record.pk)
    return (one.at, 1, one.pk)


def _reopened_first(found: list[LedgerRow | CardEvent]) -> list[LedgerRow | CardEvent]:
    """Before stamps of a closed round go, its reward is withdrawn: newest first, it comes later."""
    told: list[LedgerRow | CardEvent] = []
    held: list[LedgerRow | CardEvent] = []
    for one in found:
        if isinstance(one, CardEvent) and one.kind == EventKind.REOPENED and one.amount:
            held.append(one)
            continue
        told.append(one)
        if isinstance(one, LedgerRow) or one.kind == EventKind.ADJUST:
            told, held = told + held, []
    return told + held
