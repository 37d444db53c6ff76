"""A reward without a coupon reaches its customer: a manager says so, once (D32).

Until then it can be withdrawn with the stamp that won it; afterwards it was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.stamps.errors import CardState, NotManager, RewardWithdrawn
from zhanggui.stamps.models import Card, ManagerBinding, Reward, RewardState
from zhanggui.stamps.selectors import rewards_at
from zhanggui.stamps.services.refusing import is_open_now

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.stamps.results import Desk

HANDED_OVER = "stamps.reward.handed_over"


@transaction.atomic
def hand_over(*, desk: Desk, reward_id: int, actor: Actor) -> Reward:
    """Note that the customer has a reward; a repeat answers who handed it over, and when.

    Args:
        desk: where the manager works; the scope of its merchant is open.
        reward_id: one that is handed out at the counter.
        actor: the manager.

    Raises:
        NotManager: the binding is over (E_NOT_MANAGER, 403).
        NotFound: this store has no such reward to hand out (404).
        RewardWithdrawn: its stamp was cancelled meanwhile (E_REWARD_WITHDRAWN, 409).
        CardState: the store takes nothing now (E_CARD_STATE, 409).
    """
    if not ManagerBinding.objects.filter(pk=desk.binding_id, removed_at=None).exists():
        raise NotManager
    if not is_open_now(desk):
        raise CardState
    mine = rewards_at(desk.store_id).filter(pk=reward_id, coupon_id=None)
    card_id = mine.values_list("card_id", flat=True).first()
    if card_id is None:
        raise NotFound
    Card.objects.select_for_update(no_key=True).get(pk=card_id)  # a cancel locks it as well
    reward = Reward.objects.select_for_update().get(pk=reward_id)
    if reward.state == RewardState.VOIDED:
        raise RewardWithdrawn(reward=reward.name)
    if reward.handed_at is None:
        reward.handed_at, reward.handed_by = clock.now(), desk.person_name[:80]
        reward.save(update_fields=["handed_at", "handed_by"])
        Card.objects.filter(pk=card_id).update(version=F("version") + 1)  # its phone looks again
        audit.record(
            actor,
            HANDED_OVER,
            f"card:{card_id}",
            store_id=desk.store_id,
            details={"reward": reward.pk, "name": reward.name},
        )
    return reward
