"""The databases tests get."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

COUNT = "SELECT count(*) FROM django_migrations WHERE app = 'a test'"
INSERT = "INSERT INTO django_migrations (app, name, applied) VALUES ('a test', 'x', now())"


def count() -> int:
    """How many rows the tests below have left."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT)
        (found,) = cursor.fetchone() or (0,)
    return int(found)


def insert() -> None:
    """Leave one."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT)


class TestOrdinaryTests:
    @pytest.mark.django_db
    @pytest.mark.parametrize("time", ["first", "second"])
    def test_are_rolled_back(self, time: str) -> None:
        assert count() == 0
        insert()
        assert count() == 1


class TestRaceTests:
    @pytest.mark.parametrize("time", ["first", "second"])
    def test_start_fresh_and_commit_for_all_threads(self, time: str, race_db: str) -> None:
        def work() -> None:
            insert()
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert count() == 4
        assert race_db.startswith("postgresql://zhanggui:")
