"""Everybody of the story follows the account they came by, as the sandbox has it."""

from __future__ import annotations

from zhanggui.channels.wechat.models import Follower
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import tenancy


def make() -> None:
    """Tell the shops who follows; whoever has left since stays away."""
    rows = Follower.objects.filter(is_following=True).values_list("account_id", "openid")
    following = set(rows)
    with tenancy.all_merchants("the demo's customers of all accounts"):
        links = IdentityLink.objects.filter(follows=False)
        missing = following & set(links.values_list("account_id", "openid"))
    for account_id, openid in sorted(missing):
        contacts.note_follow(account_id=account_id, openid=openid, follows=True)
