"""What pressed stamps leave behind goes after its time; QR codes for managers run out."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef

from zhanggui.core import clock, tenancy
from zhanggui.core.retention import BATCH, remove_in_batches
from zhanggui.stamps.models import (
    CounterTicket,
    InvitationState,
    ManagerInvitation,
    PendingManager,
    PendingState,
    Press,
    PressNonce,
)
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


def close_invitations() -> int:
    """Mark QR codes for managers whose 24 hours are over; how many.

    Nothing depends on it: a scan asks the clock. One whose late scan still waits for the office
    stays open, so that the office can say yes.
    """
    with tenancy.all_merchants("QR codes of every merchant run out"):
        waiting = PendingManager.objects.filter(
            merchant_id=OuterRef("merchant_id"),
            invitation_id=OuterRef("pk"),
            state=PendingState.WAITING,
        )
        over = ManagerInvitation.objects.filter(
            ~Exists(waiting), state=InvitationState.FRESH, expires_at__lte=clock.now()
        )
        return over.update(state=InvitationState.EXPIRED)
