"""Reads of text messages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from zhanggui.channels.sms.models import OutgoingSms, SmsDay, SmsPurpose, SmsState, SmsStop
from zhanggui.channels.sms.services import PLATFORM, ZONE
from zhanggui.core import clock

GROUPS: dict[str, tuple[str | Promise, tuple[SmsState, ...]]] = {
    "out": (pgettext_lazy("text messages", "Handed over"), (SmsState.SENT, SmsState.DELIVERED)),
    "under_way": (
        pgettext_lazy("text messages", "On their way"),
        (SmsState.WAITING, SmsState.HANDING),
    ),
    "trouble": (
        pgettext_lazy("text messages", "Not arrived"),
        (SmsState.FAILED, SmsState.REFUSED, SmsState.LOST),
    ),
}
"""Several states that people look for together: name, words, states."""
STATES = [*((name, label) for name, (label, _states) in GROUPS.items()), *SmsState.choices]


def outgoing(*, state: str = "", purpose: str = "", since: str = "") -> QuerySet[OutgoingSms]:
    """Messages of the whole installation by state (or a group of them), purpose and first day."""
    found = OutgoingSms.objects.all()
    if state in GROUPS:
        found = found.filter(state__in=GROUPS[state][1])
    elif state in SmsState.values:
        found = found.filter(state=state)
    if purpose in SmsPurpose.values:
        found = found.filter(purpose=purpose)
    with suppress(ValueError):
        found = found.filter(created_at__gte=clock.start_of(date.fromisoformat(since), ZONE))
    return found


def today() -> date:
    """The day that counts for budgets: China's."""
    return clock.local_date(clock.now(), ZONE)


@dataclass(frozen=True, slots=True)
class Figures:
    """Messages of today, and what the platform's account may still send."""

    sent: int
    waiting: int
    failed: int
    left: int


def figures_of_today() -> Figures:
    """Counts since midnight in China."""
    counted = outgoing(since=today().isoformat()).aggregate(
        sent=Count("pk", filter=Q(state__in=GROUPS["out"][1])),
        waiting=Count("pk", filter=Q(state__in=GROUPS["under_way"][1])),
        failed=Count("pk", filter=Q(state__in=GROUPS["trouble"][1])),
    )
    spent = SmsDay.objects.filter(owner=PLATFORM, day=today())
    used = spent.values_list("sent", flat=True).first()
    return Figures(**counted, left=max(settings.SMS_DAILY_BUDGET - (used or 0), 0))


def stop() -> SmsStop | None:
    """The emergency switch when it is on."""
    return SmsStop.objects.filter(is_on=True).first()
