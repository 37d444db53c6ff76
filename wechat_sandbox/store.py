"""The sandbox's memory: one SQLite file, opened once, safe to use from any thread."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Row = sqlite3.Row

SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE accounts (
    appid TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL,
    original_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, token TEXT NOT NULL,
    aes_key TEXT NOT NULL, callback_url TEXT NOT NULL, encrypt_mode TEXT NOT NULL,
    oauth_domains TEXT NOT NULL, welcome TEXT, editor_menu TEXT, api_menu TEXT,
    open_account TEXT, avatar TEXT NOT NULL, about TEXT NOT NULL, allow_ips TEXT,
    old_aes_key TEXT NOT NULL, push_format TEXT NOT NULL, admin TEXT, principal TEXT NOT NULL,
    js_domains TEXT NOT NULL, linked TEXT NOT NULL, pages TEXT NOT NULL,
    is_frozen INTEGER NOT NULL, position INTEGER NOT NULL
);
CREATE TABLE people (
    slug TEXT PRIMARY KEY, nickname TEXT NOT NULL, avatar TEXT NOT NULL, tags TEXT NOT NULL,
    platform TEXT NOT NULL, phone TEXT NOT NULL, position INTEGER NOT NULL
);
CREATE INDEX people_by_phone ON people (phone);
CREATE TABLE follows (
    slug TEXT NOT NULL, appid TEXT NOT NULL, followed INTEGER NOT NULL, since INTEGER NOT NULL,
    scene TEXT NOT NULL, qr_scene TEXT NOT NULL, seen_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (slug, appid)
);
CREATE INDEX follows_of_account ON follows (appid, followed, since);
CREATE TABLE tokens (
    token TEXT PRIMARY KEY, appid TEXT NOT NULL, world TEXT NOT NULL,
    issued_at REAL NOT NULL, expires_at REAL NOT NULL, void_at REAL
);
CREATE INDEX tokens_of_account ON tokens (appid, world, issued_at);
CREATE TABLE oauth_codes (
    code TEXT PRIMARY KEY, appid TEXT NOT NULL, slug TEXT NOT NULL, scope TEXT NOT NULL,
    is_snapshot INTEGER NOT NULL, expires_at REAL NOT NULL, used_at REAL
);
CREATE TABLE user_tokens (
    access TEXT PRIMARY KEY, refresh TEXT NOT NULL, appid TEXT NOT NULL, slug TEXT NOT NULL,
    scope TEXT NOT NULL, is_snapshot INTEGER NOT NULL, expires_at REAL NOT NULL,
    refresh_expires_at REAL NOT NULL
);
CREATE INDEX user_tokens_by_refresh ON user_tokens (refresh);
CREATE TABLE consents (slug TEXT, appid TEXT, PRIMARY KEY (slug, appid));
CREATE TABLE qrcodes (
    ticket TEXT PRIMARY KEY, tail TEXT NOT NULL UNIQUE, appid TEXT NOT NULL, scene TEXT NOT NULL,
    is_text INTEGER NOT NULL, is_permanent INTEGER NOT NULL, created_at REAL NOT NULL,
    expires_at REAL, name TEXT NOT NULL, scanned_at REAL, scanned_by TEXT NOT NULL
);
CREATE INDEX qrcodes_of_account ON qrcodes (appid, is_permanent, scene);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL, appid TEXT NOT NULL,
    sender TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX messages_of_chat ON messages (slug, appid, id);
CREATE TABLE templates (
    template_id TEXT PRIMARY KEY, appid TEXT NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL,
    example TEXT NOT NULL
);
CREATE TABLE sent_once (
    appid TEXT, slug TEXT, client_msg_id TEXT, msgid INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (appid, slug, client_msg_id)
);
CREATE TABLE allowances (
    slug TEXT, appid TEXT, cause TEXT, remaining INTEGER NOT NULL, expires_at REAL NOT NULL,
    PRIMARY KEY (slug, appid, cause)
);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, appid TEXT, status INTEGER NOT NULL,
    errcode INTEGER, note TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL,
    took_ms INTEGER NOT NULL, again TEXT
);
CREATE TABLE faults (id INTEGER PRIMARY KEY, path TEXT NOT NULL, what TEXT NOT NULL,
    remaining INTEGER NOT NULL);
CREATE TABLE policies (appid TEXT PRIMARY KEY, what TEXT NOT NULL);
CREATE TABLE quota_limits (appid TEXT, path TEXT, daily INTEGER NOT NULL,
    PRIMARY KEY (appid, path));
CREATE TABLE quota_used (appid TEXT, path TEXT, day TEXT, used INTEGER NOT NULL,
    PRIMARY KEY (appid, path, day));
CREATE TABLE sms (
    id INTEGER PRIMARY KEY AUTOINCREMENT, phone TEXT NOT NULL, text TEXT NOT NULL,
    request_id TEXT NOT NULL UNIQUE, at REAL NOT NULL, seen INTEGER NOT NULL
);
CREATE INDEX sms_of_phone ON sms (phone, id);
CREATE TABLE cookies (
    slug TEXT, name TEXT, path TEXT, value TEXT NOT NULL, expires_at REAL,
    PRIMARY KEY (slug, name, path)
);
"""

