"""The menu an account begins with: the pages of the products that are switched on for its shop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.utils.translation import pgettext

from zhanggui.channels.wechat.menus import builtin, rules
from zhanggui.channels.wechat.menus.builtin import Choice
from zhanggui.channels.wechat.menus.rules import Button, Kind, Menu
from zhanggui.channels.wechat.models import ChannelAccount


def menu_of(account: ChannelAccount, offered: Sequence[Choice] | None = None) -> Menu:
    """The menu that products offer; empty when none has a page for this account.

    Up to three pages are a button each. More of them gather under a button a product, and from
    the third product on under one button for the rest. An account that is lent to several shops
    gets no shop's pages: nobody could tell whose card a button opens.
    """
    pages = _pages(account, builtin.choices(account) if offered is None else offered)
    if len(pages) <= rules.MOST_BUTTONS:
        return tuple(_button(page) for page in pages)
    groups = [list(found) for _product, found in groupby(pages, key=lambda page: page.product)]
    if len(groups) <= rules.MOST_BUTTONS:
        return tuple(_of_group(group) for group in groups)
    kept = rules.MOST_BUTTONS - 1
    rest = [page for group in groups[kept:] for page in group]
    more = _above(pgettext("button of a WeChat menu", "More"), rest)
    return (*(_of_group(group) for group in groups[:kept]), more)


def missing(account: ChannelAccount, menu: Menu, offered: Sequence[Choice]) -> list[Choice]:
    """The pages of a default menu that a menu does not have."""
    held = {one.value for one in rules.rows(menu) if one.kind == Kind.BUILTIN}
    return [page for page in _pages(account, offered) if page.name not in held]


def _pages(account: ChannelAccount, offered: Sequence[Choice]) -> list[Choice]:
    pages = [page for page in offered if page.is_default]
    if account.merchant_id is None and len({_shop(page) for page in pages if page.is_of_shop}) > 1:
        pages = [page for page in pages if not page.is_of_shop]
    # products stand where their first page stands, each with its pages together
    places: dict[str, int] = {}
    for page in pages:
        places.setdefault(page.product, len(places))
    return sorted(pages, key=lambda page: places[page.product])


def _shop(page: Choice) -> str:
    return page.name.partition("@")[2]


def _of_group(pages: Sequence[Choice]) -> Button:
    return _button(pages[0]) if len(pages) == 1 else _above(pages[0].product, pages)


def _above(name: str, pages: Sequence[Choice]) -> Button:
    entries = tuple(_button(page) for page in pages[: rules.MOST_ENTRIES])
    return Button(rules.new_id(), name, entries=entries)


def _button(page: Choice) -> Button:
    return Button(rules.new_id(), page.short, Kind.BUILTIN, page.name)
