"""Pages inside WeChat that use the phone (JS-SDK): signed for the address they stand at.

WeChat lets a page set what is shared of it, open the scanner or ask where the phone is, when it
shows a signature made with the account's ticket over exactly this address. The page asks for the
signature itself once it is open (``wechat/sdk.js``), so that no page waits for WeChat.

Source: JS-SDK of official accounts; chapter 4.12 of the digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.views.decorators.csp import csp_override

from zhanggui.channels.wechat import tokens
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    NoAccount,
    PageForeign,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.core import clock
from zhanggui.core import tokens as random_tokens

uses_phone = csp_override(settings.PHONE_CSP)
"""For views of pages that may load WeChat's script; others may not."""


@dataclass(frozen=True, slots=True)
class PageConfig:
    """What a page hands to ``wx.config``."""

    app_id: str
    timestamp: int
    nonce: str
    signature: str


def config_for(*, account: ChannelAccount | None, url: str) -> PageConfig:
    """Sign a page of ours for an account. May call WeChat: not inside a transaction.

    Args:
        account: through which the page's people come; None where there is none.
        url: the whole address as the browser has it; what stands behind ``#`` is not signed.

    Raises:
        NoAccount: none, or one that is not connected any more (E_NO_ACCOUNT, 409).
        PageForeign: an address of another host (E_PAGE_FOREIGN, 422).
        WechatRefused: WeChat gives no ticket, for example without this right (409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    if account is None or not account.is_connected:
        raise NoAccount
    if not _is_ours(url):
        raise PageForeign
    try:
        ticket = tokens.page_ticket(account)
    except ChannelRefused as refusal:
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error
    nonce, timestamp = random_tokens.new_token(), int(clock.now().timestamp())
    signed = signature(ticket=ticket, nonce=nonce, timestamp=timestamp, url=url)
    return PageConfig(account.app_id, timestamp, nonce, signed)


def signature(*, ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """What WeChat computes, too: the names in this order, the values as they are."""
    page = url.partition("#")[0]
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _is_ours(url: str) -> bool:
    try:
        given, own = urlsplit(url), urlsplit(settings.BASE_URL)
    except ValueError:
        return False
    return (given.scheme, given.netloc) == (own.scheme, own.netloc)
