"""Worlds that many tests begin with: made once by the services, later only written down.

The services need some fifty statements for a shop with a card. Its rows alone are a dozen, and each
test rolls them back: so every test of a worker may have the very same ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plugins.database import copied, pasted, tables_of

MOVED = timedelta(seconds=30)
"""A test whose clock is away from the true time by more makes its world itself."""
TRIGGERS = "session_replication_role"
"""Neither triggers nor foreign keys look at the rows: they did when the world was made."""


@dataclass(frozen=True)
class _Kept:
    world: Any
    rows: dict[str, bytes]
    """What the making added, by table."""


class Worlds:
    """The worlds of one worker, by what makes them."""

    def __init__(self) -> None:
        self._kept: dict[Callable[[], Any], _Kept] = {}

    def of[World](self, make: Callable[[], World]) -> World:
        """What ``make`` answers, with its rows in the transaction of the test that asks.

        Args:
            make: takes nothing and leaves nothing behind but rows.
        """
        from django.db import connection

        from zhanggui.core import clock

        connection.ensure_connection()
        raw: Any = connection.connection
        is_allowed = raw.info.parameter_status("is_superuser") == "on"
        if not is_allowed or abs(clock.now() - datetime.now(UTC)) > MOVED:
            return make()
        kept = self._kept.get(make)
        if kept is None:
            kept = self._kept[make] = _made(raw, make)
        else:
            with raw.cursor() as cursor:
                (before,) = cursor.execute(f"SELECT current_setting('{TRIGGERS}')").fetchone()
                cursor.execute(f"SET LOCAL {TRIGGERS} = replica")
                for table, rows in kept.rows.items():
                    pasted(raw, table, rows)
                cursor.execute(f"SELECT set_config('{TRIGGERS}', %s, true)", [before])
        world: World = deepcopy(kept.world)
        return world


def _made[World](raw: Any, make: Callable[[], World]) -> _Kept:
    """Make a world and note what came with it."""
    before = {table: copied(raw, table) for table in tables_of(raw)}
    world = make()
    rows = {table: _added(known, copied(raw, table)) for table, known in before.items()}
    return _Kept(deepcopy(world), {table: added for table, added in rows.items() if added})


def _added(before: bytes, after: bytes) -> bytes:
    """The lines that are new; there are as many rows as lines, whatever stands in them."""
    new = Counter(after.splitlines(keepends=True)) - Counter(before.splitlines(keepends=True))
    return b"".join(new.elements())


@pytest.fixture(scope="session")
def worlds(test_database: str) -> Worlds:
    """The worlds that tests of this worker share."""
    assert test_database  # rows are those of one database
    return Worlds()
