"""A shop in a database of its own, where commits are real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zhanggui.stamps.tests.factories import Shop, make_shop


@pytest.fixture
def shop(race_db: str) -> Iterator[Shop]:
    """A shop whose scope is open in the test's own thread."""
    made = make_shop(max_per_code=3)
    with made.scope:
        yield made
