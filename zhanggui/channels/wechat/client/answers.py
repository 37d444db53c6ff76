"""What WeChat answers, read with types; a field that is missing is an answer we cannot use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zhanggui.channels.wechat.errors import ChannelUnreachable


@dataclass(frozen=True, slots=True)
class File:
    """A picture, sound or film as WeChat answered it."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON object; keys we do not know stay in ``raw``."""

    raw: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A text that must be there.

        Raises:
            ChannelUnreachable: it is missing or empty.
        """
        value = self.maybe(name)
        if not value:
            message = f"the answer has no text {name}"
            raise ChannelUnreachable(message, is_sent=True)
        return value

    def maybe(self, name: str) -> str:
        """A text, or empty; numbers become texts, since WeChat's pages differ about some."""
        value = self.raw.get(name)
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number, also when it comes as a text.

        Raises:
            ChannelUnreachable: it is missing and there is no default.
        """
        value = self.raw.get(name, default)
        if isinstance(value, str) and value.lstrip("-").isdecimal() and value.isascii():
            value = int(value[:20])
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        message = f"the answer has no number {name}"
        raise ChannelUnreachable(message, is_sent=True)

    def part(self, name: str) -> Answer:
        """An object inside; empty when it is not there."""
        value = self.raw.get(name)
        return Answer(value if isinstance(value, dict) else {})

    def parts(self, name: str) -> Iterator[Answer]:
        """Objects of a list inside; what is no object is left out."""
        value = self.raw.get(name)
        for item in value if isinstance(value, list) else []:
            if isinstance(item, dict):
                yield Answer(item)

    def texts(self, name: str) -> tuple[str, ...]:
        """Texts of a list inside."""
        value = self.raw.get(name)
        items = value if isinstance(value, list) else []
        return tuple(item for item in items if isinstance(item, str))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Whole numbers of a list inside."""
        value = self.raw.get(name)
        items = value if isinstance(value, list) else []
        return tuple(n for n in items if isinstance(n, int) and not isinstance(n, bool))
