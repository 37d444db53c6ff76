"""Who wants to know what happened in WeChat: typed registries, filled by modules in ``apps.py``.

Handlers run in a job, outside any transaction, and may run twice for one event: they open their
own scope and transaction and must be safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhanggui.accounts.models import Person
    from zhanggui.channels.wechat.models import ChannelAccount
    from zhanggui.channels.wechat.passive import Reply
    from zhanggui.channels.wechat.push import Push


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """A follower scanned one of our QR codes (or followed by scanning it)."""

    account_id: int
    openid: str
    scene_code_id: int
    merchant_id: int | None
    subject_id: int | None
    is_new_follower: bool
    scanned_at: datetime
    """The platform's own time; the job may run later."""


@dataclass(frozen=True, slots=True)
class FollowEvent:
    """Somebody began to follow an account."""

    account_id: int
    openid: str
    merchant_id: int | None
    """Whose own account it is; None for an operator's or the platform's."""
    is_first: bool
    """False when this openid had followed before."""
    followed_at: datetime


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A follower wrote to an account."""

    account_id: int
    openid: str
    merchant_id: int | None
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class ClickEvent:
    """A follower tapped a menu entry of type ``click``."""

    account_id: int
    openid: str
    merchant_id: int | None
    key: str
    clicked_at: datetime


ScanHandler = Callable[[ScanEvent], None]
FollowHandler = Callable[[FollowEvent], None]
TextHandler = Callable[[TextEvent], None]
ClickHandler = Callable[[ClickEvent], None]

IdentityUse = Callable[["Person"], bool]

identity_uses: list[IdentityUse] = []
"""Each says whether somebody works with the WeChat they signed in by, so that it must stay."""
scan_handlers: dict[str, ScanHandler] = {}
follow_handlers: list[FollowHandler] = []
text_handlers: list[TextHandler] = []
click_handlers: dict[str, ClickHandler] = {}


@dataclass(frozen=True, slots=True)
class PushEvent:
    """Any event of an account, for those who want its details."""

    account_id: int
    openid: str
    merchant_id: int | None
    name: str
    """In small letters."""
    details: Mapping[str, str]
    sent_at: datetime


ReplyHandler = Callable[["ChannelAccount", "Push"], "Reply | None"]
EventHandler = Callable[[PushEvent], None]
reply_handlers: list[ReplyHandler] = []
event_handlers: dict[str, list[EventHandler]] = {}


def on_reply(handler: ReplyHandler) -> None:
    """Let ``handler`` answer pushes at once; the first answer counts.

    It is called before WeChat gets its answer, also for a push that comes a second time: it must
    be quick, change nothing, and answer None for silence.
    """
    if handler not in reply_handlers:
        reply_handlers.append(handler)


def on_event(name: str, handler: EventHandler) -> None:
    """Call ``handler`` for every event of this name, whatever its case, in a job."""
    handlers = event_handlers.setdefault(name.lower(), [])
    if handler not in handlers:
        handlers.append(handler)


def on_scan(purpose: str, handler: ScanHandler) -> None:
    """Call ``handler`` when a code of this purpose is scanned; one handler per purpose.

    Raises:
        ValueError: the purpose has another handler.
    """
    _put(scan_handlers, purpose, handler)


def on_follow(handler: FollowHandler) -> None:
    """Call ``handler`` when somebody begins to follow any account."""
    if handler not in follow_handlers:
        follow_handlers.append(handler)


def on_text(handler: TextHandler) -> None:
    """Call ``handler`` when a follower writes."""
    if handler not in text_handlers:
        text_handlers.append(handler)


def on_click(key: str, handler: ClickHandler) -> None:
    """Call ``handler`` when the menu entry with this key is tapped.

    Raises:
        ValueError: the key has another handler.
    """
    _put(click_handlers, key, handler)


def on_identity_use(uses: IdentityUse) -> None:
    """Ask ``uses`` before a person's WeChat is unlinked or given to somebody else."""
    if uses not in identity_uses:
        identity_uses.append(uses)


def _put[Handler](registry: dict[str, Handler], name: str, handler: Handler) -> None:
    if registry.get(name, handler) is not handler:
        message = f"two handlers for {name}"
        raise ValueError(message)
    registry[name] = handler
