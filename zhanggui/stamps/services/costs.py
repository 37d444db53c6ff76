"""What the shop says its rewards cost, for the report on liability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.stamps.models import Programme, RewardCosts

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def set_costs(
    *, programme_id: int, costs: Mapping[int, int], percent: int | None, actor: Actor
) -> RewardCosts:
    """Keep what the rewards of a programme cost and how many will be claimed.

    Args:
        programme_id: of the merchant in scope.
        costs: fen by position; a position that is left out costs what its coupon does.
        percent: of open stamps that will become a reward, 0 to 100; None: as measured.
        actor: who says so.

    Raises:
        NotFound: no such programme (404).
    """
    with transaction.atomic():
        programme = Programme.objects.select_for_update(of=("self",)).filter(pk=programme_id)
        if programme.first() is None:
            raise NotFound
        row, _is_new = RewardCosts.objects.update_or_create(
            programme_id=programme_id,
            defaults={
                "costs": {str(at): fen for at, fen in sorted(costs.items())},
                "percent": percent,
                "changed_at": clock.now(),
            },
        )
        audit.record(
            actor,
            "stamps.costs.set",
            f"programme:{programme_id}",
            details={"costs": row.costs, "percent": percent},
        )
    return row
