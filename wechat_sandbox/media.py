"""Files an account or a person has put on WeChat's servers; temporary ones live three days."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from wechat_sandbox.store import Row, add_tables
from wechat_sandbox.world import World

LIFE_S = 3 * 86_400

add_tables(
    """
CREATE TABLE media (
    media_id TEXT PRIMARY KEY, appid TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    mime TEXT NOT NULL, content BLOB NOT NULL, created_at REAL NOT NULL, expires_at REAL
);
CREATE INDEX media_of_account ON media (appid, expires_at);
"""
)


@dataclass(frozen=True)
class Media:
    """One file; ``kind`` is image, voice, video or thumb."""

    media_id: str
    appid: str
    kind: str
    name: str
    mime: str
    content: bytes
    created_at: float
    expires_at: float | None


def _from_row(row: Row | None) -> Media | None:
    return Media(**dict(row)) if row else None


def keep(
    world: World,
    *,
    appid: str,
    kind: str,
    name: str,
    mime: str,
    content: bytes,
    is_permanent: bool = False,
) -> Media:
    """Put a file on the server."""
    now = world.clock.now()
    world.store.write("DELETE FROM media WHERE expires_at < ?", now - LIFE_S)
    made = Media(
        media_id=secrets.token_urlsafe(48),
        appid=appid,
        kind=kind,
        name=name,
        mime=mime,
        content=content,
        created_at=now,
        expires_at=None if is_permanent else now + LIFE_S,
    )
    world.store.insert("media", **vars(made))
    return made


def find(world: World, appid: str, media_id: object) -> Media | None:
    """The account's file, as long as it lives."""
    if not isinstance(media_id, str):
        return None
    return _from_row(
        world.store.row(
            "SELECT * FROM media WHERE media_id = ? AND appid = ?"
            " AND (expires_at IS NULL OR expires_at > ?)",
            media_id,
            appid,
            world.clock.now(),
        )
    )


def anybodys(world: World, media_id: str) -> Media | None:
    """The file whoever put it there, for the phone that shows it."""
    return _from_row(world.store.row("SELECT * FROM media WHERE media_id = ?", media_id))
