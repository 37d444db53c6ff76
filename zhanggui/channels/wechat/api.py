"""The client bound to an account: ``for_account(account).menu_get()``.

Token and refresh are taken care of, and every call and refusal is kept for the account's pages.
"""

from __future__ import annotations

from collections.abc import Callable

from zhanggui.channels.wechat import client, tokens, troubles
from zhanggui.channels.wechat.client import Api
from zhanggui.channels.wechat.client.component import ComponentApi
from zhanggui.channels.wechat.errorcodes import OF_ONE_RECEIVER
from zhanggui.channels.wechat.errors import ChannelError
from zhanggui.channels.wechat.models import ChannelAccount, Component


def for_account(account: ChannelAccount) -> Api:
    """All calls of an account. Not inside a transaction.

    Calls raise a ``ChannelError``; see ``errors`` for what its kinds mean.
    """
    return _api(account, lambda rejected: tokens.access_token(account.pk, rejected=rejected))


def for_many(account: ChannelAccount) -> Api:
    """The same for many calls in a row, from several threads.

    The token is asked for again only after some seconds, or when WeChat refuses it.
    """
    return _api(account, tokens.Held(account.pk))


def _api(account: ChannelAccount, token: Callable[[str], str]) -> Api:
    def note(error: ChannelError) -> None:
        if error.code not in OF_ONE_RECEIVER:
            troubles.note(account, error)

    return Api(client.current(), app_id=account.app_id, token=token, on_error=note)


def for_component(component: Component) -> ComponentApi:
    """All calls of the third-party platform itself. Not inside a transaction."""
    return tokens.component_api(component)
