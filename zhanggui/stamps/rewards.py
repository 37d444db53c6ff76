"""How a reward becomes a coupon: what this module needs of the one that has coupons.

A reward without a coupon template is handed out at the counter: the card knows it, nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from zhanggui.stamps.models import Card, Reward, RewardState, Terms

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


class Giver(Protocol):
    """Issues and takes back coupons, in the transaction of the stamp."""

    def issue(self, *, template_id: int, customer_id: int, cause: str, actor: Actor) -> int:
        """Give the customer a coupon; answers its id."""

    def templates(self, kept: Collection[int]) -> list[tuple[str, str]]:
        """The ids and names of coupons that can be promised; ``kept`` were promised before."""

    def value_fen(self, template_id: int) -> int:
        """What one coupon of a template is worth to the customer, or costs the shop."""

    def is_used(self, coupon_id: int) -> bool:
        """Whether it was redeemed, or is being redeemed right now."""

    def void(self, coupon_id: int, *, actor: Actor) -> bool:
        """Take it back; False when it was used meanwhile."""


_givers: list[Giver] = []


def use(giver: Giver | None) -> None:
    """Say who gives coupons; None: nobody (for tests)."""
    _givers[:] = [] if giver is None else [giver]


def templates(kept: Collection[int] = ()) -> list[tuple[str, str]]:
    """The coupons that a reward may be given as: id and name, for a choice.

    Args:
        kept: coupons that are promised already; they stay, also when they are no longer issued.
    """
    return _givers[0].templates(kept) if _givers else []


def templates_of(terms: Terms) -> set[int]:
    """The coupons that a version of the rules promises."""
    return {one["template"] for one in terms.rewards} - {None}


def is_worth(reward: Mapping[str, Any], least_fen: int) -> bool:
    """Whether a reward of ``Terms.rewards`` is worth so much; one without a coupon may well be."""
    template_id = reward["template"]
    if template_id is None or not _givers:
        return True
    return _givers[0].value_fen(template_id) >= least_fen


def value_fen(reward: Mapping[str, Any]) -> int:
    """What a reward of ``Terms.rewards`` is worth; 0 where nobody has said so."""
    template_id = reward["template"]
    return _givers[0].value_fen(template_id) if template_id and _givers else 0


def won_fen(card: Card, since: datetime) -> int:
    """What a card has won from a moment on, those taken back not counted."""
    given = Reward.objects.select_related("terms").filter(
        card_id=card.pk, state=RewardState.ISSUED, issued_at__gte=since
    )
    return sum(value_fen(reward.terms.at(reward.position)) for reward in given)


def issue(*, terms: Terms, position: int, card: Card, actor: Actor) -> int | None:
    """The coupon of a position; None where there is none to give."""
    template_id = terms.at(position)["template"]
    if template_id is None or not _givers:
        return None
    # given again after a cancel, it is another coupon
    before = Reward.objects.filter(card=card, cycle=card.cycle, position=position).count()
    return _givers[0].issue(
        template_id=template_id,
        customer_id=card.customer_id,
        cause=f"card:{card.pk}:{card.cycle}:{position}:{before}",
        actor=actor,
    )


def is_used(reward: Reward) -> bool:
    """Whether the customer has had it: over the counter, or as a coupon that was redeemed."""
    if reward.handed_at is not None:
        return True
    return bool(_givers and reward.coupon_id and _givers[0].is_used(reward.coupon_id))


def void(reward: Reward, *, actor: Actor) -> bool:
    """Take its coupon back; False when it was used meanwhile."""
    if not _givers or reward.coupon_id is None:
        return True
    return _givers[0].void(reward.coupon_id, actor=actor)


def falling(card: Card, amount: int) -> Sequence[Reward]:
    """What a card would lose with so many stamps: rewards that it would no longer have reached.

    The newest first. Stamps count through the rounds: one taken off a round that has just begun
    opens the round before again.
    """
    after = card.balance - amount
    given = Reward.objects.filter(card_id=card.pk, state=RewardState.ISSUED)
    lost = [
        reward
        for reward in given.filter(cycle=card.cycle).order_by("-position")
        if after < reward.position <= card.balance
    ]
    cycle = card.cycle
    while after < 0 and cycle > 0:
        cycle -= 1
        before = list(given.filter(cycle=cycle).order_by("-position"))
        if not before or not before[0].is_full_card:
            break
        after += before[0].position
        lost += [reward for reward in before if reward.position > after]
    return lost


def short(card: Card, amount: int) -> int:
    """How many of so many stamps the card has no more, its reopened rounds counted.

    They expired, or were moved or taken off by hand: without the office nobody owes them.
    """
    after = card.balance - amount
    for reward in falling(card, amount):
        if reward.is_full_card:
            after += reward.position
    return max(0, -after)
