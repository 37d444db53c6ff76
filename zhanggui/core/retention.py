"""What the core forgets after its time: answers kept for repeats, counters of tries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet

from zhanggui.core import clock, tenancy
from zhanggui.core.idempotency import REPLAY_FOR
from zhanggui.core.models import IdempotencyRecord, LimitCounter

BATCH = 2000
COUNTERS_FOR = timedelta(days=1)
"""Longer than any limit's window; a lock that still holds stays besides."""


def forget() -> int:
    """Remove what no request can ask for any more; answers how many rows."""
    now = clock.now()
    unlocked = Q(locked_until__isnull=True) | Q(locked_until__lt=now)
    removed = remove_in_batches(
        LimitCounter.objects.filter(unlocked, window_starts_at__lt=now - COUNTERS_FOR)
    )
    with tenancy.all_merchants("answers kept for repeats run out for every merchant"):
        old = IdempotencyRecord.objects.filter(created_at__lte=now - REPLAY_FOR)
        return removed + remove_in_batches(old)


def remove_in_batches(rows: QuerySet[Any]) -> int:
    """Delete rows in small transactions, oldest first; answers how many."""
    removed = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        removed += rows.filter(pk__in=ids).delete()[0]
    return removed
