"""Two cards of one programme become one when their customers do, and two again.

The ledger is never rewritten: what lies on the card that goes is booked onto the one that goes on,
and booked back when the merge is taken back. A stamp keeps the account it was booked on; cancelled
later it is reversed there, and the card that goes on makes it good (``cover``).

Cards are locked in the order in which they lead to each other.
Source: stamps specification 5.6 (merge), platform specification P13; decision 42.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.codes import services as codes
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction, Unit
from zhanggui.stamps import rewards, rules
from zhanggui.stamps.models import (
    Adjustment,
    AdjustmentState,
    Card,
    CardEvent,
    CardState,
    EventKind,
    Reward,
    RewardState,
    StampRecord,
)
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.services import cycles, telling

if TYPE_CHECKING:
    from zhanggui.stamps.services.cycles import Place

JOINED = "stamps.merged"
COVERED = "stamps.merge_covered"
APART = "stamps.unmerged"
REWARD_USED = _("a reward that the joined stamp card won was used since.")
STAMPS_GONE = _("stamps of the joined stamp card expired or were taken off since.")
COLLECTING = frozenset({CardState.OPEN, CardState.BLOCKED})


def choose(mine: Card, theirs: Card) -> tuple[Card, Card]:
    """Which of two cards goes on, and which goes into it: the survivor's goes on.

    Only if that one has ended (expired, or full for good) and the other has not, the other does.
    """
    if not _collects(mine) and _collects(theirs):
        return theirs, mine
    return mine, theirs


def _collects(card: Card) -> bool:
    return card.state in COLLECTING and not card.is_filled


def fitting(into: Card, folded: Card) -> int:
    """How many stamps go over: all of them, below 0 what is owed; no more than there is room."""
    amount = folded.balance
    return amount if amount <= 0 or into.room is None else min(amount, into.room)


def fold(into: Card, folded: Card) -> dict[str, Any]:
    """Take a locked card off every list: it leads to the other one from now on.

    Answers what ``part`` needs; ``join`` adds to it.
    """
    memory = {
        "from": folded.pk,
        "into": into.pk,
        "state": folded.state,
        "into_state": into.state,
        "into_end": _told(into.expires_at),
        "carried": [],
    }
    folded.state, folded.merged_into = CardState.MERGED, into
    folded.version += 1
    folded.save(update_fields=["state", "merged_into", "version"])
    return memory


def join(
    memory: dict[str, Any], into: Card, folded: Card, *, merge_id: int, place: Place
) -> dict[str, Any]:
    """Let the stamps of a folded card come onto the one that goes on.

    Stamps that find no room stay on the card that went, for the day it comes back. Rewards won on
    the way of its present round come along, so that nothing is won twice.

    Args:
        memory: of ``fold``.
        into: locked, with programme and terms; both belong to one customer by now.
        folded: locked.
        merge_id: names the booking.
        place: where and by whom.
    """
    waiting = Adjustment.objects.filter(card=folded, state=AdjustmentState.WAITING)
    memory["adjustments"] = sorted(waiting.values_list("pk", flat=True))
    waiting.update(card=into)
    was_blocked = CardState.BLOCKED in {memory["state"], memory["into_state"]}
    if was_blocked:
        codes.revoke_free(subject_type=SUBJECT, subject_ids=[folded.pk, into.pk])
    else:
        codes.hand_over(subject_type=SUBJECT, from_id=folded.pk, to_id=into.pk)
    amount = fitting(into, folded)
    if amount > 0:
        memory["carried"] = _carry_rewards(into, folded)
        into.expires_at = _end_of_both(into, folded)
        memory["joined_end"] = _told(into.expires_at)
    if amount:
        _move(into, folded, amount, merge_id, place)
    if was_blocked and into.state != CardState.BLOCKED:
        into.state = CardState.BLOCKED
        into.save(update_fields=["state"])
    return memory


def _told(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _carry_rewards(into: Card, folded: Card) -> list[int]:
    """Let what was won on the way of both rounds count for the one that goes on."""
    given = Reward.objects.filter(state=RewardState.ISSUED)
    known = given.filter(card=into, cycle=into.cycle).values_list("position", flat=True)
    theirs = given.filter(card=folded, cycle=folded.cycle, position__lt=into.slots)
    carried = list(theirs.exclude(position__in=list(known)).values_list("pk", flat=True))
    Reward.objects.filter(pk__in=carried).update(card=into, cycle=into.cycle)
    return carried


def _end_of_both(into: Card, folded: Card) -> datetime | None:
    """The later end of the rounds that have begun; None: it is reckoned anew, or there is none."""
    if into.is_filled:
        return into.expires_at
    ends = [card.expires_at for card in (into, folded) if card.balance > 0]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _move(into: Card, folded: Card, amount: int, merge_id: int, place: Place) -> None:
    booked = ledger.book(
        unit=Unit.STAMP,
        event=JOINED,
        cause=f"merge:{merge_id}:{folded.pk}",
        amounts={folded.account_id: -amount, into.account_id: amount},
        zone=place.zone,
    )
    folded.balance -= amount
    folded.save(update_fields=["balance"])
    cycles.note(folded, EventKind.MOVED, -amount, booked, place)
    came = cycles.note(into, EventKind.JOINED, amount, booked, place)
    _change(into, amount, place)
    came.balance_after = into.shown
    came.save(update_fields=["balance_after"])


def _change(card: Card, amount: int, place: Place) -> None:
    """Let stamps come with what they win; what is owed comes without taking rewards."""
    if amount > 0:
        for reward in cycles.add(card, amount, place):
            if reward.coupon_id is None:
                telling.tell_won(reward, card, "")
    else:
        card.balance += amount
        cycles.settle(card)


def cover(target: StampRecord, into: Card, place: Place) -> None:
    """Let the card that goes on make a stamp good that was booked on one that went into it.

    The stamp's own reversal is booked by the caller, as is what it takes off ``into``.
    """
    folded = Card.objects.get(pk=target.card_id)
    while folded.pk != into.pk:
        assert folded.merged_into_id is not None  # noqa: S101  for the type checker
        goes_on = Card.objects.get(pk=folded.merged_into_id)
        booked = ledger.book(
            unit=Unit.STAMP,
            event=COVERED,
            cause=f"cover:{target.pk}:{folded.pk}",
            amounts={folded.account_id: target.amount, goes_on.account_id: -target.amount},
            zone=place.zone,
        )
        cycles.note(folded, EventKind.MOVED, target.amount, booked, place)
        folded = goes_on


# -- taking it back


def part(memory: Mapping[str, Any], *, merge_id: int, place: Place) -> None:
    """Make two cards of one again; stamps that came since stay on the card they came on.

    Raises:
        RewardUsed: a reward that the joined card won was used (E_REWARD_USED, 409).
        StampsGone: the joined stamps expired or were taken off since (E_STAMPS_GONE, 409).
    """
    folded, into = _locked(memory["from"]), _locked(memory["into"])
    rewards_back = Reward.objects.filter(pk__in=memory["carried"])
    rewards_back.update(card=folded, cycle=folded.cycle)
    waiting = Adjustment.objects.filter(pk__in=memory["adjustments"], card=into)
    waiting.filter(state=AdjustmentState.WAITING).update(card=folded)
    net = 0
    for move in _moves(folded):
        net -= move.amount
        _book_back(move, into, folded, merge_id, place)
    blocked = into.state == CardState.BLOCKED
    if net > 0:
        cycles.take(into, net, place)
        cycles.catch_up(into, place)
    elif net < 0:
        _change(into, -net, place)
    _put_back(into, memory, was_blocked=blocked)
    folded.balance += net
    folded.state, folded.merged_into = CardState(memory["state"]), None
    folded.save(update_fields=["merged_into"])
    cycles.settle(folded)


def _locked(card_id: int) -> Card:
    cards = Card.objects.select_related("programme", "customer", "terms")
    return cards.select_for_update(of=("self",)).get(pk=card_id)


def _moves(folded: Card) -> list[CardEvent]:
    """What went from a card to the one it went into, and was not booked back."""
    reversals = Transaction.objects.filter(reverses_id=OuterRef("transaction_id"))
    moves = CardEvent.objects.filter(~Exists(reversals), card=folded, kind=EventKind.MOVED)
    return list(moves.select_related("transaction").order_by("pk"))


def _book_back(move: CardEvent, into: Card, folded: Card, merge_id: int, place: Place) -> None:
    original = move.transaction
    assert original is not None  # noqa: S101  each move is booked; for the type checker
    back = ledger.reverse(
        original=original,
        event=APART,
        cause=f"unmerge:{merge_id}:{original.pk}",
        zone=place.zone,
    )
    cycles.note(folded, EventKind.MOVED_BACK, -move.amount, back, place)
    cycles.note(into, EventKind.MOVED_BACK, move.amount, back, place)


def _put_back(into: Card, memory: Mapping[str, Any], *, was_blocked: bool) -> None:
    """State and end of the card that went on, where nobody changed them since."""
    brought_block = memory["state"] == CardState.BLOCKED != memory["into_state"]
    if was_blocked and not brought_block:
        into.state = CardState.BLOCKED
    elif was_blocked:
        is_full = into.is_filled and into.balance >= 0
        into.state = CardState.REWARDED if is_full else CardState.OPEN
    end = memory["into_end"]
    if _told(into.expires_at) == memory.get("joined_end", end) and (end or not into.balance):
        into.expires_at = datetime.fromisoformat(end) if end else None
    into.save(update_fields=["state", "expires_at"])


def why_not_part(memory: Mapping[str, Any]) -> str | Promise | None:
    """Why two cards cannot be told apart any more; None when they can. A read."""
    into = rules.card_of(memory["into"]).card
    net = -sum(move.amount for move in _moves(Card.objects.get(pk=memory["from"])))
    if net <= 0:
        return None
    lost = [one for one in rewards.falling(into, net) if one.pk not in memory["carried"]]
    if any(rewards.is_used(one) for one in lost):
        return REWARD_USED
    return STAMPS_GONE if rewards.short(into, net) else None
