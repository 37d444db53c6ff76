"""What the settings page of an official account shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.wechat import services
from zhanggui.channels.wechat.errorcodes import Text
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.channels.wechat.models import (
    CallbackDelivery,
    ChannelAccount,
    DeliveryState,
    Follower,
)
from zhanggui.core import clock

QUIET_AFTER = timedelta(days=7)
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
    last_error_at: datetime | None
    last_error_code: int | None
    advice: Text
    followers: int
    failed_deliveries: int


def effective(merchant: Merchant) -> tuple[ChannelAccount | None, bool]:
    """The account this merchant's customers come through, and whether it is the merchant's own."""
    account = services.effective_account(merchant)
    return account, account is not None and account.tier == Tier.MERCHANT


def health(account: ChannelAccount) -> Health:
    """How an account is doing now."""
    now = clock.now()
    until = account.access_token_expires_at
    is_good = until is not None and until > now
    is_quiet = account.last_callback_at is None or account.last_callback_at < now - QUIET_AFTER
    failed = CallbackDelivery.objects.filter(account=account, state__in=IN_TROUBLE).count()
    has_error = account.last_error_at is not None
    return Health(
        tone="danger" if has_error else "waiting" if is_quiet or failed else "success",
        token_at=account.access_token_at,
        token_until=until,
        is_token_good=is_good,
        last_callback_at=account.last_callback_at,
        is_quiet=is_quiet,
        last_error_at=account.last_error_at,
        last_error_code=account.last_error_code,
        advice=advice_for(account.last_error_code) if has_error else "",
        followers=Follower.objects.filter(account=account, is_following=True).count(),
        failed_deliveries=failed,
    )


def recent_deliveries(account: ChannelAccount) -> list[CallbackDelivery]:
    """The latest callbacks, newest first, at most 20; without their contents."""
    rows = CallbackDelivery.objects.filter(account=account).defer("body_sealed", "platform_key")
    return list(rows.order_by("-received_at", "-id")[:SHOWN])


def is_follower(account_id: int, openid: str) -> bool:
    """Whether an openid follows an account, as far as its events told."""
    followers = Follower.objects.filter(account_id=account_id, openid=openid)
    return followers.filter(is_following=True).exists()
