"""What the pages of menus for some followers read, here and at WeChat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.functional import Promise

from zhanggui.channels.wechat import api, tokens
from zhanggui.channels.wechat.client import Api
from zhanggui.channels.wechat.client.answers import Answer
from zhanggui.channels.wechat.client.menus import button_of
from zhanggui.channels.wechat.client.official import Tag
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.menus import rules, selectors
from zhanggui.channels.wechat.menus.rules import Line, Menu
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    ConditionalMenu,
    ConditionalVersion,
    Platform,
)

NO_MENU = 46003
NOBODY = frozenset({40003, 65302})


def menus_of(account: ChannelAccount) -> QuerySet[ConditionalMenu]:
    """An account's menus for some followers as WeChat looks through them: the newest first."""
    newest = ConditionalVersion.objects.filter(menu=OuterRef("pk")).order_by("-number")
    rows = ConditionalMenu.objects.select_related("saved_by").filter(archived_at=None)
    return (
        rows.filter(account=account)
        .annotate(version=Subquery(newest.values("number")[:1]))
        .order_by(F("live_at").desc(nulls_first=True), "-pk")
    )


def versions_of(menu: ConditionalMenu) -> QuerySet[ConditionalVersion]:
    """What was published of a menu, newest first."""
    rows = ConditionalVersion.objects.select_related("published_by").filter(menu=menu)
    return rows.order_by("-number")


def is_published(menu: ConditionalMenu, newest: ConditionalVersion | None) -> bool:
    """Whether the draft is what followers see."""
    if newest is None or not menu.menu_id:
        return False
    return (menu.content, menu.rule) == (newest.content, newest.rule)


def begun(account: ChannelAccount) -> Menu:
    """What a new one begins with: the menu for everybody, with rows of its own."""
    return tuple(map(_anew, selectors.editor_of(account).menu))


def _anew(button: rules.Button) -> rules.Button:
    entries = tuple(map(_anew, button.entries))
    return rules.Button(rules.new_id(), button.name, button.kind, button.value, entries)


def asked[Got](account: ChannelAccount, ask: Callable[[Api], Got]) -> Got:
    """One call to WeChat for a page; what goes wrong becomes a refusal that people can read.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    try:
        return ask(api.for_account(account))
    except ChannelRefused as refusal:
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def labels_of(account: ChannelAccount) -> Sequence[Tag]:
    """Ask WeChat for the labels (标签) of the account's followers.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    return asked(account, lambda calls: calls.tags())


@dataclass(frozen=True, slots=True)
class AtWechat:
    """A menu for some followers as it stands at WeChat, and which of ours it is."""

    menu_id: str
    lines: tuple[Line, ...]
    label: str
    """WeChat's number of a label of followers, empty for all of them."""
    phones: str | Promise
    """The kind of phone, empty for all kinds."""
    ours: ConditionalMenu | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at WeChat, and which of ours should stand there and does not."""

    found: Sequence[AtWechat]
    missing: Sequence[ConditionalMenu]


def standing(account: ChannelAccount) -> Standing:
    """Ask WeChat which menus for some followers stand there, the newest first.

    Raises:
        WechatRefused, WechatUnreachable: as ``labels_of``.
    """
    state = asked(account, lambda calls: calls.menu_get())
    ours = {one.menu_id: one for one in menus_of(account) if one.menu_id}
    phones = dict(Platform.choices)
    found: list[AtWechat] = []
    for one in reversed(state.conditional if state else ()):
        label, kind = (str(one.rule.get(name) or "") for name in ("tag_id", "client_platform_type"))
        mine = ours.pop(one.menu_id, None)
        lines = rules.lines_of(one.buttons)
        found.append(AtWechat(one.menu_id, lines, label, phones.get(kind, kind), mine))
    return Standing(found, list(ours.values()))


@dataclass(frozen=True, slots=True)
class Match:
    """What a follower sees."""

    lines: tuple[Line, ...]
    ours: ConditionalMenu | None
    is_for_all: bool
    """It is the menu for everybody."""


def match(account: ChannelAccount, user_id: str) -> Match | None:
    """Ask WeChat which menu somebody sees; None when nobody is called so.

    Args:
        account: whose followers.
        user_id: an openid, or the WeChat id a person shows.

    Raises:
        WechatRefused, WechatUnreachable: as ``labels_of``.
    """
    try:
        seen = asked(account, lambda calls: calls.menu_of_follower(user_id))
    except WechatRefused as refusal:
        if refusal.details.get("code") in NOBODY:
            return None
        if refusal.details.get("code") != NO_MENU:
            raise
        seen = ()
    lines = rules.lines_of(seen)
    ours = next((menu for menu, sent in _sent(account) if sent == lines), None)
    live = selectors.live_version(account)
    for_all = _lines(live.sent) if live else ()
    return Match(lines, ours, is_for_all=ours is None and for_all == lines)


def _sent(account: ChannelAccount) -> Iterator[tuple[ConditionalMenu, tuple[Line, ...]]]:
    """Our menus that stand there, newest first, each as WeChat took it."""
    rows = ConditionalVersion.objects.select_related("menu").filter(
        menu__account=account, menu__archived_at=None
    )
    newest = rows.exclude(menu__menu_id="").order_by("menu_id", "-number").distinct("menu_id")
    for version in sorted(newest, key=lambda one: one.published_at, reverse=True):
        yield version.menu, _lines(version.sent)


def _lines(sent: Sequence[dict[str, Any]]) -> tuple[Line, ...]:
    return rules.lines_of(button_of(Answer(one)) for one in sent)
