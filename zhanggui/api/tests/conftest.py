"""Fixtures of the API."""

from __future__ import annotations

import pytest

from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.tests.factories import make_merchant, make_store
from zhanggui.api.tests.factories import Caller, make_caller


@pytest.fixture
def merchant(db: None) -> Merchant:
    """A merchant at work."""
    return make_merchant()


@pytest.fixture
def store(merchant: Merchant) -> Store:
    """Its store."""
    return make_store(merchant, "人民路店")


@pytest.fixture
def till(merchant: Merchant, store: Store) -> Caller:
    """A till that may do everything."""
    return make_caller(merchant, name="一号收银机")
