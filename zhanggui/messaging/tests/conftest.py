"""A merchant with a plan, and its open scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zhanggui.accounts.models import Merchant
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.core import tenancy


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant with a plan; its scope is open."""
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant
