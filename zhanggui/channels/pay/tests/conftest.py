"""Nothing waits in tests; a merchant with its pay account and its open scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import stamina

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.channels.pay import hooks
from zhanggui.channels.pay.models import PayAccount, Payment, Refund
from zhanggui.channels.pay.tests.factories import make_pay_account
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant whose scope is open."""
    merchant = make_merchant("tea", name="茶舍")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture
def account(tea: Merchant) -> PayAccount:
    """Its account, in public-key mode."""
    return make_pay_account(tea)


@dataclass
class Told:
    """What a purpose was told, and what it answers."""

    paid: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    refunded: list[int] = field(default_factory=list)
    refusal: DomainError | None = None

    def on_paid(self, payment: Payment) -> None:
        """Note a payment, or refuse it."""
        if self.refusal is not None:
            raise self.refusal
        self.paid.append(payment.number)

    def on_closed(self, payment: Payment) -> None:
        """Note a closed payment."""
        self.closed.append(payment.number)

    def on_refunded(self, refund: Refund) -> None:
        """Note money that went back."""
        self.refunded.append(refund.amount_fen)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The purpose ``test.thing``, which keeps what it is told."""
    found = Told()
    purpose = hooks.Purpose("test.thing", "试验", found.on_paid, found.on_closed, found.on_refunded)
    monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
    return found
