"""Running the same thing at the same moment, for race tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections


def together[Result](
    work: Callable[[int], Result], *, times: int = 2
) -> list[Result | BaseException]:
    """Run ``work(0) .. work(times - 1)`` in threads that start as one.

    Returns:
        Results in the order of the numbers; an exception stands where it was raised.
    """
    start = Barrier(times)

    def run(number: int) -> Result | BaseException:
        try:
            start.wait()
            return work(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
