"""How an account is doing: what its page shows, and what waits for somebody because of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, OuterRef, QuerySet, Subquery

from zhanggui.channels.wechat.errorcodes import Text
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.channels.wechat.models import (
    ApiCall,
    CallbackDelivery,
    CallDay,
    ChannelAccount,
    Component,
    DeliveryState,
    Follower,
    Standing,
    Way,
)
from zhanggui.core import clock

QUIET_AFTER = timedelta(days=7)
TICKET_LATE = timedelta(minutes=30)
"""Tickets of the third-party platform come every ten minutes."""
BEIJING = ZoneInfo("Asia/Shanghai")
SHOWN = 20
IN_TROUBLE = [DeliveryState.FAILED, DeliveryState.DEAD]


@dataclass(frozen=True, slots=True)
class Health:
    """How an account is doing, with an advice where something is wrong."""

    tone: str
    token_at: datetime | None
    token_until: datetime | None
    is_token_good: bool
    last_callback_at: datetime | None
    is_quiet: bool
    """No push for a week (or ever): the callback address may not be set."""
    is_revoked: bool
    """The owner has withdrawn the authorisation at WeChat."""
    is_ticket_late: bool
    """WeChat has stopped pushing tickets to our third-party platform."""
    last_error_at: datetime | None
    last_error_code: int | None
    advice: Text
    followers: int
    failed_deliveries: int


def of(account: ChannelAccount) -> Health:
    """How an account is doing now."""
    now = clock.now()
    until = account.access_token_expires_at
    heard_at = account.last_callback_at or account.authorised_at
    is_quiet = heard_at is None or heard_at < now - QUIET_AFTER
    followers, failed = _counted(account)
    has_error = account.last_error_at is not None
    is_revoked = account.standing == Standing.REVOKED
    is_late = _is_ticket_late(account, now)
    is_bad = has_error or is_revoked or is_late
    return Health(
        tone="danger" if is_bad else "waiting" if is_quiet or failed else "success",
        token_at=account.access_token_at,
        token_until=until,
        is_token_good=until is not None and until > now,
        last_callback_at=account.last_callback_at,
        is_quiet=is_quiet,
        is_revoked=is_revoked,
        is_ticket_late=is_late,
        last_error_at=account.last_error_at,
        last_error_code=account.last_error_code,
        advice=advice_for(account.last_error_code) if has_error else "",
        followers=followers,
        failed_deliveries=failed,
    )


def _counted(account: ChannelAccount) -> tuple[int, int]:
    """Followers, and callbacks that failed; one statement."""
    of_account = {"account": OuterRef("pk")}
    counted = ChannelAccount.objects.values_list(
        _count(Follower.objects.filter(**of_account, is_following=True)),
        _count(CallbackDelivery.objects.filter(**of_account, state__in=IN_TROUBLE)),
    )
    followers, failed = counted.get(pk=account.pk)
    return followers or 0, failed or 0


def _count(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.order_by().values("account").annotate(n=Count("pk")).values("n"))


def _is_ticket_late(account: ChannelAccount, now: datetime) -> bool:
    if account.way != Way.AUTHORISED or account.component is None:
        return False
    return account.component.ticket_at is None or account.component.ticket_at < now - TICKET_LATE


def deliveries(account: ChannelAccount, *, in_trouble: bool) -> Sequence[CallbackDelivery]:
    """The latest callbacks, newest first, at most 20; without their contents."""
    rows = CallbackDelivery.objects.filter(account=account).defer("body_sealed", "platform_key")
    if in_trouble:
        rows = rows.filter(state__in=IN_TROUBLE)
    return list(rows.order_by("-received_at", "-id")[:SHOWN])


def notices(component: Component) -> Sequence[CallbackDelivery]:
    """What the third-party platform was told, newest first, at most 20; without tickets."""
    rows = CallbackDelivery.objects.filter(component=component).defer("body_sealed", "platform_key")
    return list(rows.order_by("-received_at", "-id")[:SHOWN])


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the page shows it, with an advice for a refusal."""

    row: ApiCall
    advice: Text

    @property
    def is_good(self) -> bool:
        """Whether WeChat did what was asked."""
        return self.row.code == 0


def calls(account: ChannelAccount) -> list[Call]:
    """The latest calls to WeChat, newest first, at most 20."""
    rows = ApiCall.objects.filter(app_id=account.app_id).order_by("-at", "-id")[:SHOWN]
    return [Call(row, "" if row.code == 0 else advice_for(row.code)) for row in rows]


def used_today(account: ChannelAccount) -> list[CallDay]:
    """How often each call was made today (in Beijing, where allowances begin anew)."""
    today = clock.now().astimezone(BEIJING).date()
    return list(CallDay.objects.filter(app_id=account.app_id, day=today).order_by("-used")[:SHOWN])
