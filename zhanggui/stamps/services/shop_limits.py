"""What a shop sets for all its programmes.

Source: stamps specification D25, D37, D38.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.core import tenancy
from zhanggui.stamps.models import Limits
from zhanggui.stamps.models.rounds import FAR_FROM_M, SIGNIN_FOR_UNDO_MIN

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


@dataclass(frozen=True, slots=True)
class LimitsInput:
    """What the office types in."""

    operations_a_day: int
    may_stamp_own: bool
    second_person_above: int
    signin_for_undo_min: int = SIGNIN_FOR_UNDO_MIN
    may_press_when_shut: bool = True
    asks_place: bool = False
    far_from_m: int = FAR_FROM_M
    reward_fen_a_day: int | None = None


def limits() -> Limits:
    """What holds for the merchant in scope; not saved while the defaults hold."""
    return Limits.objects.first() or Limits(merchant_id=tenancy.current_merchant_id())


def set_limits(*, values: LimitsInput, actor: Actor) -> Limits:
    """Set them; the counter asks for them with every code."""
    with transaction.atomic():
        row, _is_new = Limits.objects.select_for_update().update_or_create(
            merchant_id=tenancy.current_merchant_id(), defaults=asdict(values)
        )
        audit.record(actor, "stamps.limits.set", f"limits:{row.pk}", details=asdict(values))
    return row
