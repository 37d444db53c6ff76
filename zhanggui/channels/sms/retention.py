"""What this channel forgets after its time."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.channels.sms.models import OutgoingSms, SmsDay, SmsReceipt
from zhanggui.core import clock
from zhanggui.core.retention import remove_in_batches

KEEP_MESSAGES = timedelta(days=90)
KEEP_RECEIPTS = timedelta(days=7)
KEEP_DAYS = timedelta(days=400)


def forget() -> int:
    """Remove messages older than 90 days and counters older than 400; answers how many."""
    now = clock.now()
    removed = remove_in_batches(OutgoingSms.objects.filter(created_at__lt=now - KEEP_MESSAGES))
    removed += remove_in_batches(SmsReceipt.objects.filter(received_at__lt=now - KEEP_RECEIPTS))
    return removed + remove_in_batches(SmsDay.objects.filter(day__lt=(now - KEEP_DAYS).date()))
