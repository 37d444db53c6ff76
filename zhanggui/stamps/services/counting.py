"""How many codes a manager confirms in a day, whatever they are for (D25).

``hot.MOVE`` counts in its own statement; every other way through the desk counts here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Case, F, Q, Value, When

from zhanggui.core import clock
from zhanggui.stamps.errors import TooManyOperations
from zhanggui.stamps.models import ManagerBinding
from zhanggui.stamps.services.shop_limits import limits

if TYPE_CHECKING:
    from zhanggui.stamps.results import Desk


def count_operation(desk: Desk) -> bool:
    """Count the operation; False when the manager is gone or has had all of today's (D08, D25)."""
    today = clock.local_date(clock.now(), desk.zone)
    has_room = Q(operations__lt=limits().operations_a_day) | ~Q(operated_on=today)
    bindings = ManagerBinding.objects.filter(
        has_room | Q(operated_on=None), pk=desk.binding_id, removed_at=None
    )
    again = When(operated_on=today, then=F("operations") + 1)
    return bool(bindings.update(operations=Case(again, default=Value(1)), operated_on=today))


def too_many(desk: Desk, most: int) -> TooManyOperations:
    """The refusal, with the time until the shop's next day."""
    moment = clock.now()
    tomorrow = clock.local_date(moment, desk.zone) + timedelta(days=1)
    wait = clock.start_of(tomorrow, desk.zone) - moment
    return TooManyOperations(retry_after_s=-(-wait // timedelta(seconds=1)), most=most)
