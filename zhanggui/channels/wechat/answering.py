"""Takes a genuine push of an account: kept once, then answered, at once where a reply is ready.

WeChat waits five seconds. What cannot be answered from memory or by one quick question to the
database is done in a job, and said as a customer message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from zhanggui.channels.wechat import crypto, deliveries, hooks, passive, push
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.passive import Reply
from zhanggui.channels.wechat.push import Push
from zhanggui.core import clock

if TYPE_CHECKING:
    from zhanggui.channels.wechat.views.hooks import Opened

log = structlog.get_logger("zhanggui.wechat.answering")

SUCCESS = "success"
"""Accepted, and nothing is said to the person; never encrypted."""


@dataclass(frozen=True, slots=True)
class Seal:
    """How an answer must be sealed: as the push was."""

    token: str
    nonce: str
    box: MessageBox | None

    @classmethod
    def of(cls, nonce: str, opened: Opened) -> Seal:
        """The seal of one push; its nonce is given back."""
        return cls(opened.token, nonce, opened.box)

    def put_on(self, text: str, *, is_json: bool) -> str:
        """The body of the response."""
        if self.box is None:
            return text
        encrypted = self.box.encrypt(text)
        stamp = str(int(clock.now().timestamp()))
        signature = crypto.signature(self.token, stamp, self.nonce, encrypted)
        return passive.sealed(encrypted, signature, stamp, self.nonce, is_json=is_json)


def take(account: ChannelAccount, text: str, seal: Seal) -> str:
    """Keep a push and answer the body of the response.

    A repeat of a push is answered like the first one, since the first answer may not have
    arrived, and has no further effect.
    """
    try:
        message = push.read(text)
    except push.CannotRead:
        # It is WeChat's and no repeat would be any better: take it, so that nobody sees an error.
        log.warning("unreadable push", account_id=account.pk)
        return SUCCESS
    deliveries.keep(account=account, body=text, message=message)
    reply = _reply(account, message)
    return said(reply, message, text, seal) if reply else SUCCESS


def said(reply: Reply, message: Push, text: str, seal: Seal) -> str:
    """A reply in the form of its push, sealed."""
    is_json = text.lstrip().startswith("{")
    now_s = int(clock.now().timestamp())
    written = passive.written(reply, message, at_s=now_s, is_json=is_json)
    return seal.put_on(written, is_json=is_json)


def _reply(account: ChannelAccount, message: Push) -> Reply | None:
    if message.name == "unsubscribe":  # nobody is there to hear it
        return None
    for handler in hooks.reply_handlers:
        try:
            reply = handler(account, message)
        except Exception:
            # the push is kept; an error here would only make WeChat send it three times more
            log.exception("no reply", account_id=account.pk)
            continue
        if reply is not None:
            return reply
    return None
