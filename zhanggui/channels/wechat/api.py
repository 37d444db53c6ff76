"""The client bound to an account: ``for_account(account).menu_get()``.

Token and refresh are taken care of, and every call and refusal is kept for the account's pages.
"""

from __future__ import annotations

from zhanggui.channels.wechat import client, tokens, troubles
from zhanggui.channels.wechat.client import Api
from zhanggui.channels.wechat.client.component import ComponentApi
from zhanggui.channels.wechat.models import ChannelAccount, Component


def for_account(account: ChannelAccount) -> Api:
    """All calls of an account. Not inside a transaction.

    Calls raise a ``ChannelError``; see ``errors`` for what its kinds mean.
    """
    return Api(
        client.current(),
        app_id=account.app_id,
        token=lambda rejected: tokens.access_token(account.pk, rejected=rejected),
        on_error=lambda error: troubles.note(account, error),
    )


def for_component(component: Component) -> ComponentApi:
    """All calls of the third-party platform itself. Not inside a transaction."""
    return tokens.component_api(component)
