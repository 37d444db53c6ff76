"""What becomes of a card when stamps come or go: rewards, full rounds, reopened rounds.

The caller has locked the card (with its terms and programme), booked the stamps themselves, and
saves nothing of the card: that is done here. Source: stamps specification D27, D31, D32, 5.3, 5.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from zhanggui.core import clock
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction, Unit
from zhanggui.stamps import rewards
from zhanggui.stamps.errors import RewardUsed, StampsGone
from zhanggui.stamps.models import (
    Card,
    CardEvent,
    CardState,
    EventKind,
    Programme,
    Reward,
    RewardState,
    StampRecord,
    Terms,
    WhenFull,
)

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

REWARDED = "stamps.rewarded"
REOPENED = "stamps.reopened"
COLUMNS = (
    *("balance", "version", "state", "is_filled", "terms", "cycle", "slots", "valid_days"),
    *("due_at", "floor", "expires_at", "stamped_at", "stamped_by", "day"),
    "day_stamps",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and by whom; ``store_id`` is None in the office."""

    actor: Actor
    zone: str
    store_id: int | None = None


def terms_now(programme: Programme) -> Terms:
    """The terms under which new rounds begin."""
    return Terms.objects.filter(programme=programme).latest("number")


def begin(card: Card, terms: Terms, zone: str) -> None:
    """Put a card at the start of a round; does not save."""
    card.terms = terms
    card.slots, card.valid_days = terms.slots, terms.valid_days
    card.due_at, card.floor = terms.due_after(0), 0
    card.is_filled = False
    card.expires_at = None
    if terms.ends_on:
        card.expires_at = clock.start_of(terms.ends_on + timedelta(days=1), zone)


def give(card: Card, amount: int, place: Place) -> list[Reward]:
    """Put stamps on a card and give what is won by them; answers the rewards in order."""
    moment = clock.now()
    today = clock.local_date(moment, place.zone)
    card.stamped_at = moment
    card.day_stamps = amount + (card.day_stamps if card.day == today else 0)
    card.day = today
    won = _add(card, amount, place)
    _save(card)
    return won


def add(card: Card, amount: int, place: Place) -> list[Reward]:
    """As ``give`` for an adjustment of the office, which does not count for the caps."""
    won = _add(card, amount, place)
    _save(card)
    return won


def _add(card: Card, amount: int, place: Place) -> list[Reward]:
    won: list[Reward] = []
    start, card.balance = card.balance, card.balance + amount
    _start_clock(card, place.zone)
    if card.is_filled:  # what was owed after a forced cancel is paid back; nothing is won twice
        card.state = CardState.REWARDED if card.balance >= 0 else CardState.OPEN
        return won
    while True:
        won += _reach(card, start, min(card.balance, card.slots), place)
        if card.balance < card.slots:
            break
        if not _fill(card, _full_card_of(card), place):
            return won
        start = 0
        if card.balance:
            _start_clock(card, place.zone)
    card.due_at = card.terms.due_after(card.balance)
    return won


def _start_clock(card: Card, zone: str) -> None:
    if card.expires_at is None and card.valid_days and card.balance > 0:
        today = clock.local_date(clock.now(), zone)
        card.expires_at = clock.start_of(today + timedelta(days=1), zone) + timedelta(
            days=card.valid_days
        )


def _reach(card: Card, start: int, end: int, place: Place) -> list[Reward]:
    """Give the rewards of the places from ``start`` (not included) to ``end``."""
    known = set(
        Reward.objects.filter(card=card, cycle=card.cycle, state=RewardState.ISSUED).values_list(
            "position", flat=True
        )
    )
    won = []
    for position in card.terms.reward_at:
        if start < position <= end and position not in known:
            won.append(_issue(card, position, place))
            if position < card.slots:
                note(card, EventKind.REWARD, 0, None, place, text=won[-1].name)
        if position <= end:
            card.floor = max(card.floor, position)
    return won


def _full_card_of(card: Card) -> Reward:
    return Reward.objects.get(
        card=card, cycle=card.cycle, position=card.slots, state=RewardState.ISSUED
    )


def _issue(card: Card, position: int, place: Place) -> Reward:
    reward = Reward(
        card=card,
        terms=card.terms,
        cycle=card.cycle,
        position=position,
        name=card.terms.at(position)["name"],
        card_expires_at=card.expires_at,
        store_id=place.store_id,
        coupon_id=rewards.issue(
            terms=card.terms,
            position=position,
            card=card,
            actor=place.actor,
        ),
    )
    reward.save(force_insert=True)
    return reward


