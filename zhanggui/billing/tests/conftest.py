"""A merchant with a plan, and its open scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from zhanggui.accounts.models import Merchant
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.core import tenancy


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Calls to WeChat Pay are repeated at once."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant with 基础版 for 100 days; its scope is open."""
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant
