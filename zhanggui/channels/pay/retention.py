"""What this channel forgets after its time: notifications with their contents, old certificates."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.channels.pay.models import PayNotification, PlatformCertificate
from zhanggui.core import clock
from zhanggui.core.retention import remove_in_batches

NOTIFICATIONS_FOR = timedelta(days=180)
"""Much longer than WeChat Pay repeats them (a day), so that none is worked on twice."""
CERTIFICATES_FOR = timedelta(days=30)


def forget() -> int:
    """Remove notifications after half a year and certificates that ended; answers how many."""
    now = clock.now()
    old = PayNotification.objects.filter(received_at__lt=now - NOTIFICATIONS_FOR)
    ended = PlatformCertificate.objects.filter(expires_at__lt=now - CERTIFICATES_FOR)
    return remove_in_batches(old) + remove_in_batches(ended)
