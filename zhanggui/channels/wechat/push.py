"""What WeChat pushes, read into a typed value: XML or JSON, without DTDs and entities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from zhanggui.core import tokens

SCENE_PREFIX = "qrscene_"  # only in front of the scene of a subscribe event
KEY_LENGTH = 200
OPENID_LENGTH = 64
LATEST = 253_402_300_799  # 9999-12-31, the last moment Python can name
LATEST_DIGITS = len(str(LATEST))


class CannotRead(Exception):
    """Not a push: broken XML or JSON, a DTD, or a field missing."""


@dataclass(frozen=True, slots=True)
class Push:
    """One message or event."""

    to: str
    """Original id of the account (``gh_...``)."""
    openid: str
    sent_at: datetime
    kind: str
    """The event's name, or the type of an ordinary message."""
    is_event: bool
    message_id: str
    key: str
    """``EventKey``."""
    text: str

    @property
    def name(self) -> str:
        """The kind in one spelling; the platform's documents do not agree on case."""
        return self.kind.lower()

    @property
    def scene(self) -> str:
        """The scene of the scanned code, empty when there was none."""
        if self.name == "subscribe":
            scene = self.key.removeprefix(SCENE_PREFIX)
            return scene if scene != self.key else ""
        return self.key if self.name == "scan" else ""

    @property
    def platform_key(self) -> str:
        """What is the same in every repeat of one push: ``MsgId``, or the event's own fields."""
        if not self.is_event and self.message_id:
            return f"msg:{self.message_id}"[:KEY_LENGTH]
        print_ = tokens.digest("|".join((self.openid, self.kind, self.key, self.message_id)))
        return f"event:{print_.hex()}:{int(self.sent_at.timestamp())}:{self.kind}"[:KEY_LENGTH]


def fields(body: str) -> dict[str, str]:
    """The plain fields of a push; nested ones are left out.

    Raises:
        CannotRead: neither XML nor JSON, or a DTD or entity in it.
    """
    stripped = body.lstrip()
    if stripped.startswith("{"):
        return _json_fields(stripped)
    try:
        root = fromstring(stripped, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise CannotRead from None
    return {child.tag: child.text or "" for child in root if len(child) == 0}


def _json_fields(body: str) -> dict[str, str]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # the latter: brackets in brackets, thousands deep
        raise CannotRead from None
    if not isinstance(content, dict):
        raise CannotRead
    return {name: str(value) for name, value in content.items() if isinstance(value, str | int)}


def read(body: str) -> Push:
    """A decrypted push.

    Raises:
        CannotRead: it has no sender, no time or no kind.
    """
    found = fields(body)
    is_event = found.get("MsgType") == "event"
    kind = found.get("Event" if is_event else "MsgType", "")
    openid = found.get("FromUserName", "")
    if not kind or not openid or len(openid) > OPENID_LENGTH:
        raise CannotRead
    return Push(
        to=found.get("ToUserName", ""),
        openid=openid,
        sent_at=_moment(found),
        kind=kind[:40],
        is_event=is_event,
        message_id=found.get("MsgId") or found.get("MsgID", ""),
        key=found.get("EventKey", ""),
        text=found.get("Content", ""),
    )


def _moment(found: Mapping[str, str]) -> datetime:
    written = found.get("CreateTime", "")
    is_number = written.isascii() and written.isdigit() and len(written) <= LATEST_DIGITS
    if not is_number or int(written) > LATEST:
        raise CannotRead
    return datetime.fromtimestamp(int(written), UTC)
