"""Reads of text messages."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from zhanggui.channels.sms import receipts
from zhanggui.channels.sms.models import OutgoingSms, SmsDay, SmsPurpose, SmsState, SmsStop
from zhanggui.channels.sms.providers import AliyunProvider, TencentProvider
from zhanggui.channels.sms.services import PLATFORM, ZONE
from zhanggui.core import clock


def outgoing(*, state: str = "", purpose: str = "") -> QuerySet[OutgoingSms]:
    """Messages of the whole installation by state and purpose."""
    found = OutgoingSms.objects.all()
    if state in SmsState.values:
        found = found.filter(state=state)
    if purpose in SmsPurpose.values:
        found = found.filter(purpose=purpose)
    return found


@dataclass(frozen=True, slots=True)
class Figures:
    """Messages of today, and what the platform's account may still send."""

    sent: int
    waiting: int
    failed: int
    left: int


def figures_of_today() -> Figures:
    """Counts since midnight in China."""
    today = clock.local_date(clock.now(), ZONE)
    failed = Q(state__in=[SmsState.FAILED, SmsState.REFUSED, SmsState.LOST])
    sent = Q(state__in=[SmsState.SENT, SmsState.DELIVERED])
    counted = OutgoingSms.objects.filter(created_at__gte=clock.start_of(today, ZONE)).aggregate(
        sent=Count("pk", filter=sent),
        waiting=Count("pk", filter=Q(state__in=[SmsState.WAITING, SmsState.HANDING])),
        failed=Count("pk", filter=failed),
    )
    used = SmsDay.objects.filter(owner=PLATFORM, day=today).values_list("sent", flat=True).first()
    return Figures(**counted, left=max(settings.SMS_DAILY_BUDGET - (used or 0), 0))


def addresses() -> list[tuple[str, str]]:
    """Providers in use with the address to set in their console for receipts and replies."""
    used = [settings.SMS_PROVIDER, settings.SMS_RESERVE]
    return [
        (name, settings.BASE_URL + reverse("sms:push", args=[name, receipts.tokens_of(name)[0]]))
        for name in used
        if name in {TencentProvider.name, AliyunProvider.name}
    ]


def stop() -> SmsStop | None:
    """The emergency switch when it is on."""
    return SmsStop.objects.filter(is_on=True).first()
