"""The printed address ``/q/<token>``: opaque, and right whatever account serves today (P33)."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import services as account_services
from zhanggui.channels.wechat.models import ChannelAccount, TrackedCode
from zhanggui.channels.wechat.tracking import scans
from zhanggui.core import clock


def address_of(code: TrackedCode) -> str:
    """The whole address that is printed."""
    return f"{settings.BASE_URL}{reverse('wechat:resolve', args=[code.token])}"


def masked(openid: str) -> str:
    """An openid as far as staff may see it: enough to tell two apart."""
    return f"…{openid[-6:]}" if openid else ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an opened address leads to."""

    code: TrackedCode
    account: ChannelAccount | None
    """Whom one can follow; None when no account serves."""
    page_url: str
    """Where one goes at once; empty to show the account."""
    follow_url: str
    """What the picture to follow by says: WeChat's code while it is good at this account."""


def resolve(token: str) -> Resolved | None:
    """What a printed code stands for now; None for one that nobody printed."""
    code = TrackedCode.objects.select_related("account", "merchant").filter(token=token).first()
    if code is None:
        return None
    account = _account_now(code)
    page = scans.page_of(account or code.account, code)
    is_bound = account is not None and account.pk == code.account_id
    follow = code.url if is_bound and not code.is_over(clock.now()) else ""
    return Resolved(code, account, page, follow)


def _account_now(code: TrackedCode) -> ChannelAccount | None:
    merchant: Merchant | None = code.merchant
    if merchant is not None:
        return account_services.effective_account(merchant)
    return code.account if code.account.is_connected else None
