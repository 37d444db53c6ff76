"""Who a push is meant for, and whether it is genuine: tokens, keys and modes of each receiver.

A push to an account with its own keys is for that app id; everything under the third-party
platform's keys is for the platform's app id, also the messages of accounts that authorised it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from zhanggui.channels.wechat import crypto
from zhanggui.channels.wechat.crypto import CannotDecrypt, MessageBox
from zhanggui.channels.wechat.models import ChannelAccount, Component, PushMode, TokenHolder
from zhanggui.core import clock

OLD_KEYS_FOR = timedelta(days=1)
"""How long pushes under the previous token and key are taken after a change."""
KNOWN_FOR_S = 2.0
"""How long a process keeps an account's keys in memory; a push they do not fit looks anew."""
MOST_KNOWN = 2000


@dataclass(frozen=True, slots=True)
class Receiver:
    """Keys of one address pushes come to, newest first."""

    app_id: str
    tokens: tuple[str, ...]
    boxes: tuple[MessageBox, ...]
    takes_plain: bool

    def token_of(self, given: str, *parts: str) -> str:
        """The token under which these parts are signed; empty when under none."""
        for token in self.tokens:
            if crypto.is_signed(given, token, *parts):
                return token
        return ""

    def opened(self, encrypted: str) -> tuple[str, MessageBox]:
        """An encrypted text, and the box that opened it.

        Raises:
            CannotDecrypt: no key fits, or it is meant for another app id.
        """
        for box in self.boxes:
            try:
                return box.decrypt(encrypted), box
            except CannotDecrypt:
                continue
        raise CannotDecrypt


@dataclass(frozen=True, slots=True)
class Known:
    """An account with its keys, as this process read them a moment ago."""

    account: ChannelAccount
    receiver: Receiver
    until: float


_known: dict[str, Known] = {}


def known(app_id: str, *, is_anew: bool = False) -> Known | None:
    """A connected account that has its own keys, from memory unless ``is_anew``."""
    found = _known.get(app_id)
    if found is not None and not is_anew and time.monotonic() < found.until:
        return found
    account = account_of(app_id)
    if account is None:
        _known.pop(app_id, None)
        return None
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[app_id] = Known(account, receiver(account), time.monotonic() + KNOWN_FOR_S)
    return _known[app_id]


def account_of(app_id: str) -> ChannelAccount | None:
    """A connected account that has its own keys."""
    return ChannelAccount.objects.filter(
        app_id=app_id, is_connected=True, callback_token_sealed__isnull=False
    ).first()


def account_under(component: Component, app_id: str) -> ChannelAccount | None:
    """A connected account that authorised this platform."""
    return ChannelAccount.objects.filter(
        app_id=app_id, is_connected=True, component=component
    ).first()


def component_of(app_id: str) -> Component | None:
    """A third-party platform by its app id; an old one still reads what is under way."""
    return Component.objects.filter(app_id=app_id).first()


def receiver(holder: TokenHolder) -> Receiver:
    """The keys of an account or of the platform."""
    tokens, keys = [holder.unseal("callback_token")], []
    if holder.has("aes_key"):
        keys.append(holder.unseal("aes_key"))
    changed_at = holder.keys_changed_at
    if changed_at is not None and clock.now() < changed_at + OLD_KEYS_FOR:
        if holder.has("previous_callback_token"):
            tokens.append(holder.unseal("previous_callback_token"))
        if holder.has("previous_aes_key"):
            keys.append(holder.unseal("previous_aes_key"))
    is_plain = isinstance(holder, ChannelAccount) and holder.push_mode == PushMode.PLAIN
    return Receiver(
        holder.app_id,
        tuple(tokens),
        tuple(MessageBox(key, holder.app_id) for key in keys),
        takes_plain=is_plain,
    )
