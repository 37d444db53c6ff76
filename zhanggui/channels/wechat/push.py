"""What WeChat pushes, read into a typed value: XML or JSON, without DTDs and entities."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # the parser itself is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from zhanggui.core import tokens

SCENE_PREFIX = "qrscene_"  # only in front of the scene of a subscribe event
KEY_LENGTH = 200
OPENID_LENGTH = 64
DEEPEST = 6
MOST_FIELDS = 300
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
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every text of the push by its place: ``Status``, ``ScanCodeInfo.ScanResult``, ..."""

    @property
    def scanned(self) -> str:
        """What a menu entry of a scanning type read; a bar code comes with its type in front."""
        return self.details.get("ScanCodeInfo.ScanResult", "")

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


_PART = (
    r"(?:<(?P<{0}>ToUserName|AppId|AgentID)>"
    r"(?:<!\[CDATA\[[^][<>&]*\]\]>|[^][<>&]*)</(?P={0})>\s*)?"
)
_ENVELOPE = re.compile(
    r"\s*<xml>\s*" + _PART.format("before") + r"<Encrypt>(?:<!\[CDATA\[(?P<quoted>[A-Za-z0-9+/=]+)"
    r"\]\]>|(?P<plain>[A-Za-z0-9+/=]+))</Encrypt>\s*" + _PART.format("after") + r"</xml>\s*"
)
"""An envelope as WeChat writes it; anything else is read by the parser."""


def encrypted(body: str) -> str:
    """The encrypted part of a push; empty when there is none.

    Raises:
        CannotRead: as ``fields``.
    """
    usual = _ENVELOPE.fullmatch(body)
    if usual is not None:
        return usual["quoted"] or usual["plain"]
    return fields(body).get("Encrypt", "")


_SIGN = r"[^\]\x00-\x08\x0b-\x1f\ufffe\uffff]"
_FLAT = re.compile(
    r"[ \t\n]*<(?P<name>[A-Za-z][A-Za-z0-9]*)>"
    r"(?:<!\[CDATA\[(?P<quoted>" + _SIGN + r"*(?:\](?!\]>)" + _SIGN + r"*)*)\]\]>"
    r"|(?P<plain>[^][<>&\x00-\x08\x0b-\x1f\ufffe\uffff]*))</(?P=name)>"
)
_BEGIN, _END = re.compile("<xml>"), re.compile(r"[ \t\n]*</xml>[ \t\n]*\Z")


def _flat(body: str) -> dict[str, str] | None:
    """A push without anything inside anything, as WeChat writes most of them.

    Three times as fast as the parser, and for these texts the same; None for all others, also for
    names that come twice and for carriage returns, which a parser rewrites.
    """
    begin = _BEGIN.match(body)
    if begin is None:
        return None
    found: dict[str, str] = {}
    at = begin.end()
    while one := _FLAT.match(body, at):
        name = one["name"]
        if name in found or len(found) >= MOST_FIELDS:
            return None
        found[name] = one["plain"] if one["quoted"] is None else one["quoted"]
        at = one.end()
    return found if _END.match(body, at) else None


def fields(body: str) -> dict[str, str]:
    """The texts of a push by their place, such as ``EventKey`` or ``ScanCodeInfo.ScanType``.

    Of several with one name the first counts, others follow as ``List.1.TemplateId``.

    Raises:
        CannotRead: neither XML nor JSON, or a DTD or entity in it, or nested too deep.
    """
    stripped = body.lstrip()
    found: dict[str, str] = {}
    if stripped.startswith("{"):
        _put_json(found, "", _json(stripped), 0)
        return found
    usual = _flat(stripped)
    if usual is not None:
        return usual
    try:
        root = fromstring(stripped, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise CannotRead from None
    _put_xml(found, "", root, 0)
    return found


def _json(body: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # the latter: brackets in brackets, thousands deep
        raise CannotRead from None
    if not isinstance(content, dict):
        raise CannotRead
    return content


def _put(found: dict[str, str], name: str, text: str) -> None:
    if len(found) >= MOST_FIELDS:
        raise CannotRead
    found.setdefault(name, text)


def _put_json(found: dict[str, str], place: str, value: object, depth: int) -> None:
    if depth > DEEPEST:
        raise CannotRead
    if isinstance(value, dict):
        for name, inner in value.items():
            _put_json(found, f"{place}.{name}" if place else name, inner, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _put_json(found, f"{place}.{number}" if number else place, inner, depth + 1)
    elif isinstance(value, str | int):
        # half a character, as some keyboards leave behind, could not be stored
        _put(found, place, str(value).encode(errors="replace").decode())


def _put_xml(found: dict[str, str], place: str, element: Element, depth: int) -> None:
    if depth > DEEPEST:
        raise CannotRead
    seen: dict[str, int] = {}
    for child in element:
        number = seen.get(child.tag, 0)
        seen[child.tag] = number + 1
        name = f"{place}.{child.tag}" if place else child.tag
        name = f"{name}.{number}" if number else name
        if len(child):
            _put_xml(found, name, child, depth + 1)
        else:
            _put(found, name, child.text or "")


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
        details=found,
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """What WeChat tells the third-party platform itself."""

    kind: str
    """``InfoType``: ``component_verify_ticket``, ``authorized``, ``unauthorized``, ..."""
    component_app_id: str
    app_id: str
    """The account it is about; empty for a ticket."""
    sent_at: datetime
    ticket: str
    code: str
    pre_auth_code: str

    @property
    def platform_key(self) -> str:
        """What is the same in every repeat of one notice."""
        print_ = tokens.digest("|".join((self.kind, self.app_id, self.code)))
        return f"info:{print_.hex()}:{int(self.sent_at.timestamp())}:{self.kind}"[:KEY_LENGTH]


def read_notice(body: str) -> Notice:
    """A decrypted notice to the third-party platform.

    Raises:
        CannotRead: it has no kind, no time or no app id.
    """
    found = fields(body)
    kind, component_app_id = found.get("InfoType", ""), found.get("AppId", "")
    if not kind or not component_app_id:
        raise CannotRead
    return Notice(
        kind=kind[:40],
        component_app_id=component_app_id,
        app_id=found.get("AuthorizerAppid") or found.get("appid", ""),
        sent_at=_moment(found),
        ticket=found.get("ComponentVerifyTicket", ""),
        code=found.get("AuthorizationCode", ""),
        pre_auth_code=found.get("PreAuthCode", ""),
    )


def _moment(found: Mapping[str, str]) -> datetime:
    written = found.get("CreateTime", "")
    is_number = written.isascii() and written.isdigit() and len(written) <= LATEST_DIGITS
    if not is_number or int(written) > LATEST:
        raise CannotRead
    return datetime.fromtimestamp(int(written), UTC)
