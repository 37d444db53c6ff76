"""Snapshots: everything the sandbox holds, kept under a name, taken back, carried elsewhere.

A snapshot is gzipped JSON of all tables. It is kept beside the sandbox's own file, so that a reset
does not take it away; a sandbox in memory keeps its snapshots in memory.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.control import posted_object, route
from wechat_sandbox.store import pack
from wechat_sandbox.world import World

NAME = re.compile(r"[\w-][\w .-]{0,39}")
BYTES = "$bytes"
LARGEST = 100_000_000


class NoSuchSnapshot(LookupError):
    """No snapshot has this name."""


class Shelf:
    """Where the snapshots of one sandbox are."""

    def __init__(self, data: str) -> None:
        """Beside the file ``data``; in memory for a sandbox in memory."""
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._place = None if data == ":memory:" else Path(f"{data}.snapshots")

    def _path(self, name: str) -> Path | None:
        return self._place / f"{quote(name, safe='')}.json.gz" if self._place else None

    def put(self, name: str, raw: bytes) -> None:
        """Keep a snapshot, also over an older one of the same name."""
        path = self._path(name)
        if path is None:
            self._kept[name] = (time.time(), raw)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(raw)
        fresh.replace(path)

    def get(self, name: str) -> bytes:
        """A snapshot, or NoSuchSnapshot."""
        path = self._path(name)
        if path is None:
            if name not in self._kept:
                raise NoSuchSnapshot(name)
            return self._kept[name][1]
        if not path.is_file():
            raise NoSuchSnapshot(name)
        return path.read_bytes()

    def remove(self, name: str) -> None:
        """Forget a snapshot, or NoSuchSnapshot."""
        self.get(name)
        path = self._path(name)
        if path is None:
            del self._kept[name]
        else:
            path.unlink()

    def every(self) -> list[dict[str, Any]]:
        """All snapshots with their time and size, newest first."""
        found = [(name, at, len(raw)) for name, (at, raw) in self._kept.items()]
        if self._place and self._place.is_dir():
            for path in self._place.glob("*.json.gz"):
                about = path.stat()
                name = unquote(path.name.removesuffix(".json.gz"))
                found.append((name, about.st_mtime, about.st_size))
        found.sort(key=lambda one: -one[1])
        return [{"name": name, "at": at, "size": size} for name, at, size in found]


def _plain(value: Any) -> Any:
    return {BYTES: base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {BYTES}:
        return base64.b64decode(value[BYTES])
    return value


def take(world: World) -> bytes:
    """Everything the sandbox holds now."""
    with world.store.transaction():
        tables = {
            name: [
                {column: _plain(row[column]) for column in row.keys()}  # noqa: SIM118
                for row in world.store.rows(f'SELECT * FROM "{name}"')  # noqa: S608
            ]
            for name in world.store.tables()
        }
    body = {"wechat_sandbox": world.store.version(), "tables": tables}
    return gzip.compress(pack(body).encode(), compresslevel=6, mtime=0)


def read(world: World, raw: bytes) -> dict[str, list[dict[str, Any]]]:
    """The tables of a snapshot.

    Raises:
        BadInput: no snapshot, or one of another version of the sandbox.
    """
    try:
        opener = zlib.decompressobj(wbits=31)
        text = opener.decompress(raw, LARGEST)
        body = json.loads(text)
        version, tables = body["wechat_sandbox"], body["tables"]
    except (ValueError, zlib.error, KeyError, TypeError) as error:
        raise BadInput("this is no snapshot of a sandbox") from error
    if version != world.store.version():
        raise BadInput("this snapshot was made by another version of the sandbox")
    if set(tables) != set(world.store.tables()):
        raise BadInput("this snapshot lacks some of the sandbox's tables")
    found: dict[str, list[dict[str, Any]]] = tables
    return found


def restore(world: World, raw: bytes) -> None:
    """Make everything as it was; nothing changes when the snapshot cannot be used."""
    tables = read(world, raw)
    with world.store.transaction():
        world.store.forget()
        for name, rows in tables.items():
            for row in rows:
                world.store.insert(name, **{column: _value(one) for column, one in row.items()})
    world.clock.offset_s = float(world.store.setting("clock_offset", "0"))
    world.people_changed()
    world.touch_all()


def _name(given: object) -> str:
    if not isinstance(given, str) or not NAME.fullmatch(given.strip()):
        raise BadInput("a name has 1 to 40 letters, digits, blanks, dots or hyphens")
    return given.strip()


@route("GET", "snapshots")
async def list_snapshots(world: World, request: Request) -> Any:
    """All snapshots with their time (of this machine, not of the sandbox's clock) and size."""
    return world.shelf.every()


@route("POST", "snapshots")
async def post_snapshot(world: World, request: Request) -> Any:
    """Keep everything as it is now under ``name``."""
    given = await posted_object(request)
    name = _name(given.get("name") or time.strftime("%Y-%m-%d %H.%M.%S"))
    raw = take(world)
    world.shelf.put(name, raw)
    return {"name": name, "size": len(raw)}


@route("GET", "snapshots/{name}")
async def get_snapshot(world: World, request: Request) -> Any:
    """Download a snapshot: gzipped JSON of all tables."""
    name = _name(request.path_params["name"])
    shown = quote(f"{name}.json.gz")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{shown}"}
    return Response(world.shelf.get(name), media_type="application/gzip", headers=headers)


@route("PUT", "snapshots/{name}")
async def put_snapshot(world: World, request: Request) -> Any:
    """Upload a snapshot made elsewhere; the body is the downloaded file."""
    name, raw = _name(request.path_params["name"]), await request.body()
    read(world, raw)
    world.shelf.put(name, raw)
    return {"name": name, "size": len(raw)}


@route("POST", "snapshots/{name}/restore")
async def restore_snapshot(world: World, request: Request) -> Any:
    """Make everything as it was when the snapshot was taken."""
    restore(world, world.shelf.get(_name(request.path_params["name"])))
    return {"ok": True}


@route("DELETE", "snapshots/{name}")
async def delete_snapshot(world: World, request: Request) -> Any:
    """Forget a snapshot."""
    world.shelf.remove(_name(request.path_params["name"]))
    return {"ok": True}
