"""What is forgotten after its time: sign-ins under way, callbacks and messages with their texts."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.channels.wechat import moving, records
from zhanggui.channels.wechat.models import (
    AuthorisationVisit,
    CallbackDelivery,
    OAuthState,
    OutgoingMessage,
)
from zhanggui.contacts.models import CustomerSession
from zhanggui.core import clock, tenancy

DELIVERIES_FOR = timedelta(days=30)
"""Much longer than ``callbacks.OLDEST``, so that no push can be worked on twice."""
STATES_FOR = timedelta(days=1)


def forget() -> None:
    """Delete what is over; safe to run at any time."""
    now = clock.now()
    records.forget()
    OAuthState.objects.filter(expires_at__lt=now - STATES_FOR).delete()
    visits = AuthorisationVisit.objects.filter(expires_at__lt=now - STATES_FOR)
    visits.exclude(wanted__isnull=False, ended_at__gte=now - moving.REMEMBERED_FOR).delete()
    CallbackDelivery.objects.filter(received_at__lt=now - DELIVERIES_FOR).delete()
    OutgoingMessage.objects.filter(created_at__lt=now - DELIVERIES_FOR).delete()
    with tenancy.all_merchants("sessions that have run out are deleted every night"):
        CustomerSession.objects.filter(expires_at__lt=now).delete()
