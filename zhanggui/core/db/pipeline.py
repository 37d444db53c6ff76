"""Several statements in one trip to the database, for hot doors.

psycopg's pipeline mode with parameters bound by the server and prepared statements. BEGIN and
COMMIT travel with the statements: ``transaction.atomic()`` would cost a trip for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, LiteralString

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.pq import TransactionStatus

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
    """A connection in pipeline mode, in a transaction."""

    def __init__(self, raw: psycopg.Connection[Row]) -> None:
        self._raw = raw
        self._stack = ExitStack()
        self._pipeline = self._stack.enter_context(raw.pipeline())

    def send(self, sql: LiteralString, values: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        """Queue a statement; it is sent with the next fetch or the end."""
        return _run(psycopg.Cursor[Row](self._raw), sql, values)

    def command(self, sql: LiteralString) -> None:
        """Queue a command without parameters."""
        psycopg.Cursor[Row](self._raw).execute(sql, prepare=False)

    def settle(self) -> None:
        """Wait for what is queued; its errors rise here."""
        self._pipeline.sync()

    def leave(self) -> None:
        """Go back to one statement at a time; for what is rare."""
        self._stack.close()


@contextmanager
def transaction_in_pipeline() -> Iterator[Pipeline]:
    """Open a transaction in pipeline mode; errors of queued statements rise at the latest here.

    Inside another transaction it is a savepoint.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.in_atomic_block:
            yield from _savepoint(connection.connection)
        else:
            yield from _transaction(connection.connection)


def _savepoint(raw: psycopg.Connection[Row]) -> Iterator[Pipeline]:
    with transaction.atomic():
        line = Pipeline(raw)
        try:
            yield line
        finally:
            line.leave()


def _transaction(raw: psycopg.Connection[Row]) -> Iterator[Pipeline]:
    line = Pipeline(raw)
    line.command("BEGIN")
    connection.in_atomic_block = True  # so that Django's own blocks inside become savepoints
    try:
        yield line
        line.command("COMMIT")
        line.leave()
    except BaseException:
        _take_back(raw, line)
        raise
    finally:
        connection.in_atomic_block = False
        connection.needs_rollback = False
    connection.run_and_clear_commit_hooks()


def _take_back(raw: psycopg.Connection[Row], line: Pipeline) -> None:
    connection.run_on_commit = []
    with suppress(psycopg.Error):  # the first error is the one that is told
        line.leave()
    if raw.closed or raw.info.transaction_status == TransactionStatus.IDLE:
        return
    try:
        raw.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()
