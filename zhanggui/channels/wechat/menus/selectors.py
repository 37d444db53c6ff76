"""What the pages of the menu show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.db.models import QuerySet

from zhanggui.channels.wechat.client.answers import Answer
from zhanggui.channels.wechat.client.menus import Button as WechatButton
from zhanggui.channels.wechat.client.menus import button_of
from zhanggui.channels.wechat.menus import defaults, rules
from zhanggui.channels.wechat.menus.rules import Kind, Line, Menu
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    ConditionalVersion,
    MenuDraft,
    MenuVersion,
)

ANSWERING, ANSWERING_SOME = 10, 100
"""Versions whose taps are answered: of the menu for everybody, of all menus for some followers."""


@dataclass(frozen=True, slots=True)
class Editor:
    """What the editor begins with."""

    menu: Menu
    revision: int
    draft: MenuDraft | None
    live: MenuVersion | None
    is_published: bool
    """Whether the draft is what customers see."""
    is_suggestion: bool
    """Nothing was drawn up yet: the products' pages are offered."""


def editor_of(account: ChannelAccount) -> Editor:
    """The draft of an account, else what its products offer."""
    draft = MenuDraft.objects.select_related("saved_by").filter(account=account).first()
    live = live_version(account)
    if draft is None:
        return Editor(defaults.menu_of(account), 0, None, live, False, True)
    is_same = live is not None and live.content == draft.content and bool(live.content)
    return Editor(rules.read(draft.content), draft.revision, draft, live, is_same, False)


def live_version(account: ChannelAccount) -> MenuVersion | None:
    """The newest version, as far as we know the one that customers see."""
    versions = MenuVersion.objects.select_related("published_by").filter(account=account)
    return versions.order_by("-number").first()


def versions(account: ChannelAccount) -> QuerySet[MenuVersion]:
    """What was published, newest first."""
    found = MenuVersion.objects.select_related("published_by").filter(account=account)
    return found.order_by("-number")


def reply_of_tap(account_id: int, key: str) -> str:
    """What a tap on a menu's entry is answered with; the newest version that has it decides.

    Phones keep a menu for some minutes, so an entry of an older version still answers.
    """
    row_id = key.removeprefix(rules.REPLY_KEY)
    if row_id == key:
        return ""
    for content in _published(account_id):
        for button in rules.rows(rules.read(content)):
            if button.id == row_id and button.kind == Kind.REPLY:
                return button.value
    return ""


def _published(account_id: int) -> Iterator[list[dict[str, Any]]]:
    """Contents of the newest versions: of the menu for everybody, then of those for some."""
    for_all = MenuVersion.objects.filter(account_id=account_id).order_by("-number")
    yield from for_all.values_list("content", flat=True)[:ANSWERING]
    for_some = ConditionalVersion.objects.filter(menu__account_id=account_id).order_by("-pk")
    yield from for_some.values_list("content", flat=True)[:ANSWERING_SOME]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row here and the row at its place at WeChat."""

    ours: Line | None
    theirs: Line | None

    @property
    def is_same(self) -> bool:
        """Whether both are alike."""
        return self.ours == self.theirs


def compare(live: MenuVersion | None, shown: Iterable[WechatButton]) -> list[Difference]:
    """What was published last beside what stands at WeChat now, row by row."""
    ours = rules.lines_of(map(_button, live.sent)) if live else ()
    pairs = zip_longest(ours, rules.lines_of(shown))
    return [Difference(mine, theirs) for mine, theirs in pairs]


def _button(wire: Mapping[str, Any]) -> WechatButton:
    return button_of(Answer(wire))
