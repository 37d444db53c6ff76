"""Warnings before the end of a plan and before data may be deleted; each goes out once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext_noop

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Merchant, TierState
from zhanggui.billing import periods
from zhanggui.billing.models import Reminder
from zhanggui.billing.services import telling
from zhanggui.core import clock, tenancy

DAYTIME = range(8, 22)
"""Hours of the merchant's day in which somebody is told something."""
A_DAY = timedelta(days=1)
LOOK_AHEAD = timedelta(days=max(periods.NOTICES))


def remind() -> int:
    """Tell the owners what is near; answers how many merchants were told. Run by a job.

    What a job missed is made up for by the nearest warning alone; that data go tomorrow is told
    even after the day has come, as nothing is deleted unwarned.
    """
    now = clock.now()
    near = Merchant.objects.filter(
        plan_ends_at__lte=now + LOOK_AHEAD, state=TierState.ACTIVE, data_deleted_at=None
    )
    return sum(_remind(merchant, now) for merchant in near)


def _remind(merchant: Merchant, now: datetime) -> bool:
    end = merchant.plan_ends_at
    assert end is not None  # noqa: S101  the range leaves rows without an end out
    deletable = periods.deletable_from(end)
    ends = _due("ends", end, periods.NOTICES, now)
    due = ends or _due("deletion", max(deletable, now + A_DAY), periods.DELETION_NOTICES, now)
    if not due or now.astimezone(ZoneInfo(merchant.time_zone)).hour not in DAYTIME:
        return False
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        Merchant.objects.select_for_update().get(pk=merchant.pk)  # two jobs at once tell once
        known = set(Reminder.objects.filter(ends_at=end).values_list("kind", flat=True))
        if due[-1] in known:
            return False
        missing = [kind for kind in due if kind not in known]
        Reminder.objects.bulk_create(
            Reminder(merchant_id=merchant.pk, kind=kind, ends_at=end) for kind in missing
        )
        goes = max(deletable, now + A_DAY)
        text = telling.ends_soon(merchant, end) if ends else telling.data_go(merchant, goes)
        hooks.notify_owners(merchant, text)
        actor = system_actor(gettext_noop("Reminder of a plan’s end"))
        details = {"kind": due[-1], "ends_at": end.isoformat()}
        audit.record(actor, "billing.owners.warned", f"merchant:{merchant.pk}", details=details)
    return True


def _due(name: str, end: datetime, days: tuple[int, ...], now: datetime) -> list[str]:
    """The warnings whose day has come, the nearest to the end last; none after the end."""
    if now >= end:
        return []
    return [f"{name}-{n}" for n in sorted(days, reverse=True) if now >= end - timedelta(days=n)]
