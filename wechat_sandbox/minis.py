"""What a person does with a mini program: signing in, giving the phone number, opening pages.

There is no runtime for a mini program's own code: its page is named and its API calls that matter
to a server (login, phone number, subscriptions) are played.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wechat_sandbox import qrcodes
from wechat_sandbox.accounts import Account
from wechat_sandbox.store import Row, add_tables, pack
from wechat_sandbox.world import World

CODE_LIFE_S = 300
KEPT_S = 86_400
CODE_URL = "https://mp.weixin.qq.com/a/~"

add_tables(
    """
CREATE TABLE mini_codes (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, appid TEXT NOT NULL, slug TEXT NOT NULL,
    expires_at REAL NOT NULL, used_at REAL
);
CREATE TABLE mini_sessions (
    appid TEXT, slug TEXT, session_key TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (appid, slug)
);
CREATE TABLE mini_entries (
    key TEXT PRIMARY KEY, appid TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
    query TEXT NOT NULL, env TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL,
    visits INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mini_entries_of_account ON mini_entries (appid, kind);
"""
)


@dataclass(frozen=True)
class Entry:
    """A way into a mini program: kind code, limited, scheme, link or short."""

    key: str
    appid: str
    kind: str
    path: str
    query: str
    env: str
    created_at: float
    expires_at: float | None
    visits: int

    @property
    def content(self) -> str:
        """What the code or the link holds."""
        if self.kind in ("code", "limited"):
            return f"{CODE_URL}{self.key}"
        if self.kind == "scheme":
            return f"weixin://dl/business/?t={self.key}"
        return (
            f"#小程序://沙箱/{self.key}"
            if self.kind == "short"
            else f"https://wxaurl.cn/{self.key}"
        )

    def is_over(self, now: float) -> bool:
        """Whether it has run out."""
        return self.expires_at is not None and now >= self.expires_at


def new_code(world: World, account: Account, slug: str, kind: str) -> str:
    """A code of wx.login (``login``) or of the phone number button (``phone``); once, 5 minutes."""
    now = world.clock.now()
    world.store.write("DELETE FROM mini_codes WHERE expires_at < ?", now - KEPT_S)
    code = ("0" if kind == "login" else "") + secrets.token_hex(16)
    world.store.insert(
        "mini_codes",
        code=code,
        kind=kind,
        appid=account.appid,
        slug=slug,
        expires_at=now + CODE_LIFE_S,
        used_at=None,
    )
    return code


def use_code(world: World, account: Account, code: object, kind: str) -> str | int:
    """The slug of the person, once; else 40029 (unknown, over, of another kind) or 40163."""
    row = world.store.row(
        "SELECT * FROM mini_codes WHERE code = ? AND kind = ? AND appid = ?",
        code,
        kind,
        account.appid,
    )
    if row is None or row["expires_at"] <= world.clock.now():
        return 40029
    done = world.store.write(
        "UPDATE mini_codes SET used_at = ? WHERE code = ? AND used_at IS NULL",
        world.clock.now(),
        code,
    )
    slug: str = row["slug"]
    return slug if done else 40163


def new_session(world: World, account: Account, slug: str) -> str:
    """A session key; the one before does not work any more."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    world.store.insert(
        "mini_sessions", appid=account.appid, slug=slug, session_key=key, at=world.clock.now()
    )
    return key


def session(world: World, account: Account, slug: str) -> Row | None:
    """The person's session at the mini program: key and time of the last login."""
    return world.store.row(
        "SELECT * FROM mini_sessions WHERE appid = ? AND slug = ?", account.appid, slug
    )


def new_entry(
    world: World,
    account: Account,
    *,
    kind: str,
    path: str,
    query: str,
    env: str,
    lifetime_s: float | None,
) -> Entry:
    """Make a way in; an unlimited code for the same page and scene is the same one."""
    now = world.clock.now()
    key = secrets.token_urlsafe(12).replace("-", "x").replace("_", "y")
    if kind in ("code", "limited"):
        seed = pack([account.appid, kind, path, query, env])
        key = hashlib.sha256(seed.encode()).hexdigest()[:20]
    entry = Entry(
        key=key,
        appid=account.appid,
        kind=kind,
        path=path,
        query=query,
        env=env,
        created_at=now,
        expires_at=None if lifetime_s is None else now + lifetime_s,
        visits=0,
    )
    world.store.insert("mini_entries", **vars(entry))
    world.touch_all()
    return entry


def count_entries(world: World, account: Account, kind: str) -> int:
    """How many the account has of a kind."""
    row = world.store.row(
        "SELECT count(*) AS n FROM mini_entries WHERE appid = ? AND kind = ?", account.appid, kind
    )
    return int(row["n"]) if row else 0


def entry_of(world: World, content: str) -> Entry | None:
    """The way in that a scanned code or an opened link is."""
    for head in (CODE_URL, "weixin://dl/business/?t=", "https://wxaurl.cn/", "#小程序://沙箱/"):
        if content.startswith(head):
            row = world.store.row(
                "SELECT * FROM mini_entries WHERE key = ?", content.removeprefix(head)
            )
            return Entry(**dict(row)) if row else None
    return None


def opened(world: World, entry: Entry) -> dict[str, Any]:
    """What the mini program gets at its start: path and query, the scene still encoded."""
    world.store.write("UPDATE mini_entries SET visits = visits + 1 WHERE key = ?", entry.key)
    path, _, inline = entry.path.partition("?")
    is_scene = entry.kind == "code"
    query = f"scene={quote(entry.query, safe='')}" if is_scene else entry.query or inline
    return {"appid": entry.appid, "path": path, "query": query}


@qrcodes.shown
def on_screens(world: World) -> list[qrcodes.Shown]:
    """The newest mini program codes."""
    rows = world.store.rows(
        "SELECT e.*, a.name AS account FROM mini_entries e JOIN accounts a USING (appid)"
        " WHERE e.kind IN ('code', 'limited') ORDER BY e.created_at DESC LIMIT 20"
    )
    return [
        qrcodes.Shown(
            key=row["key"],
            content=f"{CODE_URL}{row['key']}",
            picture=f"/mp.weixin.qq.com/wxacode/{row['key']}",
            name=f"{row['account']}（小程序码）",
            created_at=row["created_at"],
            expires_at=None,
            scene=row["query"],
            appid=row["appid"],
        )
        for row in rows
    ]
