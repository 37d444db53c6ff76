"""Two notifications, a notification against expiry, two refunds at once: money moves once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.races.racing import outcomes, race
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.pay import answers, hooks
from zhanggui.channels.pay.models import Payment, PayNotification, Refund, TradeNumber
from zhanggui.channels.pay.services import notifications, payments, refunds, settling
from zhanggui.channels.pay.tests.factories import (
    QUERY,
    fake_pay,
    make_pay_account,
    make_payment,
    transaction_of,
)
from zhanggui.core import tenancy


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the purpose of the payments was told."""
    found: list[str] = []
    purpose = hooks.Purpose(
        "test.thing",
        "试验",
        on_paid=lambda _payment: found.append("paid"),
        on_closed=lambda _payment: found.append("closed"),
    )
    monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
    return found


@pytest.fixture
def tea(race_db: str, told: list[str]) -> Iterator[Merchant]:
    """A merchant in a database of its own; its scope is open."""
    merchant = make_merchant()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def arriving(payment: Payment, **changes: Any) -> Callable[[], Any]:
    found = answers.trade(transaction_of(payment, **changes))
    return lambda: settling.settle(account=payment.account, found=found)


@pytest.mark.spec("platform P31")
def test_two_notifications_at_once_book_once(tea: Merchant, told: list[str]) -> None:
    payment = make_payment(tea)

    answers_ = race(tea.pk, [arriving(payment)] * 4)

    assert sorted(answers_) == ["done", "known", "known", "known"]
    assert told == ["paid"]
    assert Payment.objects.get().state == "paid"


def test_the_same_notification_is_stored_once(tea: Merchant) -> None:
    account = make_pay_account(tea)
    keep: Callable[[], Any] = lambda: notifications.keep(  # noqa: E731
        account=account, platform_id="n-1", event_type="TRANSACTION.SUCCESS", body="{}"
    )
    assert sorted(race(tea.pk, [keep] * 4)) == [False, False, False, True]
    assert PayNotification.objects.get().times == 4


@pytest.mark.parametrize("round_", range(3))
def test_paid_or_closed_but_not_both(tea: Merchant, told: list[str], round_: int) -> None:
    payment = make_payment(tea)
    payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
    close: Callable[[], Any] = lambda: settling.close_at_wechat(  # noqa: E731
        merchant_id=tea.pk, payment_id=payment.pk
    )

    with fake_pay({QUERY: transaction_of(payment, trade_state="NOTPAY")}):
        race(tea.pk, [arriving(payment), close] * 2)

    found = Payment.objects.get()
    assert told in (["paid"], ["closed"])
    if told == ["paid"]:
        assert (found.state, Refund.objects.count()) == ("paid", 0)
    else:  # the money came for a closed payment and goes back
        assert (found.state, Refund.objects.get().amount_fen) == ("refunding", found.amount_fen)


def test_two_refunds_never_exceed_what_was_paid(tea: Merchant) -> None:
    payment = make_payment(tea)
    arriving(payment)()
    give: Callable[[], Any] = lambda: refunds.refund(  # noqa: E731
        payment_id=payment.pk, amount_fen=4_000, reason="退", actor=ACTOR
    )

    assert outcomes(race(tea.pk, [give] * 4)) == {"ok": 2, "E_REFUND_TOO_MUCH": 2}

    assert Payment.objects.get().refund_fen == 8_000
    assert TradeNumber.objects.filter(kind="refund").count() == 2


def test_without_the_lock_both_would_book(tea: Merchant, told: list[str]) -> None:
    """The control: looking at the state without locking the row lets the second one through."""
    payment = make_payment(tea)
    barrier = threading.Barrier(2)

    def look_then_book() -> None:
        found = Payment.objects.get(pk=payment.pk)
        barrier.wait(timeout=30)
        if found.state == "prepaid":
            Payment.objects.filter(pk=found.pk).update(state="paid")
            told.append("paid")

    race(tea.pk, [look_then_book] * 2)

    assert told == ["paid", "paid"]
