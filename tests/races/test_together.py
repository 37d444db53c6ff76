"""Threads that share one trip to the database: fewer commits, nothing lost, nobody else's fault."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DataError, OperationalError, connection, connections, transaction

from zhanggui.core import clock
from zhanggui.core.db.together import Together
from zhanggui.core.models import LimitCounter

THREADS = 12


class Desk:
    """Writes names down; the first load waits until everybody else stands in the queue."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.all_wait = threading.Event()
        self.together = Together(self.write, most=8)

    def write(self, names: Sequence[str]) -> list[str]:
        self.loads.append(list(names))
        if len(self.loads) == 1:
            self.all_wait.wait(timeout=10)
        with transaction.atomic():
            for name in names:
                if name == "wrong":
                    raise DataError(name)
                if name == "broken":
                    raise OperationalError(name)
                LimitCounter.objects.create(kind="test", subject=name, window_starts_at=clock.now())
        return [name.upper() for name in names]

    def everybody(self, names: Sequence[str]) -> list[str | Exception]:
        """Let one thread for each name come, the first a little earlier."""

        def come(name: str) -> str | Exception:
            try:
                return self.together(name)
            except Exception as error:  # noqa: BLE001  every outcome is looked at
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(names)) as pool:
            first = pool.submit(come, names[0])
            while not self.loads:
                threading.Event().wait(0.001)
            others = [pool.submit(come, name) for name in names[1:]]
            while len(self.together._waiting) < len(others):
                threading.Event().wait(0.001)
            self.all_wait.set()
            return [one.result() for one in (first, *others)]


def kept() -> set[str]:
    return set(LimitCounter.objects.values_list("subject", flat=True))


@pytest.mark.usefixtures("race_db")
class TestTogether:
    def test_who_waits_goes_with_the_next_load(self) -> None:
        desk = Desk()
        names = [f"n{number}" for number in range(THREADS)]
        assert desk.everybody(names) == [name.upper() for name in names]
        assert [len(load) for load in desk.loads] == [1, 8, 3]
        assert kept() == set(names)

    def test_a_wrong_item_hurts_nobody_else(self) -> None:
        desk = Desk()
        answers = desk.everybody(["a", "b", "wrong", "c"])
        assert [str(answer) for answer in answers] == ["A", "B", "wrong", "C"]
        assert isinstance(answers[2], DataError)
        assert kept() == {"a", "b", "c"}

    def test_a_lost_database_is_told_to_everybody_and_the_next_may_try(self) -> None:
        desk = Desk()
        answers = desk.everybody(["a", "b", "broken", "c"])
        assert [type(answer) for answer in answers[1:]] == [OperationalError] * 3
        assert kept() == {"a"}
        assert desk.together("d") == "D"

    def test_inside_a_transaction_everybody_is_alone(self) -> None:
        desk = Desk()
        desk.all_wait.set()
        with transaction.atomic():
            assert desk.together("a") == "A"
            assert connection.in_atomic_block
            transaction.set_rollback(True)
        assert desk.together("b") == "B"
        assert kept() == {"b"}
