"""Reads of counter screens."""

from __future__ import annotations

from django.db.models import F, QuerySet

from zhanggui.stamps.models import CounterScreen


def newest_first() -> QuerySet[CounterScreen]:
    """Screens in use first, so that old ones never push one of them off a list."""
    in_use = F("revoked_at").desc(nulls_first=True)
    return CounterScreen.objects.select_related("store").order_by(in_use, "-id")
