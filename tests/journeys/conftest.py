"""What journeys share: one small shop in one running product, and its people's windows.

A journey names its people in ``PEOPLE``: the owner by the number to sign in with, manager and
customer by their phone in the sandbox. One with a shop of its own has a fixture ``shop``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys.people import WIDE, Phone, phone_of, sign_in, window
from tests.journeys.world import OWNER_PHONE, Shop, open_shop
from tests.plugins.product import LiveProduct


@pytest.fixture(scope="session")
def shop(live_product: LiveProduct) -> Shop:
    """The shop; made once, so journeys use people of their own."""
    return open_shop(live_product)


@pytest.fixture
def office(request: pytest.FixtureRequest, browser: Browser, shop: Shop) -> Iterator[Page]:
    """The owner's browser, signed in."""
    with window(browser, WIDE) as page:
        sign_in(page, shop, request.module.PEOPLE.get("owner", OWNER_PHONE))
        yield page


@pytest.fixture
def manager(request: pytest.FixtureRequest, browser: Browser, shop: Shop) -> Iterator[Phone]:
    """The phone of a store's manager."""
    with phone_of(browser, shop, request.module.PEOPLE["manager"]) as phone:
        yield phone


@pytest.fixture
def customer(request: pytest.FixtureRequest, browser: Browser, shop: Shop) -> Iterator[Phone]:
    """The phone of a customer."""
    with phone_of(browser, shop, request.module.PEOPLE["customer"]) as phone:
        yield phone
