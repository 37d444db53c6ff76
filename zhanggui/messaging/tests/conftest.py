"""A merchant with a plan, an official account, and its open scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from zhanggui.accounts.models import Merchant
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.core import tenancy
from zhanggui.messaging.tests.factories import register_probes


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Calls are not repeated, and the tests' own templates are known."""
    register_probes()
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant with a plan; its scope is open."""
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    """The merchant's own official account."""
    return make_account(merchant=tea)
