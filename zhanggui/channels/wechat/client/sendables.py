"""What can be sent in a chat (客服消息), as WeChat writes each kind.

Source: Customer Service Messages; section 4.8 of the digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A text; line breaks and ``<a href>`` work."""

    content: str

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        return {"msgtype": "text", "text": {"content": self.content}}


@dataclass(frozen=True, slots=True)
class Media:
    """A picture (``image``) or sound (``voice``) that WeChat keeps."""

    kind: str
    media_id: str

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        return {"msgtype": self.kind, self.kind: {"media_id": self.media_id}}


@dataclass(frozen=True, slots=True)
class Video:
    """A film that WeChat keeps."""

    media_id: str
    thumb_media_id: str = ""
    title: str = ""
    description: str = ""

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        content = {
            "media_id": self.media_id,
            "thumb_media_id": self.thumb_media_id,
            "title": self.title,
            "description": self.description,
        }
        return {"msgtype": "video", "video": content}


@dataclass(frozen=True, slots=True)
class Article:
    """A card with a link; one per message."""

    title: str
    description: str
    url: str
    picture_url: str

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        article = {
            "title": self.title,
            "description": self.description,
            "url": self.url,
            "picurl": self.picture_url,
        }
        return {"msgtype": "news", "news": {"articles": [article]}}


@dataclass(frozen=True, slots=True)
class PublishedArticle:
    """An article the account has published."""

    article_id: str

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        return {"msgtype": "mpnewsarticle", "mpnewsarticle": {"article_id": self.article_id}}


@dataclass(frozen=True, slots=True)
class Choice:
    """Answers to tap; the tapped one comes back as a text with ``bizmsgmenuid``."""

    head: str
    entries: Sequence[tuple[str, str]]
    """(id, text) of each."""
    tail: str = ""

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        menu = {
            "head_content": self.head,
            "list": [{"id": number, "content": text} for number, text in self.entries],
            "tail_content": self.tail,
        }
        return {"msgtype": "msgmenu", "msgmenu": menu}


@dataclass(frozen=True, slots=True)
class ProgramPage:
    """A card that opens a page of a mini program."""

    title: str
    app_id: str
    page_path: str
    thumb_media_id: str

    def wire(self) -> dict[str, Any]:
        """As ``custom/send`` takes it."""
        page = {
            "title": self.title,
            "appid": self.app_id,
            "pagepath": self.page_path,
            "thumb_media_id": self.thumb_media_id,
        }
        return {"msgtype": "miniprogrampage", "miniprogrampage": page}


Sendable = Text | Media | Video | Article | PublishedArticle | Choice | ProgramPage


@dataclass(frozen=True, slots=True)
class Jump:
    """The page of a mini program that a tap on a message opens."""

    app_id: str
    page_path: str

    def wire(self) -> dict[str, str]:
        """As template and subscription messages take it."""
        return {"appid": self.app_id, "pagepath": self.page_path}
