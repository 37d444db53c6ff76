"""The calendar of plans: periods, phases and the price of an upgrade; no row is read here.

Source: repairs specification U-42, U-43, U-45.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from zhanggui.accounts.standing import GRACE, Phase
from zhanggui.core import clock

if TYPE_CHECKING:
    from zhanggui.billing.models import Plan

TRIAL_DAYS = 15
ARCHIVED_AFTER = timedelta(days=90)
"""Counted from the day the plan became read-only."""
DELETABLE_AFTER = timedelta(days=180)
DAY = timedelta(days=1)
MONTHS_A_YEAR = 12
NOTICES = (7, 3, 1)
"""Days before the end at which owners are told (P10)."""
DELETION_NOTICES = (30, 7, 1)
"""Days before the data may be deleted at which owners are told (U-45)."""


def add_days(moment: datetime, days: int, zone: str) -> datetime:
    """The same time of day so many days later in the merchant's time zone."""
    local = moment.astimezone(ZoneInfo(zone))
    return (local + timedelta(days=days)).astimezone(moment.tzinfo)


def add_months(moment: datetime, months: int, zone: str) -> datetime:
    """The same day and time so many calendar months later in the merchant's time zone.

    A day the month has not becomes its last one: 31 January + 1 month is 28 or 29 February.
    """
    local = moment.astimezone(ZoneInfo(zone))
    years, month = divmod(local.month - 1 + months, MONTHS_A_YEAR)
    year = local.year + years
    last = calendar.monthrange(year, month + 1)[1]
    later = local.replace(year=year, month=month + 1, day=min(local.day, last))
    return later.astimezone(moment.tzinfo)


def extended(ends_at: datetime, *, months: int, days: int, zone: str) -> datetime:
    """The new end of a plan: the later of now and its end, plus the period (U-42)."""
    begin = max(clock.now(), ends_at)
    return add_days(add_months(begin, months, zone), days, zone)


def phase_at(ends_at: datetime | None, moment: datetime) -> Phase:
    """Where a plan is in its life at a moment."""
    if ends_at is None or moment < ends_at:
        return Phase.RUNNING
    if moment < ends_at + GRACE:
        return Phase.GRACE
    return Phase.READ_ONLY if moment < archived_from(ends_at) else Phase.ARCHIVED


def read_only_from(ends_at: datetime) -> datetime:
    """When the days of grace are over."""
    return ends_at + GRACE


def archived_from(ends_at: datetime) -> datetime:
    """When a read-only shop is put away."""
    return ends_at + GRACE + ARCHIVED_AFTER


def deletable_from(ends_at: datetime) -> datetime:
    """When the data of a shop that was put away are deleted."""
    return ends_at + GRACE + DELETABLE_AFTER


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a plan's remaining time in one edition."""

    edition_id: int
    rank: int
    length: timedelta


def stretches(plan: Plan, moment: datetime) -> list[Stretch]:
    """What is left of a plan, edition by edition; empty when it is over."""
    now_until = min(plan.next_from or plan.ends_at, plan.ends_at)
    parts = [(plan.edition, moment, now_until)]
    if plan.next_edition is not None and plan.next_from is not None:
        parts.append((plan.next_edition, max(moment, plan.next_from), plan.ends_at))
    return [
        Stretch(edition.pk, edition.rank, until - since)
        for edition, since, until in parts
        if until > since
    ]


def upgrade_fen(differences: Iterable[tuple[int, timedelta]]) -> int:
    """The price of an upgrade: day price difference times remaining days (U-43).

    Args:
        differences: for each stretch that becomes better, how many fen a day the new edition
            costs more, and how long the stretch is.

    Returns:
        Fen, rounded half up, never negative.
    """
    micro = timedelta(microseconds=1)
    parts = sum(max(fen, 0) * (length // micro) for fen, length in differences)
    day = DAY // micro
    return max((2 * parts + day) // (2 * day), 0)
