"""Start several threads at the same moment, each with its own connection and clock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError


def race(merchant_id: int, runners: Sequence[Callable[[], Any]]) -> list[Any]:
    """Let all run at once in the merchant's scope.

    Returns:
        What each answered: its value, or the exception it raised.
    """
    barrier = threading.Barrier(len(runners))

    def run(runner: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            with tenancy.merchant_scope(merchant_id):
                return runner()
        except Exception as error:  # noqa: BLE001  the race hands every outcome back
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(run, runners))


def outcomes(answers: Sequence[Any]) -> Counter[str]:
    """Count the outcomes: ``ok``, refusal codes, or names of other exceptions."""

    def name(answer: Any) -> str:
        if isinstance(answer, DomainError):
            return answer.code
        return type(answer).__name__ if isinstance(answer, Exception) else "ok"

    return Counter(name(answer) for answer in answers)
