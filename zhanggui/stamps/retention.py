"""What pressed stamps leave behind goes after its time."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.core import clock, tenancy
from zhanggui.core.retention import BATCH, remove_in_batches
from zhanggui.stamps.models import CounterTicket, Press, PressNonce
from zhanggui.stamps.services.judging import MARKS_FOR

NONCES_FOR = timedelta(days=1)


def forget() -> int:
    """Remove rights that ended yesterday, and raw touches and marks after 90 days; how many."""
    now = clock.now()
    with tenancy.all_merchants("touches run out for every merchant"):
        removed = remove_in_batches(PressNonce.objects.filter(expires_at__lt=now - NONCES_FOR))
        tickets = CounterTicket.objects.filter(expires_at__lt=now - NONCES_FOR)
        removed += remove_in_batches(tickets)
        old = Press.objects.filter(at__lte=now - MARKS_FOR).exclude(mark=None, frames={})
        while ids := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
            removed += old.filter(pk__in=ids).update(mark=None, frames={})
        return removed
