"""Who a push is meant for, and whether it is genuine: tokens, keys and modes of each receiver.

A push to an account with its own keys is for that app id; everything under the third-party
platform's keys is for the platform's app id, also the messages of accounts that authorised it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from zhanggui.channels.wechat import crypto
from zhanggui.channels.wechat.crypto import CannotDecrypt, MessageBox
from zhanggui.channels.wechat.models import ChannelAccount, Component, PushMode, TokenHolder
from zhanggui.core import clock

OLD_KEYS_FOR = timedelta(days=1)
"""How long pushes under the previous token and key are taken after a change."""
KNOWN_FOR_S = 2.0
"""How long a process keeps accounts and keys in memory; a push they do not fit looks anew."""
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
class Known[Holder: TokenHolder]:
    """An account or the platform with its keys, as this process read them a moment ago."""

    holder: Holder
    receiver: Receiver


class _Memory[Key, Thing]:
    """What was found a moment ago; what was not found is looked up each time."""

    def __init__(self, find: Callable[[Key], Thing | None]) -> None:
        self._find = find
        self._kept: dict[Key, tuple[Thing, float]] = {}

    def __call__(self, key: Key, *, is_anew: bool = False) -> Thing | None:
        kept = self._kept.get(key)
        if kept is not None and not is_anew and time.monotonic() < kept[1]:
            return kept[0]
        found = self._find(key)
        if found is None:
            self._kept.pop(key, None)
            return None
        if len(self._kept) >= MOST_KNOWN:
            self._kept.clear()
        self._kept[key] = (found, time.monotonic() + KNOWN_FOR_S)
        return found


def _account(app_id: str) -> Known[ChannelAccount] | None:
    account = account_of(app_id)
    return Known(account, receiver(account)) if account else None


def _platform(app_id: str) -> Known[Component] | None:
    component = component_of(app_id)
    return Known(component, receiver(component)) if component else None


def _account_under(ids: tuple[int, str]) -> ChannelAccount | None:
    component_id, app_id = ids
    return ChannelAccount.objects.filter(
        app_id=app_id, is_connected=True, component_id=component_id
    ).first()


known = _Memory(_account)
"""A connected account that has its own keys, by its app id; from memory unless ``is_anew``."""
known_platform = _Memory(_platform)
"""A third-party platform by its app id, likewise."""
known_under = _Memory(_account_under)
"""A connected account that authorised a platform, by the platform's id and the account's app id."""


def account_of(app_id: str) -> ChannelAccount | None:
    """A connected account that has its own keys."""
    return ChannelAccount.objects.filter(
        app_id=app_id, is_connected=True, callback_token_sealed__isnull=False
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
