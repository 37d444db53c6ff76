"""Which menu of an account a person sees."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from wechat_sandbox.accounts import Account
from wechat_sandbox.store import add_tables, pack, unpack
from wechat_sandbox.world import World

Buttons = list[dict[str, Any]]
PLATFORMS = {"1": "ios", "2": "android"}

add_tables(
    """
CREATE TABLE conditional_menus (
    number INTEGER PRIMARY KEY AUTOINCREMENT, menuid TEXT NOT NULL, appid TEXT NOT NULL,
    buttons TEXT NOT NULL, rule TEXT NOT NULL
);
CREATE TABLE tags (
    appid TEXT, id INTEGER, name TEXT NOT NULL, PRIMARY KEY (appid, id)
);
CREATE TABLE tagged (
    appid TEXT, id INTEGER, slug TEXT, PRIMARY KEY (appid, id, slug)
);
"""
)


@dataclass(frozen=True)
class ConditionalMenu:
    """A menu for some people; ``rule`` names a tag, a kind of phone, or both."""

    menuid: str
    buttons: Buttons
    rule: dict[str, str]


def conditional(world: World, appid: str) -> list[ConditionalMenu]:
    """An account's menus for some people, the oldest first."""
    rows = world.store.rows(
        "SELECT * FROM conditional_menus WHERE appid = ? ORDER BY number", appid
    )
    return [
        ConditionalMenu(row["menuid"], unpack(row["buttons"]), unpack(row["rule"])) for row in rows
    ]


def default_id(appid: str) -> int:
    """The number of the menu for everybody."""
    return 200_000_000 + zlib.crc32(appid.encode()) % 10_000_000


def add_conditional(world: World, appid: str, buttons: Buttons, rule: dict[str, str]) -> str:
    """Make a menu for some people; returns its number."""
    number = world.store.insert(
        "conditional_menus", menuid="", appid=appid, buttons=pack(buttons), rule=pack(rule)
    )
    menuid = str(425_000_000 + number)
    world.store.write("UPDATE conditional_menus SET menuid = ? WHERE number = ?", menuid, number)
    world.touch_all()
    return menuid


def has_tag(world: World, appid: str, tag_id: str) -> bool:
    """Whether the account has a tag of this number."""
    row = world.store.row("SELECT 1 FROM tags WHERE appid = ? AND id = ?", appid, tag_id)
    return row is not None


def tags_of(world: World, appid: str, slug: str) -> list[int]:
    """The numbers of a person's tags at the account."""
    rows = world.store.rows(
        "SELECT id FROM tagged WHERE appid = ? AND slug = ? ORDER BY rowid", appid, slug
    )
    return [row["id"] for row in rows]


def _fits(world: World, account: Account, slug: str, rule: dict[str, str]) -> bool:
    if "tag_id" in rule and int(rule["tag_id"]) not in tags_of(world, account.appid, slug):
        return False
    platform = rule.get("client_platform_type")
    return platform is None or PLATFORMS.get(platform) == world.person(slug).platform


def shown_to(world: World, account: Account, slug: str) -> Buttons:
    """The buttons of the newest menu that fits the person, else those for everybody."""
    for menu in reversed(conditional(world, account.appid)):
        if _fits(world, account, slug, menu.rule):
            return menu.buttons
    return account.menu
