"""Several statements in one trip to the database, for hot doors.

libpq's pipeline mode through psycopg's own binding (``psycopg.pq``): prepared statements, their
parameters as text, BEGIN and COMMIT on the way. psycopg's cursors would do the same with a wait
per statement, and ``transaction.atomic()`` with a trip for BEGIN and one for COMMIT; measured,
that was half of the processor time of a confirm.
"""

from __future__ import annotations

import json
import re
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache, partial
from itertools import count
from typing import Any, LiteralString, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DataError, OperationalError, connections, transaction
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from zhanggui.core.metrics import SlowStatements, note_slow

type Value = (
    int
    | bool
    | str
    | bytes
    | datetime
    | date
    | dict[str, Any]
    | list[bytes]
    | list[int]
    | list[str]
    | None
)
type Values = Mapping[str, Value]
type Line = tuple[bytes | None, ...]
"""A row as the database writes it; the readers below turn its fields into values."""

# A hot statement always means the same few rows by index: planning it anew for each set of values
# took longer than running it. Django's own statements are not prepared and stay as they are.
GENERIC = b"SET plan_cache_mode = force_generic_plan"
BEGIN: LiteralString = "BEGIN"
COMMIT: LiteralString = "COMMIT"
WAIT_MS = 60_000

_JSON = json.JSONEncoder(ensure_ascii=False)
_PLACE = re.compile(r"%\((\w+)\)s")
_serial = count(1)  # never used twice: a name may outlive the failure of its first use
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


class Statement:
    """One statement with its values."""

    __slots__ = ("sql", "values")

    def __init__(self, sql: LiteralString, values: Values | None = None) -> None:
        self.sql = sql
        self.values = values or {}


def trip(statements: Sequence[Statement]) -> list[list[Line]]:
    """Send the statements together and wait once; answers the rows of each.

    The connection is free for Django's own statements afterwards.

    Raises:
        django.db.Error: of the first statement that failed; those behind it were not run.
    """
    connection = _connection()
    connection.ensure_connection()
    watchers = [one for one in connection.execute_wrappers if not isinstance(one, SlowStatements)]
    if watchers:
        for statement in statements:
            _show_to_watchers(connection, watchers, statement)
    began = time.perf_counter()
    with connection.wrap_database_errors:
        rows = _trip(connection.connection, statements)
    took_s = time.perf_counter() - began
    if took_s > settings.SLOW_STATEMENT_MS / 1000:
        note_slow("; ".join(statement.sql for statement in statements), took_s)
    return rows


def _connection() -> Any:
    """This thread's connection itself: Django's proxy looks it up anew for each attribute."""
    return connections[DEFAULT_DB_ALIAS]


def _show_to_watchers(connection: Any, watchers: list[Any], statement: Statement) -> None:
    """Let whoever watches Django's statements (tests do) see this one."""
    execute: Any = _nothing
    for watcher in reversed(watchers):
        execute = partial(watcher, execute)
    execute(statement.sql, statement.values, False, {"connection": connection, "cursor": None})


def _nothing(*_what: Any) -> None:
    return


def _trip(raw: psycopg.Connection[Any], statements: Sequence[Statement]) -> list[list[Line]]:
    pgconn = raw.pgconn
    if pgconn.status != 0:
        message = "the connection is closed"
        raise psycopg.OperationalError(message)
    names = _prepared.get(raw)
    if names is None:
        raw.pgconn.exec_(GENERIC)
        names = _prepared[raw] = {}
    fresh: list[str] = []
    packed = _packed(statements)  # may refuse a value
    pgconn.enter_pipeline_mode()
    try:
        expected = [_send(pgconn, one, names, fresh) for one in packed]
        pgconn.pipeline_sync()
        found, error = _receive(pgconn)
    finally:
        if pgconn.status == 0:
            pgconn.exit_pipeline_mode()
    if error is not None:
        for sql in fresh:  # a statement behind the failing one was not prepared
            names.pop(sql, None)
        raise error
    answers = iter(found)
    rows = []
    for is_prepared_now in expected:
        if is_prepared_now:
            next(answers)
        rows.append(_rows(next(answers)))
    return rows


class _Compiled(NamedTuple):
    """A statement's text as the server takes it, and the names of its places in their order."""

    text: bytes
    places: tuple[str, ...]
    names: frozenset[str]
    is_command: bool
    """BEGIN, COMMIT: not worth preparing."""


