"""The XML of pushed messages and of the answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wechat_sandbox import crypto
from wechat_sandbox.accounts import Account

TEXT_BYTES = 2048
MOST_ARTICLES = 8

# What stands in the chat for replies whose media the sandbox does not hold.
MEDIA_LABELS = {"image": "[图片]", "voice": "[语音]", "video": "[视频]", "music": "[音乐]"}


class BadReply(ValueError):
    """An answer to a push that WeChat would not accept."""


@dataclass(frozen=True)
class Reply:
    """A passive reply: what appears in the chat. ``kind`` is empty when nothing does."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)


def cdata(text: str) -> str:
    """Text that needs no escaping inside XML."""
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def to_xml(fields: Mapping[str, str | int]) -> str:
    """One message; numbers stand bare, texts in CDATA, as WeChat writes them."""
    parts = [
        f"<{name}>{value if isinstance(value, int) else cdata(value)}</{name}>"
        for name, value in fields.items()
    ]
    return f"<xml>{''.join(parts)}</xml>"


def parse(text: str) -> Element:
    """The root of an XML text without document type and entities."""
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadReply(f"not XML: {error}") from error
    if root.tag != "xml":
        raise BadReply("the root element is not <xml>")
    return root


def read_reply(text: str, *, account: Account, openid: str) -> Reply:
    """What the answer to a push says.

    Raises:
        BadReply: WeChat would tell the person that the account is out of service.
    """
    stripped = text.strip()
    if stripped in ("", "success"):
        return Reply("")
    if stripped[0] != "<":
        raise BadReply("neither success nor XML")
    root = parse(stripped)
    sealed = root.findtext("Encrypt")
    if sealed is not None:
        root = parse(_opened(root, sealed, account))
    elif account.encrypt_mode == "safe":
        raise BadReply("a plain reply in safe mode")
    if root.findtext("ToUserName") != openid:
        raise BadReply("ToUserName is not the person's openid")
    if root.findtext("FromUserName") != account.original_id:
        raise BadReply("FromUserName is not the account's original id")
    if not (root.findtext("CreateTime") or "").isdigit():
        raise BadReply("CreateTime is missing")
    return _content(root)


def _opened(root: Element, sealed: str, account: Account) -> str:
    given = root.findtext("MsgSignature") or ""
    stamp, nonce = root.findtext("TimeStamp") or "", root.findtext("Nonce") or ""
    if not crypto.same(given, crypto.sign(account.token, stamp, nonce, sealed)):
        raise BadReply("MsgSignature of the reply is wrong")
    try:
        return crypto.decrypt(sealed, aes_key=account.aes_key, receiver=account.appid)
    except crypto.BadCipher as error:
        raise BadReply(f"the reply cannot be decrypted: {error}") from error


def _content(root: Element) -> Reply:
    kind = root.findtext("MsgType") or ""
    if kind == "text":
        content = root.findtext("Content") or ""
        if not content or len(content.encode()) > TEXT_BYTES:
            raise BadReply("Content is empty or over 2048 bytes")
        return Reply("text", {"content": content})
    if kind == "news":
        items = root.findall("Articles/item")
        if not 1 <= len(items) <= MOST_ARTICLES:
            raise BadReply("news without articles or with more than 8")
        names = {"Title": "title", "Description": "description", "PicUrl": "picurl", "Url": "url"}
        articles = [
            {short: item.findtext(long) or "" for long, short in names.items()} for item in items
        ]
        return Reply("news", {"articles": articles})
    if kind in MEDIA_LABELS:
        return Reply("text", {"content": MEDIA_LABELS[kind]})
    if kind == "transfer_customer_service":
        return Reply("")
    raise BadReply(f"unknown MsgType {kind!r}")