OUTER = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
INNER = ("SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner")
"""How a group of statements begins, ends and is undone; of several one in another the last one."""

_schema = [SCHEMA]
# What a reset that keeps the setup does not empty: who exists.
_lasting = {"settings", "accounts", "people", "templates"}


def add_tables(schema: str, *, lasting: tuple[str, ...] = ()) -> None:
    """Let a part of the sandbox have tables of its own; called when its module is imported.

    Args:
        schema: statements, each ended by a semicolon at the end of a line.
        lasting: those of its tables that hold the setup and outlive a reset of what happened.
    """
    _schema.append(schema)
    _lasting.update(lasting)


def lasting_tables() -> tuple[str, ...]:
    """Tables that hold who exists rather than what happened."""
    return tuple(sorted(_lasting))


def _version() -> int:
    """Another schema is another version: 31 bits of its checksum.

    The sandbox holds nothing that cannot be played again, so a file of another
    version is emptied instead of migrated.
    """
    return zlib.crc32("".join(_schema).encode()) & 0x7FFF_FFFF


class Store:
    """Statements on the sandbox's only database connection.

    One connection behind a lock is enough: every statement takes well under a
    millisecond. The write-ahead log keeps the file whole when the process is
    killed in the middle.
    """

    def __init__(self, path: str) -> None:
        """Open (and if needed create) the file at ``path``; ``:memory:`` keeps nothing."""
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._create()

    def _create(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        version = _version()
        if found == version:
            return
        with self.transaction():
            for name in self.tables():
                self._db.execute(f'DROP TABLE "{name}"')
            for statement in "".join(_schema).split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {version}")

    @staticmethod
    def version() -> int:
        """Which tables this sandbox has, as a number."""
        return _version()

    def tables(self) -> list[str]:
        """The names of all tables."""
        found = self._db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return [row["name"] for row in found]

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            found: Row | None = self._db.execute(sql, values).fetchone()
            return found

    def write(self, sql: str, *values: Any) -> int:
        """Run one statement; returns how many rows it touched."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def insert(self, table: str, **values: Any) -> int:
        """Insert or replace one row; returns its rowid."""
        names = ", ".join(values)
        places = ", ".join("?" for _ in values)
        with self._lock:
            cursor = self._db.execute(
                f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})",  # noqa: S608
                tuple(values.values()),
            )
            return cursor.lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group statements: all of them hold or none; also inside another group.

        Not around an ``await``: others would write into this group meanwhile.
        """
        with self._lock:
            is_inner = self._db.in_transaction
            begin, end, undo = INNER if is_inner else OUTER
            self._db.execute(begin)
            try:
                yield
            except BaseException:
                self._db.execute(undo)
                if is_inner:
                    self._db.execute(end)
                raise
            self._db.execute(end)

    def setting(self, key: str, default: str) -> str:
        """A remembered setting."""
        found = self.row("SELECT value FROM settings WHERE key = ?", key)
        return found["value"] if found else default

    def forget(self, *, keep: tuple[str, ...] = ()) -> None:
        """Empty every table that is not in ``keep``."""
        with self.transaction():
            for name in self.tables():
                if name not in keep:
                    self._db.execute(f'DELETE FROM "{name}"')  # noqa: S608

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def pack(value: object) -> str:
    """JSON for a text column, Chinese kept readable."""
    return _written(value)


def unpack(text: str | None) -> Any:
    """The value of a JSON text column; None stays None."""
    return None if text is None else json.loads(text)
