"""A demo in test mode, small and without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from demo import fill, sandbox
from demo.tests.fake_sandbox import FakeSandbox
from zhanggui.channels.wechat import client
from zhanggui.core import clock

NOON = datetime(2026, 5, 20, 4, 0, tzinfo=UTC)
SMALL = fill.Size(people=30, days=6, workers=1)

Fill = Callable[..., fill.Filled]


@pytest.fixture
def demo(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demo mode with a folder of its own; people's passwords are hashed quickly."""
    settings.IS_DEMO = True
    settings.ENV = settings.ENV.model_copy(update={"var": tmp_path})
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ROOT_URLCONF = "demo.tests.urls"


@pytest.fixture
def world() -> Iterator[FakeSandbox]:
    """The sandbox, for demo and product alike."""
    fake = FakeSandbox()
    with sandbox.using(fake.transport), client.using(fake.transport):
        yield fake


@pytest.fixture
def filled(demo: None, world: FakeSandbox, race_db: str) -> Fill:
    """Fill the demo as of a moment; ``filled()`` is noon of the first day."""

    def run(moment: datetime = NOON, size: fill.Size = SMALL) -> fill.Filled:
        with clock.at(moment):
            return fill.fill(size, lambda _line: None)

    return run
