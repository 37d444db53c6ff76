"""What journeys share: one small shop in one running product."""

from __future__ import annotations

import pytest

from tests.journeys.world import Shop, open_shop
from tests.plugins.product import LiveProduct


@pytest.fixture(scope="session")
def shop(live_product: LiveProduct) -> Shop:
    """The shop; made once, so journeys use people of their own."""
    return open_shop(live_product)
