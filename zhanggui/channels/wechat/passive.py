"""Answers given at once in the response to a push (被动回复), and how WeChat writes them.

Source: Passive User Reply; section 2.9 of the digest. Sender and receiver change places; the
form of the push (XML or JSON) is the form of the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from zhanggui.channels.wechat.push import Push

TEXT_BYTES = 2048
MOST_ARTICLES = 8


@dataclass(frozen=True, slots=True)
class Text:
    """A text; line breaks and ``<a href>`` work. Cut at 2,048 bytes, WeChat's limit."""

    content: str
    kind: str = field(default="text", init=False)

    def content_parts(self) -> dict[str, Any]:
        """What stands beside the head."""
        cut = self.content.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")
        return {"Content": cut}


@dataclass(frozen=True, slots=True)
class Media:
    """A picture (``image``) or sound (``voice``) that WeChat keeps."""

    kind: str
    media_id: str

    def content_parts(self) -> dict[str, Any]:
        """What stands beside the head."""
        return {self.kind.capitalize(): {"MediaId": self.media_id}}


@dataclass(frozen=True, slots=True)
class Video:
    """A film that WeChat keeps."""

    media_id: str
    title: str = ""
    description: str = ""
    kind: str = field(default="video", init=False)

    def content_parts(self) -> dict[str, Any]:
        """What stands beside the head."""
        film = {"MediaId": self.media_id, "Title": self.title, "Description": self.description}
        return {"Video": film}


@dataclass(frozen=True, slots=True)
class Article:
    """A card with a link."""

    title: str
    url: str
    description: str = ""
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """Cards; one in answer to a message, up to eight otherwise."""

    articles: Sequence[Article]
    kind: str = field(default="news", init=False)

    def content_parts(self) -> dict[str, Any]:
        """What stands beside the head."""
        items = [
            {
                "Title": article.title,
                "Description": article.description,
                "PicUrl": article.picture_url,
                "Url": article.url,
            }
            for article in self.articles[:MOST_ARTICLES]
        ]
        return {"ArticleCount": len(items), "Articles": {"item": items}}


@dataclass(frozen=True, slots=True)
class ToAgent:
    """Hands the chat over to people (客服)."""

    agent: str = ""
    kind: str = field(default="transfer_customer_service", init=False)

    def content_parts(self) -> dict[str, Any]:
        """What stands beside the head."""
        return {"TransInfo": {"KfAccount": self.agent}} if self.agent else {}


Reply = Text | Media | Video | News | ToAgent


def written(reply: Reply, to: Push, *, at_s: int, is_json: bool) -> str:
    """The answer to one push, not yet encrypted.

    Args:
        reply: what to say.
        to: the push it answers.
        at_s: seconds since 1970.
        is_json: whether the push came as JSON.
    """
    parts: dict[str, Any] = {
        "ToUserName": to.openid,
        "FromUserName": to.to,
        "CreateTime": at_s,
        "MsgType": reply.kind,
        **reply.content_parts(),
    }
    if is_json:
        return json.dumps(parts, ensure_ascii=False)
    return f"<xml>{_elements(parts)}</xml>"


def sealed(encrypted: str, signature: str, stamp: str, nonce: str, *, is_json: bool) -> str:
    """The envelope of an encrypted answer."""
    parts = {
        "Encrypt": encrypted,
        "MsgSignature": signature,
        "TimeStamp": int(stamp),
        "Nonce": nonce,
    }
    return json.dumps(parts) if is_json else f"<xml>{_elements(parts)}</xml>"


def _elements(parts: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in parts.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_elements(value)}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    return f"<{name}>{_text(str(value))}</{name}>"


def _text(value: str) -> str:
    # signs XML cannot hold would make the whole answer unreadable, and the person sees an error
    plain = "".join(sign for sign in value if sign in "\n\t" or sign >= " ")
    if "]]>" in plain:
        return escape(plain)
    return f"<![CDATA[{plain}]]>"
