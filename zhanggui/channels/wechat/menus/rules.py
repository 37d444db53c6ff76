"""What a menu is made of and what WeChat takes: names, numbers, four kinds of content.

A menu is at most three buttons, each with a content of its own or with up to five entries. Names
are measured twice: by their width, as people see it (U-48), and by their bytes, as WeChat's server
counts them (reference: custom menu; 40018 and 40025).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.client.menus import Button as WechatButton
from zhanggui.core import tokens

Text = str | Promise

MOST_BUTTONS = 3
MOST_ENTRIES = 5
WIDTHS = (8, 16)
"""Of a button and of an entry: a Chinese sign counts two, a letter one."""
SHOWN_WIDTH = 8
"""Of an entry on every phone; a longer name is cut there."""
BYTES = (16, 60)
URL_BYTES = 1024
REPLY_SIGNS = 600
MOST_HOSTS = 3
"""Other sites than ours in one menu; WeChat refuses the fourth (65316)."""
ID_FORM = re.compile(r"[0-9a-z]{1,26}")
SCAN_KEY = "zg.scan"
REPLY_KEY = "zg.reply."


class Kind(StrEnum):
    """What a tap does; a button with entries has none."""

    NONE = ""
    SCAN = "scan"
    PAGE = "page"
    BUILTIN = "builtin"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Button:
    """A button of the bar, or an entry above it."""

    id: str
    """Stays the same through drafts and versions, so that a tap finds its reply."""
    name: str
    kind: Kind = Kind.NONE
    value: str = ""
    """An address, the name of a built-in page, or the text of a reply."""
    entries: tuple[Button, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As drafts and versions keep it."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind.value,
            "value": self.value,
            "entries": [one.as_json() for one in self.entries],
        }


type Menu = tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, or (``is_hint``) only worth knowing."""

    row: str
    """The id of the button; empty for the whole menu."""
    field: str
    """``name``, ``value`` or ``row``."""
    text: Text
    is_hint: bool = False


class CannotRead(Exception):
    """Not a menu: the editor never sends this."""


def new_id() -> str:
    """The id of a new button."""
    return tokens.new_token()[:12]


def read(content: object) -> Menu:
    """A menu as the editor sends it or the database keeps it.

    Raises:
        CannotRead: another form; too much of something is no reason, ``problems`` tells that.
    """
    if not isinstance(content, list) or len(content) > MOST_BUTTONS * 4:
        raise CannotRead
    menu = tuple(_button(one, is_entry=False) for one in content)
    ids = [one.id for one in rows(menu)]
    if len(ids) != len(set(ids)):
        raise CannotRead
    return menu


def _button(content: object, *, is_entry: bool) -> Button:
    if not isinstance(content, dict):
        raise CannotRead
    entries = content.get("entries") or []
    texts = [content.get(name, "") for name in ("id", "name", "kind", "value")]
    if not isinstance(entries, list) or not all(isinstance(text, str) for text in texts):
        raise CannotRead
    row_id, name, kind, value = texts
    if not ID_FORM.fullmatch(row_id) or kind not in list(Kind):
        raise CannotRead
    if (is_entry and entries) or len(entries) > MOST_ENTRIES * 4 or "\0" in name + value:
        raise CannotRead
    below = tuple(_button(one, is_entry=True) for one in entries)
    if below:  # a button with entries has no content of its own
        return Button(row_id, name.strip()[:100], entries=below)
    return Button(row_id, name.strip()[:100], Kind(kind), value.strip()[:4000])


def as_json(menu: Menu) -> list[dict[str, Any]]:
    """As the database keeps it."""
    return [one.as_json() for one in menu]


def rows(menu: Sequence[Button]) -> Iterator[Button]:
    """All buttons, each followed by its entries."""
    for button in menu:
        yield button
        yield from button.entries


