"""What accounts forget after its time."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.accounts.models import AuditEntry, Merchant, PlatformAuditEntry, Session
from zhanggui.core import clock, tenancy
from zhanggui.core.retention import remove_in_batches

KEEP_AUDIT = timedelta(days=180)


def forget_old_audit() -> int:
    """Remove audit entries older than 180 days (D45); answers how many.

    Merchant by merchant and in small transactions; the database refuses to remove younger ones.
    """
    before = clock.now() - KEEP_AUDIT
    removed = 0
    for merchant_id in Merchant.objects.order_by("pk").values_list("pk", flat=True):
        with tenancy.merchant_scope(merchant_id):
            removed += remove_in_batches(AuditEntry.objects.filter(at__lt=before))
    return removed + remove_in_batches(PlatformAuditEntry.objects.filter(at__lt=before))


def forget_ended_sessions() -> int:
    """Remove sessions whose time is over; answers how many."""
    return Session.objects.filter(expire_date__lt=clock.now()).delete()[0]