def _fill(card: Card, reward: Reward, place: Place) -> bool:
    """Take the stamps of a full round and begin the next one; False when there is none."""
    redeem = ledger.open_account(
        unit=Unit.STAMP, code=f"redeem:{card.programme_id}", is_cached=False
    )
    reward.transaction = ledger.book(
        unit=Unit.STAMP,
        event=REWARDED,
        cause=f"reward:{reward.pk}",
        amounts={card.account_id: -card.slots, redeem.pk: card.slots},
        zone=place.zone,
        store_id=place.store_id,
    )
    reward.save(update_fields=["transaction"])
    card.balance -= card.slots
    note(card, EventKind.REWARD, -card.slots, reward.transaction, place, text=reward.name)
    card.cycle += 1
    if card.terms.when_full == WhenFull.RENEW:
        begin(card, terms_now(card.programme), place.zone)
        return True
    card.is_filled, card.state = True, CardState.REWARDED
    card.due_at = card.floor = 0
    card.expires_at = None
    return False


def take(card: Card, amount: int, place: Place, *, is_forced: bool = False) -> list[Reward]:
    """Take stamps off a card with the rewards that it no longer reaches; answers these.

    Args:
        card: locked.
        amount: how many.
        place: where and by whom.
        is_forced: rewards that were used stay with the customer, who owes the stamps (D32).

    Raises:
        RewardUsed: a reward was used (E_REWARD_USED, 409).
        StampsGone: the card has not so many, and nothing is forced (E_STAMPS_GONE, 409).
    """
    lost = _losing(card, amount, is_forced=is_forced)
    card.balance -= amount
    for reward in lost:
        if not rewards.void(reward, actor=place.actor):
            raise RewardUsed(reward=reward.name)
        reward.state, reward.voided_at = RewardState.VOIDED, clock.now()
        reward.save(update_fields=["state", "voided_at"])
        if reward.is_full_card:
            _reopen(card, reward, place)
        else:
            note(card, EventKind.REOPENED, 0, None, place, text=reward.name)
    settle(card)
    return lost


def settle(card: Card) -> None:
    """Reckon between which balances nothing is won or lost; saves the card."""
    if card.is_filled:
        card.due_at = card.floor = 0
        if card.balance < 0 and card.state == CardState.REWARDED:
            card.state = CardState.OPEN
    else:
        given = Reward.objects.filter(card=card, cycle=card.cycle, state=RewardState.ISSUED)
        positions = given.filter(position__lte=card.balance)
        card.floor = max(positions.values_list("position", flat=True), default=0)
        card.due_at = card.terms.due_after(card.balance)
    _save(card)


def catch_up(card: Card, place: Place) -> None:
    """Give what the stamps on a card have reached and was not given on it."""
    if not card.is_filled:
        _reach(card, 0, min(card.balance, card.slots), place)
        settle(card)


def _losing(card: Card, amount: int, *, is_forced: bool) -> list[Reward]:
    lost = []
    for reward in rewards.falling(card, amount):
        if not rewards.is_used(reward):
            lost.append(reward)
        elif not is_forced:
            raise RewardUsed(reward=reward.name)
        elif reward.is_full_card:  # its round stays closed: the stamps are owed
            break
    if not is_forced and rewards.short(card, amount):
        raise StampsGone
    return lost


def forget_today(card: Card, target: StampRecord) -> None:
    """Let a stamp that was taken back no longer count for the card's day (D25)."""
    if card.day == target.business_date:
        card.day_stamps = max(0, card.day_stamps - target.amount)
        card.save(update_fields=["day_stamps"])


def _reopen(card: Card, reward: Reward, place: Place) -> None:
    """Go back into the round whose reward is withdrawn."""
    assert reward.transaction_id is not None  # noqa: S101  a full card's; for the type checker
    original = Transaction.objects.get(pk=reward.transaction_id)
    back = ledger.reverse(
        original=original, event=REOPENED, cause=f"reopen:{reward.pk}", zone=place.zone
    )
    terms = Terms.objects.get(pk=reward.terms_id)
    begin(card, terms, place.zone)
    card.balance += terms.slots
    card.cycle, card.state = reward.cycle, CardState.OPEN
    card.expires_at = reward.card_expires_at
    note(card, EventKind.REOPENED, terms.slots, back, place, text=reward.name)


def note(
    card: Card,
    kind: EventKind,
    amount: int,
    booked: Transaction | None,
    place: Place,
    *,
    text: str = "",
    lots: list[list[int]] | None = None,
    at: datetime | None = None,
) -> CardEvent:
    """Write a line of the card's history."""
    event = CardEvent(
        card=card,
        kind=kind,
        transaction=booked,
        amount=amount,
        balance_after=card.balance,
        text=text[:200],
        by=place.actor.name[:80],
        lots=lots or [],
        at=at or clock.now(),
    )
    event.save(force_insert=True)
    return event


def _save(card: Card) -> None:
    card.version += 1
    card.save(update_fields=COLUMNS)
