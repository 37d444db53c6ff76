"""What pages and other modules ask about official accounts."""

from __future__ import annotations

from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.wechat import services
from zhanggui.channels.wechat.models import ChannelAccount, Follower


def effective(merchant: Merchant) -> tuple[ChannelAccount | None, bool]:
    """The account this merchant's customers come through, and whether it is the merchant's own."""
    account = services.effective_account(merchant)
    return account, account is not None and account.tier == Tier.MERCHANT


def is_follower(account_id: int, openid: str) -> bool:
    """Whether an openid follows an account, as far as its events told."""
    followers = Follower.objects.filter(account_id=account_id, openid=openid)
    return followers.filter(is_following=True).exists()
