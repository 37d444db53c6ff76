"""Lanes: few at once, first come first served, and each gets what is his."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from zhanggui.core.lanes import Lanes

PATIENCE_S = 20


def test_each_gets_his_own_answer_and_no_more_work_at_once_than_there_are_lanes() -> None:
    lanes, lock = Lanes(3), threading.Lock()
    working: list[int] = []
    most: list[int] = []

    def square(number: int) -> int:
        with lock:
            working.append(number)
            most.append(len(working))
        time.sleep(0.002)
        with lock:
            working.remove(number)
        return number * number

    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda number: lanes(lambda: square(number)), range(200)))

    assert answers == [number * number for number in range(200)]
    assert max(most) == 3


def test_who_came_first_is_served_first() -> None:
    lanes, gate = Lanes(1), threading.Event()
    served: list[int] = []

    def serve(number: int) -> bool:
        lanes(lambda: served.append(number))
        return True

    with ThreadPoolExecutor(9) as callers:
        waiting = [callers.submit(lambda: lanes(lambda: gate.wait(PATIENCE_S)))]
        for number in range(8):
            waiting.append(callers.submit(serve, number))
            until = time.monotonic() + PATIENCE_S
            while lanes.waiting < number + 1:
                assert time.monotonic() < until
                time.sleep(0.001)
        gate.set()
        for one in waiting:
            one.result(PATIENCE_S)

    assert served == list(range(8))


def test_an_error_rises_where_it_is_waited_for_and_the_lane_goes_on() -> None:
    lanes = Lanes(1)

    with pytest.raises(ZeroDivisionError):
        lanes(lambda: 1 / 0)
    with pytest.raises(SystemExit):
        lanes(exit_now)

    assert lanes(lambda: "next") == "next"


def exit_now() -> None:
    """As a library might."""
    raise SystemExit(3)


def test_work_is_done_in_threads_of_the_lanes() -> None:
    name = Lanes(2)(lambda: threading.current_thread().name)

    assert name.startswith("lane-")
