"""Many senders, one purse: the last segment is spent once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.races.racing import outcomes, race
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_operator
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.core import tenancy
from zhanggui.ledger import checks
from zhanggui.ledger.models import Account
from zhanggui.messaging import stock, wallet
from zhanggui.messaging.models import Grant, Purse
from zhanggui.messaging.tests.factories import fill_purse


@pytest.fixture
def tea(race_db: str) -> Iterator[Merchant]:
    """A merchant in a database of its own; its scope is open."""
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def test_eight_senders_share_ten_segments(tea: Merchant) -> None:
    fill_purse(tea, 10)
    senders = [
        lambda n=n: wallet.reserve(
            merchant=tea, purse=Purse.SERVICE, segments=3, cause=f"message:{n}"
        )
        for n in range(8)
    ]
    assert outcomes(race(tea.pk, senders)) == {"ok": 3, "E_SMS_CREDIT": 5}
    assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (1, 9)
    assert checks.findings() == []


def test_an_order_paid_twice_fills_once(tea: Merchant) -> None:
    give = [lambda: wallet.grant(merchant=tea, segments=9, cause="order:1", actor=ACTOR)] * 6
    assert outcomes(race(tea.pk, give)) == {"ok": 6}
    assert Grant.objects.count() == 1
    assert wallet.balance(Purse.SERVICE) == 9
    assert checks.findings() == []


def test_a_batch_is_settled_once(tea: Merchant) -> None:
    fill_purse(tea, 10)
    wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=4, cause="message:1")
    settle = [
        lambda: wallet.settle(merchant=tea, purse=Purse.SERVICE, used=4, freed=0, cause="batch:one")
    ] * 4
    assert outcomes(race(tea.pk, settle))["ok"] == 1
    assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (6, 0)
    assert checks.findings() == []


def test_two_colleagues_give_the_same_stock_once(tea: Merchant) -> None:
    operator = make_operator()
    stock.fill(operator=operator, segments=10, reason="首批", actor=ACTOR)
    give = [
        lambda: stock.give(
            operator=operator,
            merchant=tea,
            purse=Purse.SERVICE,
            segments=6,
            reason="支持",
            actor=ACTOR,
        )
    ] * 4
    assert outcomes(race(tea.pk, give)) == {"ok": 1, "E_SMS_STOCK": 3}
    assert (stock.left(operator), wallet.balance(Purse.SERVICE)) == (4, 6)


def test_without_the_condition_both_would_spend(tea: Merchant) -> None:
    """The control: looked up first, the same segment is found free twice."""
    fill_purse(tea, 1)
    barrier = threading.Barrier(2)

    def look_then_spend() -> bool:
        found = Account.objects.get(code=wallet.code_of(Purse.SERVICE)).balance
        barrier.wait(timeout=30)
        return found >= 1

    assert race(tea.pk, [look_then_spend] * 2) == [True, True]
