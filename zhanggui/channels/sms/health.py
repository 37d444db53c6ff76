"""How providers of SMS are doing: when each last took a message, and what it last said instead."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q

from zhanggui.channels.sms.errors import SmsError, SmsRefused, SmsUnreachable
from zhanggui.channels.sms.models import ProviderHealth
from zhanggui.core import clock

NOTED_EVERY = timedelta(seconds=30)
"""A success is written down so often: thousands of messages would queue behind one row."""


def note_success(provider: str) -> None:
    """A provider took a message."""
    now = clock.now()
    rows = ProviderHealth.objects.filter(provider=provider)
    is_news = Q(ok_at=None) | Q(ok_at__lt=now - NOTED_EVERY) | Q(failures__gt=0)
    if not rows.filter(is_news).update(ok_at=now, failures=0) and not rows.exists():
        ProviderHealth.objects.get_or_create(provider=provider, defaults={"ok_at": now})


def note_error(provider: str, error: SmsError) -> None:
    """A provider did not take a message; what is wrong with one number says nothing of it."""
    if not isinstance(error, SmsUnreachable) and not _is_ours(error):
        return
    row, _is_new = ProviderHealth.objects.get_or_create(provider=provider)
    ProviderHealth.objects.filter(pk=row.pk).update(
        error=error.code[:80],
        error_kind=type(error).__name__,
        error_at=clock.now(),
        failures=F("failures") + 1,
    )


def _is_ours(error: SmsError) -> bool:
    return isinstance(error, SmsRefused) and error.is_ours


def note_receipts(provider: str) -> None:
    """A provider reported what became of messages."""
    now = clock.now()
    ProviderHealth.objects.filter(
        Q(receipts_at=None) | Q(receipts_at__lt=now - NOTED_EVERY), provider=provider
    ).update(receipts_at=now)
