"""What passes between a person and an account: following, messages, allowances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wechat_sandbox.accounts import Account
from wechat_sandbox.qrcodes import SceneCode
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE blacklist (slug TEXT, appid TEXT, PRIMARY KEY (slug, appid));
CREATE TABLE muted (slug TEXT, appid TEXT, PRIMARY KEY (slug, appid));
CREATE TABLE typing (slug TEXT, appid TEXT, until REAL NOT NULL, PRIMARY KEY (slug, appid));
"""
)

FOLLOW_SCENES = (
    "ADD_SCENE_SEARCH", "ADD_SCENE_ACCOUNT_MIGRATION", "ADD_SCENE_PROFILE_CARD",
    "ADD_SCENE_QR_CODE", "ADD_SCENE_PROFILE_LINK", "ADD_SCENE_PROFILE_ITEM", "ADD_SCENE_PAID",
    "ADD_SCENE_WECHAT_ADVERTISEMENT", "ADD_SCENE_REPRINT", "ADD_SCENE_LIVESTREAM",
    "ADD_SCENE_CHANNELS", "ADD_SCENE_WXA", "ADD_SCENE_OTHERS",
)  # fmt: skip

# How many customer service messages an act of the person allows, and for how long (digest 4.8).
ALLOWANCES = {"message": (5, 48 * 3600), "menu": (3, 60), "follow": (3, 60), "scan": (3, 60)}


@dataclass(frozen=True)
class Follow:
    """How a person stands to an account; ``followed`` False means left again."""

    followed: bool
    since: int
    scene: str
    qr_scene: str


def follow_of(world: World, slug: str, appid: str) -> Follow | None:
    """The relation, or None when the person never followed."""
    row = world.store.row("SELECT * FROM follows WHERE slug = ? AND appid = ?", slug, appid)
    if row is None:
        return None
    return Follow(bool(row["followed"]), row["since"], row["scene"], row["qr_scene"])


def is_following(world: World, slug: str, appid: str) -> bool:
    """Whether the person follows the account now."""
    found = follow_of(world, slug, appid)
    return found is not None and found.followed


def is_blacklisted(world: World, slug: str, appid: str) -> bool:
    """Whether the account has put the person on its blacklist."""
    row = world.store.row("SELECT 1 FROM blacklist WHERE slug = ? AND appid = ?", slug, appid)
    return row is not None


def is_muted(world: World, slug: str, appid: str) -> bool:
    """Whether the person follows but takes no messages of the account."""
    row = world.store.row("SELECT 1 FROM muted WHERE slug = ? AND appid = ?", slug, appid)
    return row is not None


def mute(world: World, slug: str, appid: str, *, is_on: bool) -> None:
    """The person switches the account's messages off or on again."""
    if is_on:
        world.store.insert("muted", slug=slug, appid=appid)
    else:
        world.store.write("DELETE FROM muted WHERE slug = ? AND appid = ?", slug, appid)
    world.touch(slug)


def is_typing(world: World, slug: str, appid: str) -> bool:
    """Whether the account's typing is shown to the person now."""
    row = world.store.row(
        "SELECT 1 FROM typing WHERE slug = ? AND appid = ? AND until > ?",
        slug,
        appid,
        world.clock.now(),
    )
    return row is not None


def has_written(world: World, slug: str, appid: str, *, within_s: float) -> bool:
    """Whether the person sent a message in the last seconds."""
    row = world.store.row(
        "SELECT 1 FROM messages WHERE slug = ? AND appid = ? AND sender = 'person' AND at > ?",
        slug,
        appid,
        world.clock.now() - within_s,
    )
    return row is not None


def follow(
    world: World, slug: str, account: Account, *, scene: str, code: SceneCode | None
) -> bool:
    """Make the person a follower; returns False when they were one already."""
    if is_following(world, slug, account.appid):
        return False
    world.store.write(
        "INSERT INTO follows (slug, appid, followed, since, scene, qr_scene) VALUES (?,?,1,?,?,?)"
        " ON CONFLICT (slug, appid) DO UPDATE SET followed = 1, since = excluded.since,"
        " scene = excluded.scene, qr_scene = excluded.qr_scene",
        slug,
        account.appid,
        int(world.clock.now()),
        scene,
        pack({"text": code.is_text, "scene": code.scene}) if code else "",
    )
    allow(world, slug, account.appid, "follow")
    if account.welcome:
        body = {"content": account.welcome}
        add(world, slug, account.appid, sender="account", kind="text", body=body)
    world.touch(slug)
    return True


