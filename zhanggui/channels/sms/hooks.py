"""Who wants to know what became of messages: typed registries, filled by modules in ``apps.py``.

Handlers run inside the request of the provider's push, each in a transaction of its own making;
they must be safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider reports of one message."""

    out_id: str
    is_delivered: bool
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody answered to a text message."""

    phone: str
    """E.164."""
    text: str
    merchant_ids: tuple[int, ...]
    """Merchants that sent this number marketing within the last 30 days."""
    at: datetime


ReceiptHandler = Callable[[list[Receipt]], None]
ReplyHandler = Callable[[Reply], None]
_receipts: list[ReceiptHandler] = []
_replies: list[ReplyHandler] = []


def on_receipts(handler: ReceiptHandler) -> None:
    """Call ``handler`` with receipts of messages that carry an ``out_id``."""
    if handler not in _receipts:
        _receipts.append(handler)


def on_reply(handler: ReplyHandler) -> None:
    """Call ``handler`` when somebody answers."""
    if handler not in _replies:
        _replies.append(handler)


def tell_receipts(receipts: list[Receipt]) -> None:
    """Tell everybody who wants to know."""
    for handler in _receipts:
        handler(receipts)


def tell_reply(reply: Reply) -> None:
    """Tell everybody who wants to know."""
    for handler in _replies:
        handler(reply)
