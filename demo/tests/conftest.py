"""A demo in test mode, small and without a network; filled once for all tests."""

from __future__ import annotations

import copy
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from demo import fill, sandbox
from demo.days import Outcome
from demo.tests.fake_sandbox import FakeSandbox
from tests.plugins.database import DatabaseServer
from zhanggui.channels.pay import client as pay_client
from zhanggui.channels.wechat import client
from zhanggui.core import clock

NOON = datetime(2026, 5, 5, 4, 0, tzinfo=UTC)  # the days before it have cancels, too
SMALL = fill.Size(people=24, days=6, workers=1)

Fill = Callable[..., fill.Filled]


@contextmanager
def demo_mode(var: Path) -> Iterator[None]:
    """Demo mode with a folder of its own; people's passwords are hashed quickly."""
    with override_settings(
        IS_DEMO=True,
        ENV=django_settings.ENV.model_copy(update={"var": var}),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="demo.tests.urls",
    ):
        yield


@contextmanager
def playing(world: FakeSandbox) -> Iterator[None]:
    """Let demo and product alike reach this sandbox."""
    transport = world.transport
    with sandbox.using(transport), client.using(transport), pay_client.using(transport):
        yield


def run_fill(moment: datetime = NOON, size: fill.Size = SMALL) -> fill.Filled:
    """Fill the demo as of a moment."""
    with clock.at(moment):
        return fill.fill(size, lambda _line: None)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[None]:
    """Demo mode without data."""
    with demo_mode(tmp_path):
        yield


@dataclass(frozen=True)
class Golden:
    """What the first fill left behind; never touched again, only copied."""

    database: str
    var: Path
    world: FakeSandbox
    outcome: fill.Filled


@pytest.fixture(scope="session")
def golden(
    database_server: DatabaseServer,
    test_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Golden]:
    """A small demo as of ``NOON``, made once."""
    name, var, world = f"{test_database}_demo", tmp_path_factory.mktemp("demo"), FakeSandbox()
    database_server.copy(name)
    database_server.use(name)
    with django_db_blocker.unblock(), demo_mode(var), playing(world):
        outcome = run_fill()
        connections.close_all()
    database_server.use(test_database)
    yield Golden(name, var, world, outcome)
    database_server.drop(name)


@dataclass(frozen=True)
class Filled:
    """A small demo of one's own."""

    world: FakeSandbox
    outcome: Outcome
    again: Fill


@pytest.fixture
def filled(
    golden: Golden,
    database_server: DatabaseServer,
    test_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
) -> Iterator[Filled]:
    """The small demo in a transaction that is rolled back; ``again`` fills once more."""
    database_server.use(golden.database)
    outermost = transaction.atomic()
    outermost._from_testcase = True  # type: ignore[attr-defined]  # inside, others may be durable
    with django_db_blocker.unblock(), _around(golden, tmp_path) as found:
        with outermost:
            yield found
            transaction.set_rollback(True)
        connections.close_all()
    database_server.use(test_database)


@pytest.fixture
def committed(
    golden: Golden,
    database_server: DatabaseServer,
    test_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
) -> Iterator[Filled]:
    """A copy of the small demo whose commits are real, for more than one process."""
    name = f"{test_database}_{secrets.token_hex(4)}"
    database_server.copy(name, golden.database)
    database_server.use(name)
    with django_db_blocker.unblock(), _around(golden, tmp_path) as found:
        yield found
        connections.close_all()
    database_server.use(test_database)
    database_server.drop(name)


@contextmanager
def _around(golden: Golden, var: Path) -> Iterator[Filled]:
    """The sandbox and the folder that belong to the small demo, for one test."""
    world = copy.deepcopy(golden.world)
    shutil.copytree(golden.var, var, dirs_exist_ok=True)
    with demo_mode(var), playing(world):
        yield Filled(world, golden.outcome.outcome, run_fill)
