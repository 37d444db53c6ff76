"""What this module forgets after its time."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.core import clock, tenancy
from zhanggui.core.retention import remove_in_batches
from zhanggui.messaging.models import WAITING, Message, MessageDay

KEEP_MESSAGES = timedelta(days=180)
KEEP_DAYS = timedelta(days=7)


def forget() -> int:
    """Remove messages older than half a year and counters of past days; answers how many."""
    now = clock.now()
    with tenancy.all_merchants("messages and counters run out for every merchant"):
        old = Message.objects.filter(created_at__lt=now - KEEP_MESSAGES)
        removed = remove_in_batches(old.exclude(state__in=WAITING))
        days = MessageDay.objects.filter(day__lt=(now - KEEP_DAYS).date())
        return removed + remove_in_batches(days)
