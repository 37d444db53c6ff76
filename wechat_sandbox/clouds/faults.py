"""Faults asked for on the paths of the clouds."""

from __future__ import annotations

from typing import Any

from wechat_sandbox.store import unpack
from wechat_sandbox.world import World


def take_fault(world: World, path: str, action: str) -> dict[str, Any]:
    """The next fault of a path, or of one action of it (``/host/#Action``); empty for none."""
    row = world.store.row(
        "SELECT * FROM faults WHERE remaining > 0 AND path IN (?, ?, ?) ORDER BY id LIMIT 1",
        path,
        path.rstrip("/"),
        f"{path}#{action}",
    )
    if row is None:
        return {}
    world.store.write("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", row["id"])
    found: dict[str, Any] = unpack(row["what"])
    return found if {"code", "http_status"} & set(found) else {}
