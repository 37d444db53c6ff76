"""What is counted for the operation: requests by route, their time, slow statements.

Several web processes share one folder (``PROMETHEUS_MULTIPROC_DIR``, set by the launcher), so that
whichever of them answers ``/metrics`` speaks for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

log = structlog.get_logger("zhanggui.database")

REQUESTS = Counter("zhanggui_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "zhanggui_request_seconds",
    "Time from the first middleware to the answer.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
SLOW = Counter("zhanggui_slow_statements", "Database statements slower than the setting.")


@lru_cache(maxsize=2048)
def _lines_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(route)


def request_answered(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; ``route`` is the pattern, never the path with its tokens."""
    many, took = _lines_of(method, route, status)
    many.inc()
    took.observe(seconds)


class SlowStatements:
    """Logs statements that take longer than a limit: the text with its places, never the values."""

    def __init__(self, limit_ms: int) -> None:
        self.limit_s = limit_ms / 1000

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run a statement (the form of Django's ``execute_wrapper``)."""
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took_s = time.perf_counter() - started
            if took_s > self.limit_s:
                note_slow(sql, took_s)


def note_slow(sql: str, took_s: float) -> None:
    """Count and log a statement, or several that travelled together."""
    SLOW.inc()
    log.warning("slow statement", took_ms=round(took_s * 1000, 1), sql=sql[:2000])