class _Packed(NamedTuple):
    """A statement as it travels."""

    sql: str
    compiled: _Compiled
    parameters: list[bytes | None]


def _packed(statements: Sequence[Statement]) -> list[_Packed]:
    """Write the values; statements that share theirs (a booking's do) share the written ones."""
    shared: Values | None = None
    known: dict[str, bytes | None] = {}
    found = []
    for statement in statements:
        if statement.values is not shared:
            shared, known = statement.values, {}
        compiled = _compiled(statement.sql)
        for name in compiled.names.difference(known):
            value = statement.values[name]
            if type(value) is int:  # most of them
                known[name] = b"%d" % value
            else:
                known[name] = _WRITERS.get(type(value), _written_text)(value)
        parameters = [known[name] for name in compiled.places]
        found.append(_Packed(statement.sql, compiled, parameters))
    return found


def _send(pgconn: PGconn, packed: _Packed, names: dict[str, bytes], fresh: list[str]) -> bool:
    """Queue a statement; True when it had to be prepared first."""
    if packed.compiled.is_command:
        pgconn.send_query_params(packed.compiled.text, None)
        return False
    name = names.get(packed.sql)
    is_new = name is None
    if name is None:
        name = names[packed.sql] = b"zg_%d" % next(_serial)
        fresh.append(packed.sql)
        pgconn.send_prepare(name, packed.compiled.text)
    pgconn.send_query_prepared(name, packed.parameters)
    return is_new


@lru_cache(maxsize=256)
def _compiled(sql: str) -> _Compiled:
    """``%(name)s`` as ``$1``, ``$2`` ...; each name once."""
    places: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${places.setdefault(found.group(1), len(places) + 1)}"

    text = _PLACE.sub(number, sql)
    is_command = not places and " " not in sql
    return _Compiled(text.encode(), tuple(places), frozenset(places), is_command)


def _receive(pgconn: PGconn) -> tuple[list[PGresult], psycopg.Error | None]:
    """Everything up to the end of the pipeline, and the first error.

    ``is_busy`` lets other threads go first, so it is asked no more often than it may wait.
    """
    poll = select.poll()
    found: list[PGresult] = []
    error: psycopg.Error | None = None
    while pgconn.flush():
        poll.register(pgconn.socket, select.POLLIN | select.POLLOUT)
        _wait(pgconn, poll)
    poll.register(pgconn.socket, select.POLLIN)
    while True:
        while pgconn.is_busy():
            _wait(pgconn, poll)
        result = pgconn.get_result()
        if result is None:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return found, error
        if result.status == ExecStatus.FATAL_ERROR and error is None:
            error = psycopg.errors.error_from_result(result, encoding="utf-8")
        found.append(result)
        pgconn.get_result()  # the end of the statement, which never waits


def _wait(pgconn: PGconn, poll: select.poll) -> None:
    if not poll.poll(WAIT_MS):
        message = "the database does not answer"
        raise psycopg.OperationalError(message)
    pgconn.consume_input()


def _rows(result: PGresult) -> list[Line]:
    columns = range(result.nfields)
    return [
        tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)
    ]


def written(value: Value) -> bytes | None:
    """A value as the database reads it.

    Raises:
        DataError: a text with a zero byte, which would be cut off there.
    """
    return _WRITERS.get(type(value), _written_text)(value)


def _written_text(value: object) -> bytes:
    text_ = str(value)
    if "\0" in text_:
        message = "a text must not contain a zero byte"
        raise DataError(message)
    return text_.encode()


def _written_list(values: list[Any]) -> bytes:
    return b"{" + b",".join(_written_part(value) for value in values) + b"}"


def _written_part(value: int | bytes | str) -> bytes:
    if isinstance(value, str):  # names of ours: without quotes or backslashes
        return b'"' + value.encode() + b'"'
    if isinstance(value, bytes):
        return b'"\\\\x' + value.hex().encode() + b'"'
    return b"%d" % value


_WRITERS: dict[type, Callable[[Any], bytes | None]] = {
    type(None): lambda _none: None,
    str: _written_text,
    bool: lambda value: b"t" if value else b"f",
    int: lambda value: b"%d" % value,
    bytes: lambda value: b"\\x" + value.hex().encode(),
    datetime: lambda value: value.isoformat().encode(),
    date: lambda value: value.isoformat().encode(),
    list: _written_list,
    dict: lambda value: _JSON.encode(value).encode(),
}


