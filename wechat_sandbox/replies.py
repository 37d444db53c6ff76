"""Passive replies: what a server answers to a push, and what of it the person sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from wechat_sandbox import crypto
from wechat_sandbox.lines import Line
from wechat_sandbox.messagexml import BadReply, parse

TEXT_BYTES = 2048
MOST_ARTICLES = 8

# Kind of a media id of this account, None when it is unknown or over.
MediaKind = Callable[[str], str | None]
# kind -> the element that holds it
MEDIA = {"image": "Image", "voice": "Voice", "video": "Video"}


@dataclass(frozen=True)
class Reply:
    """A passive reply: what appears in the chat. ``kind`` is empty when nothing does."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)


def read(
    text: str, *, line: Line, openid: str, answers_message: bool, media_kind: MediaKind
) -> Reply:
    """What the answer to a push says.

    Args:
        text: the answer's body.
        line: the way the push went; the reply comes back the same way.
        openid: whom the reply must be for.
        answers_message: the push was a message of the person, which allows one article only.
        media_kind: looks up a media id.

    Raises:
        BadReply: WeChat would tell the person that the account is out of service.
    """
    stripped = text.strip()
    if stripped in ("", "success"):
        return Reply("")
    if stripped[0] == "{" and line.is_json:
        root = _from_json(stripped, line)
    elif stripped[0] == "<":
        root = _from_xml(stripped, line)
    else:
        raise BadReply("neither success nor XML")
    if root.findtext("ToUserName") != openid:
        raise BadReply("ToUserName is not the person's openid")
    if root.findtext("FromUserName") != line.original_id:
        raise BadReply("FromUserName is not the account's original id")
    if not (root.findtext("CreateTime") or "").isdigit():
        raise BadReply("CreateTime is missing")
    return _content(root, 1 if answers_message else MOST_ARTICLES, media_kind)


def _from_xml(text: str, line: Line) -> Element:
    root = parse(text)
    sealed = root.findtext("Encrypt")
    if sealed is not None:
        given = [root.findtext(name) or "" for name in ("MsgSignature", "TimeStamp", "Nonce")]
        return parse(_opened(line, sealed, *given))
    if line.mode == "safe":
        raise BadReply("a plain reply in safe mode")
    return root


def _from_json(text: str, line: Line) -> Element:
    try:
        found = json.loads(text)
        if isinstance(found, dict) and "Encrypt" in found:
            given = [str(found.get(name, "")) for name in ("MsgSignature", "TimeStamp", "Nonce")]
            found = json.loads(_opened(line, str(found["Encrypt"]), *given))
        elif line.mode == "safe":
            raise BadReply("a plain reply in safe mode")
    except ValueError as error:
        if isinstance(error, BadReply):
            raise
        raise BadReply(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadReply("not a JSON object")
    root = Element("xml")
    for name, value in found.items():
        part = Element(name)
        part.text = str(value)
        root.append(part)
    return root


def _opened(line: Line, sealed: str, given: str, stamp: str, nonce: str) -> str:
    if not crypto.same(given, crypto.sign(line.token, stamp, nonce, sealed)):
        raise BadReply("MsgSignature of the reply is wrong")
    try:
        return crypto.decrypt(sealed, aes_key=line.aes_key, receiver=line.receiver)
    except crypto.BadCipher as error:
        raise BadReply(f"the reply cannot be decrypted: {error}") from error


def _content(root: Element, most_articles: int, media_kind: MediaKind) -> Reply:
    kind = root.findtext("MsgType") or ""
    if kind == "text":
        content = root.findtext("Content") or ""
        if not content or len(content.encode()) > TEXT_BYTES:
            raise BadReply("Content is empty or over 2048 bytes")
        return Reply("text", {"content": content})
    if kind == "news":
        return _news(root, most_articles)
    if kind in MEDIA:
        return _media(root, kind, media_kind)
    if kind == "music":
        names = ("Title", "Description", "MusicUrl", "HQMusicUrl")
        body = {name.lower(): root.findtext(f"Music/{name}") or "" for name in names}
        if not root.findtext("Music/ThumbMediaId"):
            raise BadReply("Music/ThumbMediaId is missing")
        return Reply("music", body)
    if kind == "transfer_customer_service":
        agent = root.findtext("TransInfo/KfAccount") or ""
        return Reply("transfer", {"content": "已转接人工客服", "agent": agent})
    raise BadReply(f"unknown MsgType {kind!r}")


def _news(root: Element, most: int) -> Reply:
    items = root.findall("Articles/item")
    if not items:
        raise BadReply("news without articles")
    if root.findtext("ArticleCount") != str(len(items)):
        raise BadReply("ArticleCount is not the number of articles")
    if len(items) > most:
        raise BadReply(f"news with more than {most} articles")
    names = {"Title": "title", "Description": "description", "PicUrl": "picurl", "Url": "url"}
    articles = [
        {short: item.findtext(long) or "" for long, short in names.items()} for item in items
    ]
    return Reply("news", {"articles": articles})


def _media(root: Element, kind: str, media_kind: MediaKind) -> Reply:
    media_id = root.findtext(f"{MEDIA[kind]}/MediaId") or ""
    if media_kind(media_id) != kind:
        raise BadReply(f"no {kind} of this account has this MediaId")
    body = {"media_id": media_id}
    if kind == "video":
        body |= {name.lower(): root.findtext(f"Video/{name}") or "" for name in ("Title",)}
        body["description"] = root.findtext("Video/Description") or ""
    return Reply(kind, body)
