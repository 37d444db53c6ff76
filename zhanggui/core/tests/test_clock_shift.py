"""The clock that the demo's owner moves for all processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from zhanggui.core import clock


@pytest.fixture
def demo(settings: Any, tmp_path: Path) -> Path:
    """An installation whose clock may be moved."""
    settings.CLOCK_FILE = tmp_path / "demo-clock"
    return tmp_path / "demo-clock"


def test_moves_now_for_everybody_who_sees_the_file_and_back(demo: Path) -> None:
    clock.move(timedelta(days=16))
    ahead = clock.now() - datetime.now(UTC)
    assert timedelta(days=16) - timedelta(seconds=5) < ahead <= timedelta(days=16)
    clock.move(timedelta(days=17))
    assert clock.shift() == timedelta(days=17)
    clock.move(clock.NOT_MOVED)
    assert clock.shift() == clock.NOT_MOVED
    assert not demo.exists()


def test_a_moment_that_was_named_is_not_shifted(demo: Path) -> None:
    clock.move(timedelta(days=1))
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with clock.at(moment):
        assert clock.now() == moment


@pytest.mark.parametrize("is_production", [True, False])
def test_only_a_demo_can_be_moved(settings: Any, is_production: bool) -> None:
    settings.IS_PRODUCTION, settings.CLOCK_FILE = is_production, None
    with pytest.raises(RuntimeError):
        clock.move(timedelta(days=1))
    assert clock.shift() == clock.NOT_MOVED


def test_production_never_moves_even_with_a_file(demo: Path, settings: Any) -> None:
    settings.IS_PRODUCTION = True
    with pytest.raises(RuntimeError):
        clock.move(timedelta(days=1))
    assert not demo.exists()