def text(field: bytes | None) -> str:
    """Read a text; NULL as empty."""
    return field.decode() if field is not None else ""


def number(field: bytes | None) -> int:
    """Read a whole number."""
    return int(field or b"0")


def number_or_none(field: bytes | None) -> int | None:
    """Read a whole number or NULL."""
    return int(field) if field is not None else None


def is_true(field: bytes | None) -> bool:
    """Read a boolean; NULL as false."""
    return field == b"t"


def moment(field: bytes | None) -> datetime | None:
    """Read a timestamp with time zone."""
    return datetime.fromisoformat(field.decode()) if field is not None else None


def moments(field: bytes | None) -> tuple[datetime, ...]:
    """Read an array of timestamps."""
    inside = text(field)[1:-1]
    return tuple(datetime.fromisoformat(part.strip('"')) for part in inside.split(",") if part)


def names(field: bytes | None) -> tuple[str, ...]:
    """Read an array of names of ours: without quotes, commas or backslashes."""
    inside = text(field)[1:-1]
    return tuple(inside.split(",")) if inside else ()


def raw_bytes(field: bytes | None) -> bytes:
    """Read a ``bytea``; NULL as empty."""
    return bytes.fromhex(field[2:].decode()) if field is not None else b""


def fetch_first(statement: Statement) -> Line | None:
    """Read the first row of one statement, as the first thing a hot door does."""
    (rows,) = ask_first([statement])
    return rows[0] if rows else None


def ask_first(statements: Sequence[Statement]) -> list[list[Line]]:
    """Read by several statements in one trip, as the first thing a hot door does.

    The connection may have died since the last request (a restart of the database): then a new
    one is taken and the reads repeated, which saves the question "are you there" before each.
    """
    connection = _connection()
    _begin_anew(connection)
    was_open = connection.connection is not None
    try:
        return trip(statements)
    except OperationalError:
        if not was_open or connection.in_atomic_block:
            raise
        connection.close()
        return trip(statements)


def _begin_anew(connection: Any) -> None:
    """What Django does between requests: give up a connection that failed or grew old."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
        connection.health_check_done = True


class HotTransaction:
    """A transaction whose BEGIN and COMMIT travel with its statements."""

    def __init__(self, *, is_own: bool) -> None:
        self._is_own = is_own
        self.is_over = False

    def first(self, statements: Sequence[Statement]) -> list[list[Line]]:
        """The first trip; begins the transaction."""
        if not self._is_own:
            return trip(statements)
        return trip([Statement(BEGIN), *statements])[1:]

    def last(self, statements: Sequence[Statement]) -> None:
        """The last trip; commits."""
        if not self._is_own:
            trip(statements)
            return
        trip([*statements, Statement(COMMIT)])
        self.is_over = True


@contextmanager
def hot_transaction() -> Iterator[HotTransaction]:
    """Open a transaction; what raises inside is rolled back. In another one: a savepoint.

    Between ``first`` and ``last``, or instead of ``last``, Django's own statements may run.
    """
    connection = _connection()
    _begin_anew(connection)
    connection.ensure_connection()
    if connection.in_atomic_block:
        with transaction.atomic():
            yield HotTransaction(is_own=False)
        return
    own = HotTransaction(is_own=True)
    is_broken = False
    _pretend(connection, is_inside=True)
    try:
        with connection.wrap_database_errors:
            yield own
            if not own.is_over:
                connection.connection.execute(COMMIT)
    except BaseException:
        connection.run_on_commit = []
        is_broken = not _roll_back(connection.connection)
        raise
    finally:
        _pretend(connection, is_inside=False)
        if is_broken:
            connection.close()
    connection.run_and_clear_commit_hooks()


def _pretend(connection: Any, *, is_inside: bool) -> None:
    """Tell Django of the transaction, so that its own blocks inside become savepoints."""
    connection.in_atomic_block = is_inside
    connection.autocommit = not is_inside
    connection.needs_rollback = False


def _roll_back(raw: psycopg.Connection[Any]) -> bool:
    """End the transaction without its effects; False when the connection is of no use now."""
    if raw.closed:
        return False
    if raw.info.transaction_status == TransactionStatus.IDLE:
        return True
    try:
        raw.execute("ROLLBACK")
    except psycopg.Error:
        return False
    return True
