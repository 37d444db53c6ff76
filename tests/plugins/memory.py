"""What processes keep in memory: for a moment, which tests see at once, and for ever."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Tests and modules stay until the end: the collector need not look at them each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Read the keys of pushes anew for each of them: rows change from test to test."""
    from zhanggui.channels.wechat import receivers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receivers, "KNOWN_FOR_S", 0.0)
        yield
