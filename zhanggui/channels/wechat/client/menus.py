"""The custom menu (自定义菜单) as WeChat writes it.

Source: Custom Menus, Create; at most three entries with at most five below each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zhanggui.channels.wechat.client.answers import Answer

TEXTS = ("key", "url", "appid", "pagepath", "media_id", "article_id")


@dataclass(frozen=True, slots=True)
class Button:
    """One entry; one with entries below has neither type nor content."""

    name: str
    type: str = ""
    """``click``, ``view``, ``miniprogram``, ``scancode_push``, ``scancode_waitmsg``,
    ``pic_sysphoto``, ``pic_photo_or_album``, ``pic_weixin``, ``location_select``, ``media_id``
    or ``article_id``; menus made in WeChat's own editor know more."""
    key: str = ""
    url: str = ""
    appid: str = ""
    pagepath: str = ""
    media_id: str = ""
    article_id: str = ""
    value: str = ""
    """Content of an entry made in WeChat's own editor."""
    below: tuple[Button, ...] = ()

    def wire(self) -> dict[str, Any]:
        """As ``menu/create`` takes it."""
        if self.below:
            return {"name": self.name, "sub_button": [button.wire() for button in self.below]}
        content = {name: getattr(self, name) for name in TEXTS}
        return {
            "type": self.type,
            "name": self.name,
            **{name: text for name, text in content.items() if text},
        }


@dataclass(frozen=True, slots=True)
class ConditionalMenu:
    """A menu for some followers only."""

    menu_id: str
    buttons: tuple[Button, ...]
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MenuState:
    """The menus made by interface."""

    buttons: tuple[Button, ...]
    conditional: tuple[ConditionalMenu, ...]


@dataclass(frozen=True, slots=True)
class OwnMenu:
    """The menu people see now, also one made in WeChat's own editor."""

    is_open: bool
    buttons: tuple[Button, ...]


def button_of(answer: Answer) -> Button:
    """Read an entry of any answer; the editor's menus nest theirs in ``list``."""
    below = answer.part("sub_button").parts("list") if _is_nested(answer) else None
    return Button(
        name=answer.maybe("name"),
        type=answer.maybe("type"),
        value=answer.maybe("value"),
        below=tuple(
            button_of(item) for item in (below if below is not None else answer.parts("sub_button"))
        ),
        **{name: answer.maybe(name) for name in TEXTS},
    )


def _is_nested(answer: Answer) -> bool:
    return isinstance(answer.raw.get("sub_button"), dict)


def buttons_of(answer: Answer) -> tuple[Button, ...]:
    """Read the entries of a menu."""
    return tuple(button_of(item) for item in answer.parts("button"))
