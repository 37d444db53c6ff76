"""Pages sent to friends: what "send to a friend" of the in-app browser puts into their chats."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from wechat_sandbox import acts
from wechat_sandbox.accounts import BadInput
from wechat_sandbox.people import Person
from wechat_sandbox.store import Row, add_tables
from wechat_sandbox.world import World

LONGEST = {"title": 200, "about": 400, "link": 2000, "picture": 2000}

add_tables(
    """
CREATE TABLE shared (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, receiver TEXT NOT NULL,
    title TEXT NOT NULL, about TEXT NOT NULL, link TEXT NOT NULL, picture TEXT NOT NULL,
    at REAL NOT NULL, seen INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX shared_by ON shared (sender, id);
CREATE INDEX shared_with ON shared (receiver, id);
"""
)


def send(world: World, person: Person, receiver: str, given: dict[str, Any]) -> int:
    """Send a page to a friend; the link and the picture as the product knows them.

    Raises:
        BadInput: to oneself, or no link.
    """
    friend = world.person(receiver)
    values = {name: str(given.get(name, "")).strip()[:most] for name, most in LONGEST.items()}
    values["link"] = acts.canonical_url(world, values["link"])
    values["picture"] = acts.canonical_url(world, values["picture"])
    if friend.slug == person.slug:
        raise BadInput("不能发给自己")
    if urlsplit(values["link"]).scheme not in ("http", "https"):
        raise BadInput("link must be an address")
    number = world.store.insert(
        "shared", sender=person.slug, receiver=friend.slug, at=world.clock.now(), **values
    )
    world.touch(person.slug)
    world.touch(friend.slug)
    return number


def overview(world: World, slug: str) -> list[dict[str, Any]]:
    """The person's chats with friends, the one with the newest page first."""
    rows = world.store.rows(
        "SELECT s.*, CASE WHEN sender = ?1 THEN receiver ELSE sender END AS friend,"
        " sum(receiver = ?1 AND NOT seen) AS unread, max(id) FROM shared s"
        " WHERE ?1 IN (sender, receiver) GROUP BY friend ORDER BY max(id) DESC",
        slug,
    )
    return [
        {**card_of(world.person(row["friend"])), "unread": row["unread"], "last": _page(row, slug)}
        for row in rows
    ]


def pages(world: World, slug: str, friend: str) -> list[dict[str, Any]]:
    """What two friends sent each other, oldest first; the person has now seen it."""
    done = world.store.write(
        "UPDATE shared SET seen = 1 WHERE receiver = ? AND sender = ? AND NOT seen", slug, friend
    )
    if done:
        world.touch(slug)
    rows = world.store.rows(
        "SELECT * FROM shared WHERE (sender = ?1 AND receiver = ?2)"
        " OR (sender = ?2 AND receiver = ?1) ORDER BY id DESC LIMIT 200",
        slug,
        friend,
    )
    return [_page(row, slug) for row in reversed(rows)]


def _page(row: Row, slug: str) -> dict[str, Any]:
    page = {name: row[name] for name in ("id", "title", "about", "link", "picture", "at")}
    return {**page, "mine": row["sender"] == slug}


def card_of(person: Person) -> dict[str, Any]:
    """What a phone shows of somebody else."""
    return {"slug": person.slug, "nickname": person.nickname, "avatar": person.avatar}
