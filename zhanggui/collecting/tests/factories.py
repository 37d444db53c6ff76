"""Smallest valid rows of this module."""

from __future__ import annotations

from typing import Any

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import selectors as pay_selectors
from zhanggui.channels.pay.tests.factories import make_pay_account
from zhanggui.collecting import services
from zhanggui.collecting.models import PaymentRequest
from zhanggui.collecting.services import Asked
from zhanggui.core import tenancy


def make_request(
    merchant: Merchant, *, customer_id: int | None = None, **values: Any
) -> PaymentRequest:
    """A request for 88 yuan by one payer, three days long."""
    usual: dict[str, Any] = {"title": "包间定金", "amount_fen": 8_800, "days": 3}
    with tenancy.merchant_scope(merchant.pk):
        if pay_selectors.account_of(merchant) is None:
            make_pay_account(merchant)
        return services.create_request(
            merchant=merchant,
            asked=Asked(**(usual | values)),
            customer_id=customer_id,
            actor=ACTOR,
        )