def open_session(world: World, slug: str, account: Account) -> None:
    """Talk to a mini program's customer service, which nobody follows."""
    world.store.write(
        "INSERT INTO follows (slug, appid, followed, since, scene, qr_scene)"
        " VALUES (?, ?, 1, ?, 'ADD_SCENE_WXA', '') ON CONFLICT (slug, appid) DO NOTHING",
        slug,
        account.appid,
        int(world.clock.now()),
    )


def unfollow(world: World, slug: str, appid: str) -> bool:
    """End the relation; returns False when there was none. The chat is gone, as on a phone."""
    done = world.store.write(
        "UPDATE follows SET followed = 0, since = ? WHERE slug = ? AND appid = ? AND followed = 1",
        int(world.clock.now()),
        slug,
        appid,
    )
    if done:
        world.store.write("DELETE FROM messages WHERE slug = ? AND appid = ?", slug, appid)
        world.store.write("DELETE FROM allowances WHERE slug = ? AND appid = ?", slug, appid)
        world.touch(slug)
    return bool(done)


def add(
    world: World, slug: str, appid: str, *, sender: str, kind: str, body: dict[str, Any]
) -> int:
    """Put a message into the chat; ``sender`` is person, account or system."""
    number = world.store.insert(
        "messages",
        slug=slug,
        appid=appid,
        sender=sender,
        kind=kind,
        body=pack(body),
        at=world.clock.now(),
    )
    world.touch(slug)
    return number


def _message(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "from": row["sender"],
        "kind": row["kind"],
        "at": row["at"],
        **unpack(row["body"]),
    }


def messages(world: World, slug: str, appid: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """The newest messages of a chat, oldest of them first."""
    rows = world.store.rows(
        "SELECT * FROM messages WHERE slug = ? AND appid = ? ORDER BY id DESC LIMIT ?",
        slug,
        appid,
        limit,
    )
    return [_message(row) for row in reversed(rows)]


def overview(world: World, slug: str) -> list[dict[str, Any]]:
    """A person's chats, the one with the newest message first."""
    rows = world.store.rows(
        "SELECT f.appid, f.since, a.name, a.avatar, m.id, m.sender, m.kind, m.body, m.at,"
        " (SELECT count(*) FROM messages u WHERE u.slug = f.slug AND u.appid = f.appid"
        "  AND u.id > f.seen_id AND u.sender = 'account') AS unread"
        " FROM follows f JOIN accounts a USING (appid)"
        " LEFT JOIN messages m ON m.id = (SELECT max(id) FROM messages l"
        "  WHERE l.slug = f.slug AND l.appid = f.appid)"
        " WHERE f.slug = ? AND f.followed ORDER BY coalesce(m.at, f.since) DESC, f.appid",
        slug,
    )
    return [
        {
            "appid": row["appid"],
            "name": row["name"],
            "avatar": row["avatar"],
            "unread": row["unread"],
            "at": row["at"] or row["since"],
            "last": _message(row) if row["id"] else None,
        }
        for row in rows
    ]


def mark_seen(world: World, slug: str, appid: str) -> None:
    """The person has looked at the chat."""
    done = world.store.write(
        "UPDATE follows SET seen_id = (SELECT coalesce(max(id), 0) FROM messages"
        "  WHERE slug = follows.slug AND appid = follows.appid)"
        " WHERE slug = ? AND appid = ? AND EXISTS (SELECT 1 FROM messages m"
        "  WHERE m.slug = follows.slug AND m.appid = follows.appid AND m.id > follows.seen_id)",
        slug,
        appid,
    )
    if done:
        world.touch(slug)


def allow(world: World, slug: str, appid: str, cause: str) -> None:
    """An act of the person opens a window for customer service messages."""
    count, seconds = ALLOWANCES[cause]
    world.store.insert(
        "allowances",
        slug=slug,
        appid=appid,
        cause=cause,
        remaining=count,
        expires_at=world.clock.now() + seconds,
    )


def spend_allowance(world: World, slug: str, appid: str) -> int:
    """Take one message from an open window; 0 done, else the errcode WeChat answers."""
    now = world.clock.now()
    rows = world.store.rows(
        "SELECT cause, remaining FROM allowances WHERE slug = ? AND appid = ? AND expires_at > ?"
        " ORDER BY expires_at",
        slug,
        appid,
        now,
    )
    if not rows:
        return 45015
    for row in rows:
        if row["remaining"] > 0:
            world.store.write(
                "UPDATE allowances SET remaining = remaining - 1"
                " WHERE slug = ? AND appid = ? AND cause = ?",
                slug,
                appid,
                row["cause"],
            )
            return 0
    return 45047
