"""How a run is shared out among xdist's workers.

Files whose tests share something dear, a browser and a running product or filled demo data, go to
one worker; any other file goes to whoever is free. The dear ones begin first and the tests over
the whole, where the long ones are, next: a run then ends with short ones.

xdist has groups of its own, which pytest 9.2 makes ineffective without a word (pytest-xdist#1386).
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER: dict[str, tuple[str, ...]] = {
    "journeys": ("tests/journeys/",),
    "windows": (
        "zhanggui/ui/tests/test_living",
        "wechat_sandbox/tests/test_browser",
        "tests/infrastructure/test_browser.py",
    ),
    "demo": ("demo/tests/test_codes.py", "demo/tests/test_fill.py", "demo/tests/test_start.py"),
    "backup": ("tests/infrastructure/test_backup.py",),
    "source": ("tests/architecture/test_source.py", "tests/architecture/test_audit_texts.py"),
}
"""Groups and the beginnings of their files' names, in the order in which they begin."""
DEAR = {"live_product": {"journeys"}, "playwright": {"journeys", "windows"}, "golden": {"demo"}}
"""Fixtures that cost seconds, and the groups that have them."""
EARLY = "tests/"
ALONE = ("tests/architecture/", "tests/infrastructure/", "tests/races/")
"""Long tests that share nothing: each goes to whoever is free."""


def group_of(nodeid: str) -> str:
    """The group of a test's file, else empty."""
    return next((name for name, files in TOGETHER.items() if nodeid.startswith(files)), "")


def part_of(nodeid: str) -> str:
    """What goes to one worker as a whole: a group, a file, or a single test."""
    if nodeid.startswith(ALONE):
        return group_of(nodeid) or nodeid
    return group_of(nodeid) or nodeid.partition("::")[0]


def rank_of(nodeid: str) -> int:
    """Smaller begins earlier."""
    group = group_of(nodeid)
    if group:
        return list(TOGETHER).index(group)
    return len(TOGETHER) + (0 if nodeid.startswith(EARLY) else 1)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # xdist says nothing of types
    """Hands out whole parts, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Share out our way; called where the workers are started."""
    config.option.loadscopereorder = False
    return Sharing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the tests into the order of their parts; what is equal stays in its random order."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        wanted = next((DEAR[name] for name in DEAR if name in fixtures), None)
        if wanted and group_of(item.nodeid) not in wanted:
            message = f"{item.nodeid}: its file belongs to {wanted} in {__name__}.TOGETHER"
            raise pytest.UsageError(message)
    if hasattr(config, "workerinput"):
        sizes: dict[str, int] = {}
        for item in items:
            sizes[part_of(item.nodeid)] = sizes.get(part_of(item.nodeid), 0) + 1
        items.sort(key=lambda item: (rank_of(item.nodeid), -sizes[part_of(item.nodeid)]))
