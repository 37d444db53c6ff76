"""Fixtures of coupons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zhanggui.coupons.tests.factories import Shop, make_shop


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    """A shop whose scope is open during the test."""
    made = make_shop()
    with made.scope:
        yield made
