"""Fixtures of stamps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from tests.plugins.worlds import Worlds
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import make_staff
from zhanggui.stamps import rewards
from zhanggui.stamps.tests.factories import FakeCoupons, Shop, closed_shop, reopened
from zhanggui.stamps.tests.offices import Office


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


@pytest.fixture
def office(client: Client, shop: Shop) -> Office:
    """The owner at the shop's back office."""
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return Office(client, shop)
