"""Hot transactions: committed, rolled back, broken in the middle, and usable afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from zhanggui.core import clock
from zhanggui.core.db.pipeline import Statement, fetch_first, hot_transaction, trip
from zhanggui.core.models import LimitCounter

INSERT = """
INSERT INTO core_limitcounter (kind, subject, window_starts_at, count)
VALUES ('test', %(subject)s, now(), 0)
"""


def insert(subject: str) -> Statement:
    """Leave a row."""
    return Statement(INSERT, {"subject": subject})


def rows() -> list[str]:
    """What is left."""
    return sorted(LimitCounter.objects.values_list("subject", flat=True))


def ask_pid() -> int:
    """The server's process behind this connection."""
    row = fetch_first(Statement("SELECT pg_backend_pid()"))
    assert row is not None
    return int(row[0] or b"0")


def insert_and_fail(subject: str, hook: Callable[[], None] = lambda: None) -> None:
    """Begin well, then raise."""
    with hot_transaction() as hot:
        hot.first([insert(subject)])
        transaction.on_commit(hook)
        raise KeyError


def insert_twice(subject: str) -> None:
    """Run into a constraint with the last trip."""
    with hot_transaction() as hot:
        hot.first([Statement("SELECT 1 + 1")])
        hot.last([insert(subject), insert(subject)])


@pytest.mark.usefixtures("race_db")
class TestHotTransaction:
    def test_commits_with_its_last_trip(self) -> None:
        with hot_transaction() as hot:
            hot.first([insert("a")])
            hot.last([insert("b")])

        assert rows() == ["a", "b"]
        assert connection.get_autocommit()
        assert not connection.in_atomic_block

    def test_commits_without_a_last_trip(self) -> None:
        with hot_transaction() as hot:
            hot.first([insert("a")])
            LimitCounter.objects.create(kind="test", subject="b", window_starts_at=clock.now())

        assert rows() == ["a", "b"]

    def test_an_exception_takes_everything_back(self) -> None:
        with pytest.raises(KeyError):
            insert_and_fail("a")

        assert rows() == []

    def test_djangos_blocks_inside_are_savepoints(self) -> None:
        with hot_transaction() as hot:
            hot.first([insert("a")])
            with pytest.raises(IntegrityError), transaction.atomic():
                trip([insert("a")])
            hot.last([insert("b")])

        assert rows() == ["a", "b"]

    @pytest.mark.parametrize("round_", [1, 2, 3])
    def test_a_constraint_in_the_last_trip(self, round_: int) -> None:
        for _ in range(round_):  # a failed first use must not spoil the statement's name
            with pytest.raises(IntegrityError):
                insert_twice("a")
        with hot_transaction() as hot:
            hot.first([insert("a")])
            hot.last([insert("b")])

        assert rows() == ["a", "b"]

    def test_a_lost_connection_is_replaced(self) -> None:
        pid = ask_pid()
        with pytest.raises(OperationalError), hot_transaction() as hot:
            hot.first([Statement("SELECT pg_terminate_backend(pg_backend_pid())")])
        assert ask_pid() != pid
        with hot_transaction() as hot:
            hot.first([insert("a")])
            hot.last([])

        assert rows() == ["a"]

    def test_hooks_run_after_the_commit_and_never_after_a_rollback(self) -> None:
        ran: list[str] = []
        with hot_transaction() as hot:
            hot.first([insert("a")])
            transaction.on_commit(lambda: ran.append("kept"))
            assert ran == []
        with pytest.raises(KeyError):
            insert_and_fail("b", lambda: ran.append("lost"))

        assert ran == ["kept"]


@pytest.mark.usefixtures("race_db")
class TestTrip:
    def test_answers_the_rows_of_each(self) -> None:
        first, second = trip(
            [
                Statement("SELECT %(a)s::int + 1", {"a": 41}),
                Statement("SELECT x FROM unnest(%(all)s::bigint[]) x", {"all": [1, 2]}),
            ]
        )

        assert first == [(b"42",)]
        assert second == [(b"1",), (b"2",)]

    def test_a_text_with_a_zero_byte_is_refused(self) -> None:
        with pytest.raises(DataError):
            trip([Statement("SELECT %(a)s::text", {"a": "a\0b"})])
        assert trip([Statement("SELECT %(a)s::text", {"a": "ab"})]) == [[(b"ab",)]]

    def test_a_wrong_statement_names_its_error(self) -> None:
        with pytest.raises(DataError):
            trip([Statement("SELECT %(a)s::int", {"a": "x"})])
        assert trip([Statement("SELECT 1 + 1")]) == [[(b"2",)]]
