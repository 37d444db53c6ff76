"""Lists and figures of QR codes with a purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat.models import ChannelAccount, CodeScan, TrackedCode
from zhanggui.core import clock

DAYS = 30


def codes_of(
    account: ChannelAccount | None, merchant: Merchant | None, *, archived: bool = False
) -> QuerySet[TrackedCode]:
    """The codes of a place: a shop's own on any account, else the lender's on its account."""
    rows = TrackedCode.objects.select_related("account").filter(merchant=merchant)
    if merchant is None:
        rows = rows.filter(account=account)
    return rows.filter(archived_at__isnull=not archived)


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a code."""

    scans: int = 0
    people: int = 0
    """Different openids; who only opened the printed address is not among them."""
    followers: int = 0
    """Who began to follow by scanning."""
    opened: int = 0
    """How often the printed address was opened."""


def figures_of(codes: Sequence[TrackedCode]) -> dict[int, Figures]:
    """The figures of some codes in one query, by id; those without scans are missing."""
    is_scan = ~Q(openid="")
    rows = (
        CodeScan.objects.filter(code__in=codes)
        .values("code_id")
        .annotate(
            scans=Count("pk", filter=is_scan),
            people=Count("openid", filter=is_scan, distinct=True),
            followers=Count("pk", filter=Q(is_new_follower=True)),
            opened=Count("pk", filter=~is_scan),
        )
    )
    return {
        row["code_id"]: Figures(row["scans"], row["people"], row["followers"], row["opened"])
        for row in rows
    }


def scans_of(code: TrackedCode, how: str = "") -> QuerySet[CodeScan]:
    """The scans behind a figure of a code, all of them without one; unordered.

    ``people`` is the first scan of each; see :class:`Figures` for the others.
    """
    rows = CodeScan.objects.filter(code=code)
    if how == "opened":
        return rows.filter(openid="")
    if how == "followers":
        return rows.filter(is_new_follower=True)
    if how == "scans":
        return rows.exclude(openid="")
    if how == "people":
        firsts = rows.exclude(openid="").order_by().values("openid").annotate(first=Min("pk"))
        return rows.filter(pk__in=firsts.values("first"))
    return rows


@dataclass(frozen=True, slots=True)
class Days:
    """Scans and new followers day by day."""

    days: Sequence[date]
    scans: Sequence[int]
    followers: Sequence[int]


def by_day(code: TrackedCode) -> Days:
    """The last 30 days of a code, today last, in the time zone of the page."""
    zone = timezone.get_current_timezone()
    today = clock.now().astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = datetime.combine(days[0], datetime.min.time(), tzinfo=ZoneInfo(str(zone)))
    rows = (
        CodeScan.objects.filter(code=code, at__gte=since)
        .annotate(day=TruncDate("at", tzinfo=zone))
        .values("day")
        .annotate(n=Count("pk"), new=Count("pk", filter=Q(is_new_follower=True)))
    )
    found = {row["day"]: (row["n"], row["new"]) for row in rows}
    pairs = [found.get(day, (0, 0)) for day in days]
    return Days(days, [n for n, _new in pairs], [new for _n, new in pairs])
