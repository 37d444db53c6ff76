"""Fixtures of stamps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.worlds import Worlds
from zhanggui.stamps import rewards
from zhanggui.stamps.tests.factories import FakeCoupons, Shop, closed_shop, reopened


@pytest.fixture
def shop(db: None, worlds: Worlds) -> Iterator[Shop]:
    """A shop whose scope is open during the test."""
    made = reopened(worlds.of(closed_shop))
    with made.scope:
        yield made


@pytest.fixture
def coupons() -> Iterator[FakeCoupons]:
    """Coupons that a test can have used."""
    fake, before = FakeCoupons(), list(rewards._givers)
    rewards.use(fake)
    yield fake
    rewards.use(before[0] if before else None)
