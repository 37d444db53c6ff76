"""Several statements in one trip to the database, for hot doors.

psycopg's pipeline mode with parameters bound by the server and prepared statements. Django's
transactions work inside: BEGIN and COMMIT travel with the statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, LiteralString

import psycopg
from django.db import OperationalError, connection

type Row = tuple[Any, ...]


def fetch_first(sql: LiteralString, values: Mapping[str, Any]) -> Row | None:
    """Read the first row of one prepared statement, as the first thing a hot door does.

    The connection may have died since the last request (a restart of the database): then a new
    one is taken and the read repeated, which saves the question "are you there" before each.
    """
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
        connection.health_check_done = True  # type: ignore[attr-defined]  # PostgreSQL's wrapper
    was_open = connection.connection is not None
    try:
        return _first(sql, values)
    except OperationalError:
        if not was_open or connection.in_atomic_block:
            raise
        connection.close()
        return _first(sql, values)


def _first(sql: LiteralString, values: Mapping[str, Any]) -> Row | None:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _run(psycopg.Cursor[Row](connection.connection), sql, values).fetchone()


def _run(
    cursor: psycopg.Cursor[Row], sql: LiteralString, values: Mapping[str, Any]
) -> psycopg.Cursor[Row]:
    """Execute with the parameters bound by the server, past whoever watches Django's."""
    execute = partial(_execute, cursor)
    for wrapper in reversed(connection.execute_wrappers):
        execute = partial(wrapper, execute)
    execute(sql, values, False, {"connection": connection, "cursor": cursor})
    return cursor


def _execute(
    cursor: psycopg.Cursor[Row], sql: LiteralString, values: Any, many: bool, context: Any
) -> None:
    cursor.execute(sql, values, prepare=True)


class Pipeline:
    """A connection in pipeline mode."""

    def __init__(self, raw: psycopg.Connection[Row], stack: ExitStack) -> None:
        self._raw = raw
        self._stack = stack
        self._pipeline = stack.enter_context(raw.pipeline())

    def send(self, sql: LiteralString, values: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        """Queue a statement; it is sent with the next fetch, ``settle`` or the end."""
        return _run(psycopg.Cursor[Row](self._raw), sql, values)

    def settle(self) -> None:
        """Inside an outer transaction: let errors show before the savepoint is given up."""
        if connection.savepoint_ids:
            self._pipeline.sync()

    def leave(self) -> None:
        """Go back to one statement at a time."""
        self._stack.close()


@contextmanager
def pipeline() -> Iterator[Pipeline]:
    """Open pipeline mode; put ``transaction.atomic()`` inside, so that COMMIT rides along.

    Errors of queued statements rise at the next fetch, at ``settle`` or at the end, as Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, ExitStack() as stack:
        yield Pipeline(connection.connection, stack)
