"""A store that closes has no managers any more.

Source: stamps specification 5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.core import clock
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    PendingState,
)
from zhanggui.stamps.services.managers import take_turn, unbind

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.accounts.models import Store


def end_managers(store: Store, actor: Actor) -> None:
    """End the bindings, open QR codes and requests of a store that has just closed.

    Its people are free for another store at once. Whoever scans at the same moment has either
    been bound before and goes too, or comes later and finds the store closed.
    """
    take_turn(store.pk)
    bound = ManagerBinding.objects.filter(
        merchant_id=store.merchant_id, store_id=store.pk, removed_at=None
    )
    for binding in bound.order_by("pk"):
        unbind(binding, "store_closed", "stamps.manager.removed", actor)
    ManagerInvitation.objects.filter(store=store, state=InvitationState.FRESH).update(
        state=InvitationState.REVOKED
    )
    PendingManager.objects.filter(store=store, state=PendingState.WAITING).update(
        state=PendingState.REJECTED, decided_at=clock.now(), decided_by_id=actor.id
    )
