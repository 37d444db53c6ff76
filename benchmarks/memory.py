"""How much memory the whole demo takes: web, worker, sandbox, PostgreSQL, launcher."""

from __future__ import annotations

from benchmarks import demos
from benchmarks.results import Result

AT_MOST_MB = 700


def measure(*, is_quick: bool) -> list[Result]:
    """Start a demo of its own, open a few pages, add up what its processes hold."""
    del is_quick  # it is quick enough
    with demos.running() as demo:
        for path in ("/login", "/", "/healthz") * 5:
            demos.is_open(f"http://127.0.0.1:{demo.port}{path}")
        megabytes = sum(map(demos.proportional_mb, demo.processes()))
    return [
        Result(
            "demo.memory", megabytes, "MB", megabytes / AT_MOST_MB, f"the {AT_MOST_MB} MB allowed"
        )
    ]