def width(name: str) -> int:
    """How wide a name is: Chinese and full-width signs count two, others one."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in name)


def problems(menu: Menu, *, builtin: Mapping[str, str], own_host: str = "") -> list[Problem]:
    """Everything WeChat would refuse or people would stumble over, row by row.

    Args:
        menu: to be looked at.
        builtin: the built-in pages of this account, name to address.
        own_host: of this installation; it does not count as another site.
    """
    found: list[Problem] = []
    if not menu:
        found.append(Problem("", "row", _("The menu is empty. Add the first button.")))
    if len(menu) > MOST_BUTTONS:
        found.append(Problem(menu[3].id, "row", _("A menu has at most 3 buttons.")))
    for button in menu:
        found += _of_row(button, level=0, builtin=builtin)
        if len(button.entries) > MOST_ENTRIES:
            found.append(Problem(button.id, "row", _("A button has at most 5 entries.")))
        for entry in button.entries:
            found += _of_row(entry, level=1, builtin=builtin)
    found += _of_hosts(menu, own_host)
    return found


def _of_row(button: Button, *, level: int, builtin: Mapping[str, str]) -> Iterator[Problem]:
    yield from _of_name(button, level)
    if not button.entries:
        yield from _of_content(button, builtin)


def _of_name(button: Button, level: int) -> Iterator[Problem]:
    size = width(button.name)
    if not button.name:
        yield Problem(button.id, "name", _("The name is missing."))
    elif any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in button.name):
        yield Problem(button.id, "name", _("The name holds a sign that cannot be shown."))
    elif size > WIDTHS[level]:
        text = (
            _("At most 4 Chinese characters or 8 letters.")
            if level == 0
            else _("At most 8 Chinese characters or 16 letters.")
        )
        yield Problem(button.id, "name", text)
    elif len(button.name.encode()) > BYTES[level]:
        yield Problem(button.id, "name", _("WeChat counts bytes: this name has too many of them."))
    elif level == 1 and size > SHOWN_WIDTH:
        hint = _("Some phones cut names of more than 4 Chinese characters.")
        yield Problem(button.id, "name", hint, is_hint=True)


def _of_content(button: Button, builtin: Mapping[str, str]) -> Iterator[Problem]:
    if button.kind == Kind.NONE:
        yield Problem(button.id, "value", _("Choose what a tap does."))
    elif button.kind == Kind.PAGE:
        yield from _of_url(button)
    elif button.kind == Kind.BUILTIN and button.value not in builtin:
        yield Problem(button.id, "value", _("Choose the page."))
    elif button.kind == Kind.REPLY:
        if not button.value:
            yield Problem(button.id, "value", _("Write the answer."))
        elif len(button.value) > REPLY_SIGNS:
            yield Problem(button.id, "value", _("At most 600 characters."))


def _of_url(button: Button) -> Iterator[Problem]:
    if not is_page_address(button.value):
        text = _("A whole address that begins with https://")
        yield Problem(button.id, "value", text)
    elif len(button.value.encode()) > URL_BYTES:
        yield Problem(button.id, "value", _("The address is too long for WeChat."))


def is_page_address(address: str) -> bool:
    """Whether people can be sent there: https, a host with a dot, no name or password in it."""
    if any(sign.isspace() for sign in address) or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and "." in host and parts.username is None


def _of_hosts(menu: Menu, own_host: str) -> Iterator[Problem]:
    hosts: dict[str, str] = {}
    for one in rows(menu):
        if one.kind == Kind.PAGE and is_page_address(one.value):
            hosts.setdefault(urlsplit(one.value).hostname or "", one.id)
    hosts.pop(own_host, None)
    if len(hosts) > MOST_HOSTS:
        text = _("WeChat takes pages of at most three other sites in one menu.")
        yield Problem(list(hosts.values())[MOST_HOSTS], "value", text)


def to_wechat(menu: Menu, url_of: Callable[[str], str]) -> tuple[WechatButton, ...]:
    """The menu as ``menu_create`` takes it.

    Args:
        menu: without problems.
        url_of: the whole address of a built-in page.
    """
    return tuple(_sent(one, url_of) for one in menu)


def _sent(button: Button, url_of: Callable[[str], str]) -> WechatButton:
    if button.entries:
        below = tuple(_sent(one, url_of) for one in button.entries)
        return WechatButton(button.name, below=below)
    if button.kind == Kind.SCAN:
        return WechatButton(button.name, "scancode_waitmsg", key=SCAN_KEY)
    if button.kind == Kind.REPLY:
        return WechatButton(button.name, "click", key=f"{REPLY_KEY}{button.id}")
    url = button.value if button.kind == Kind.PAGE else url_of(button.value)
    return WechatButton(button.name, "view", url=url)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of what WeChat shows, for comparing."""

    name: str
    what: str
    """WeChat's type and its content; empty for a button with entries."""
    is_entry: bool


