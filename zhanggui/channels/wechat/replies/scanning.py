"""What a scan from the menu (扫码) is answered with: modules say what they know of a code."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from zhanggui.channels.wechat import passive
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.passive import Reply

type Reader = Callable[[ChannelAccount, str], Reply | None]

_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Let a module look at what was scanned; the first that knows it answers.

    Args:
        reader: gets the account and the scanned text; runs within WeChat's five seconds, so it
            must not call anybody.
    """
    if reader not in _readers:
        _readers.append(reader)


def answer_to_scan(account: ChannelAccount, scanned: str) -> Reply:
    """The answer of whoever knows the code, else a sentence that nobody does."""
    for reader in _readers:
        found = reader(account, scanned)
        if found is not None:
            return found
    text = _("We do not know this code. Write to us what it stands on, and we will help.")
    return passive.Text(text)