def lines_of(buttons: Iterable[WechatButton]) -> tuple[Line, ...]:
    """A menu in WeChat's form, row by row."""
    found: list[Line] = []
    for button in buttons:
        found.append(_line(button, is_entry=False))
        found += [_line(entry, is_entry=True) for entry in button.below]
    return tuple(found)


def _line(button: WechatButton, *, is_entry: bool) -> Line:
    contents = (
        button.url, button.key, button.media_id, button.article_id, button.pagepath, button.value
    )  # fmt: skip
    value = next((one for one in contents if one), "")
    what = "" if button.below else f"{button.type} {value}".strip()
    return Line(button.name, what, is_entry)


def from_wechat(
    buttons: Iterable[WechatButton],
    *,
    known: Iterable[Button] = (),
    builtin: Mapping[str, str] | None = None,
) -> Menu:
    """What stands at WeChat as a draft; contents we do not know are left open.

    Args:
        buttons: WeChat's answer.
        known: rows of our versions, whose ids and replies are found again.
        builtin: the built-in pages, name to address.
    """
    replies = {f"{REPLY_KEY}{one.id}": one for one in known if one.kind == Kind.REPLY}
    pages = {address: name for name, address in (builtin or {}).items()}

    def taken(button: WechatButton) -> Button:
        name = button.name[:100]
        if button.below:
            return Button(new_id(), name, entries=tuple(taken(one) for one in button.below))
        if button.key in replies:
            return replace(replies[button.key], name=name)
        if button.type == "scancode_waitmsg":
            return Button(new_id(), name, Kind.SCAN)
        if button.type != "view":
            return Button(new_id(), name)
        if button.url in pages:
            return Button(new_id(), name, Kind.BUILTIN, pages[button.url])
        return Button(new_id(), name, Kind.PAGE, button.url)

    return tuple(taken(one) for one in buttons)


FAULTS: dict[int, tuple[int | None, str, Text]] = {
    40016: (None, "row", _("WeChat finds too many or too few buttons.")),
    40023: (0, "row", _("WeChat finds too many or too few entries under this button.")),
    40017: (0, "value", _("WeChat does not take this kind of content here.")),
    40024: (1, "value", _("WeChat does not take this kind of content here.")),
    40018: (0, "name", _("WeChat refuses the name: too long, or empty.")),
    40025: (1, "name", _("WeChat refuses the name: too long, or empty.")),
    40020: (0, "value", _("WeChat refuses the address.")),
    40027: (1, "value", _("WeChat refuses the address.")),
    40055: (0, "value", _("WeChat does not let this account link to that site.")),
    40054: (1, "value", _("WeChat does not let this account link to that site.")),
    65317: (None, "value", _("WeChat refuses the address.")),
    65316: (None, "value", _("WeChat takes pages of at most three other sites in one menu.")),
}
"""WeChat's code to level (None: any), field and words. WeChat names no row, so the rows of that
level that have the field are looked at."""


def faults(code: int | None, menu: Menu) -> list[Problem]:
    """The rows a refusal of WeChat is about; none when the code is not about rows."""
    if code not in FAULTS:
        return []
    level, field, text = FAULTS[code]
    found = [
        one
        for at, one in _levelled(menu)
        if (level is None or at == level) and (field != "value" or one.kind == Kind.PAGE)
    ]
    if field == "name" and found:
        longest = max(len(one.name.encode()) for one in found)
        found = [one for one in found if len(one.name.encode()) == longest]
    if field == "row" and level is not None:
        found = [one for one in found if one.entries]
    if level is None and field == "row":
        return [Problem("", field, text)]
    return [Problem(one.id, field, text) for one in found] or [Problem("", field, text)]


def _levelled(menu: Menu) -> Iterator[tuple[int, Button]]:
    for button in menu:
        yield 0, button
        for entry in button.entries:
            yield 1, entry
