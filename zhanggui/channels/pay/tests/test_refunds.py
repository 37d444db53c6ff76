"""Money that goes back: never more than what came, never twice, never lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import answers, hooks
from zhanggui.channels.pay.errors import (
    PaymentMoved,
    PayRefused,
    PayUnreachable,
    ReasonMissing,
    RefundElsewhere,
    RefundTooLate,
    RefundTooMuch,
)
from zhanggui.channels.pay.models import Payment, Refund, TradeNumber
from zhanggui.channels.pay.services import refunds, settling
from zhanggui.channels.pay.tests.conftest import Told
from zhanggui.channels.pay.tests.factories import (
    QUERY_REFUND,
    REFUND,
    fake_pay,
    make_payment,
    refunded,
    refunding,
    refused,
    transaction_of,
)
from zhanggui.core import clock

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P31")]


@pytest.fixture
def payment(tea: Merchant, told: Told) -> Payment:
    """9,900 fen that arrived."""
    made = make_payment(tea)
    settling.settle(account=made.account, found=answers.trade(transaction_of(made)))
    return fresh(made)


def fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("account").get(pk=payment.pk)


def give_back(payment: Payment, fen: int = 100) -> Refund:
    return refunds.refund(payment_id=payment.pk, amount_fen=fen, reason="顾客要求", actor=ACTOR)


def carry_on(refund: Refund, others: Any) -> Refund:
    with fake_pay(others):
        refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
    return Refund.objects.get(pk=refund.pk)


def notice(refund: Refund, status: str = "SUCCESS") -> str:
    found = answers.refund(
        refunded(
            {
                "out_refund_no": refund.number,
                "out_trade_no": refund.payment.number,
                "amount": {"refund": refund.amount_fen},
            },
            status,
        )
    )
    return refunds.settle(account=refund.payment.account, answer=found)


class TestAsking:
    def test_a_part_and_the_rest(self, payment: Payment, told: Told) -> None:
        first = give_back(payment, 900)
        assert fresh(payment).state == "refunding"
        carry_on(first, {REFUND: refunding()})
        assert (fresh(payment).state, fresh(payment).refunded_fen) == ("paid", 900)
        carry_on(give_back(payment, 9_000), {REFUND: refunding()})
        assert (fresh(payment).state, fresh(payment).refunded_fen) == ("refunded", 9_900)
        assert told.refunded == [900, 9_000]
        assert TradeNumber.objects.filter(kind="refund", done_at__isnull=False).count() == 2

    @pytest.mark.parametrize("fen", [0, -1, 9_901])
    def test_more_than_there_is_is_refused(self, payment: Payment, fen: int) -> None:
        with pytest.raises(RefundTooMuch):
            give_back(payment, fen)
        assert not Refund.objects.exists()
        assert fresh(payment).refund_fen == 0

    def test_what_is_asked_for_already_counts(self, payment: Payment) -> None:
        give_back(payment, 9_000)
        with pytest.raises(RefundTooMuch, match=r"9\.00"):
            give_back(payment, 901)
        give_back(payment, 900)
        assert fresh(payment).refund_fen == 9_900

    def test_only_what_was_paid(self, tea: Merchant, told: Told) -> None:
        open_ = make_payment(tea)
        with pytest.raises(RefundTooLate):
            give_back(open_)

    def test_a_reason_is_needed(self, payment: Payment) -> None:
        with pytest.raises(ReasonMissing):
            refunds.refund(payment_id=payment.pk, amount_fen=1, reason=" ", actor=ACTOR)

    def test_after_a_year_it_is_too_late(self, payment: Payment) -> None:
        with clock.at(clock.now() + timedelta(days=366)), pytest.raises(RefundTooLate):
            give_back(payment)

    def test_what_belongs_to_an_order_goes_back_there(
        self, payment: Payment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        purpose = hooks.Purpose("test.thing", "试验", refunds_elsewhere=True)
        monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
        with pytest.raises(RefundElsewhere):
            give_back(payment)
        made = refunds.refund(
            payment_id=payment.pk, amount_fen=1, reason="退单", actor=ACTOR, is_owners=True
        )
        assert made.amount_fen == 1

    def test_is_in_the_log(self, payment: Payment) -> None:
        give_back(payment)
        entry = AuditEntry.objects.get(action="pay.refund.asked")
        assert entry.details["amount_fen"] == 100


class TestSending:
    def test_says_what_it_is(self, payment: Payment) -> None:
        refund = give_back(payment)
        with fake_pay({REFUND: refunding("PROCESSING")}) as fake:
            refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
        assert fake.body()["amount"] == {"refund": 100, "total": 9_900, "currency": "CNY"}
        assert fake.body()["notify_url"].endswith(f"/hooks/pay/{payment.account.token}/refund/")
        found = Refund.objects.get()
        assert (found.state, found.received_by) == ("processing", "招商银行信用卡0403")

    def test_a_lost_answer_is_asked_for_before_it_is_sent_again(self, payment: Payment) -> None:
        refund = give_back(payment)
        with pytest.raises(PayUnreachable):
            carry_on(refund, {REFUND: httpx2.ReadTimeout("x")})
        assert Refund.objects.get().state == "asked"
        missing = refused("RESOURCE_NOT_EXISTS", 404)
        with fake_pay({QUERY_REFUND: missing, REFUND: refunding()}) as fake:
            refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
        assert [name.partition(" ")[0] for name in fake.names()] == ["GET", "POST"]
        assert fake.body()["out_refund_no"] == refund.number
        assert Refund.objects.get().state == "done"

    def test_accepted_behind_a_500_it_is_not_sent_again(self, payment: Payment) -> None:
        refund = give_back(payment)
        with pytest.raises(PayUnreachable):
            carry_on(refund, {REFUND: refused("SYSTEM_ERROR", 500)})
        known = refunded(
            {
                "out_refund_no": refund.number,
                "out_trade_no": payment.number,
                "amount": {"refund": 100},
            }
        )
        with fake_pay({QUERY_REFUND: known}) as fake:
            refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
        assert len(fake.calls) == 1
        assert Refund.objects.get().state == "done"

    def test_a_question_that_is_refused_says_nothing(self, payment: Payment) -> None:
        refund = give_back(payment)
        carry_on(refund, {REFUND: refunding("PROCESSING")})
        with pytest.raises(PayRefused):
            carry_on(refund, {QUERY_REFUND: refused("SIGN_ERROR", 401)})
        assert Refund.objects.get().state == "processing"

    def test_too_little_money_frees_the_amount_and_can_be_tried_again(
        self, payment: Payment
    ) -> None:
        refund = give_back(payment)
        found = carry_on(refund, {REFUND: refused("NOT_ENOUGH", 403)})
        assert (found.state, found.error_code) == ("refused", "NOT_ENOUGH")
        troubled = fresh(payment)
        assert (troubled.state, troubled.refund_fen, troubled.trouble) == ("paid", 0, "refund")
        refunds.try_again(refund_id=refund.pk, actor=ACTOR)
        missing = refused("RESOURCE_NOT_EXISTS", 404)
        with fake_pay({QUERY_REFUND: missing, REFUND: refunding()}) as fake:
            refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
        assert fake.body()["out_refund_no"] == refund.number
        assert fresh(payment).refunded_fen == 100
        assert not fresh(payment).is_troubled

    def test_is_not_tried_again_when_the_money_is_gone(self, payment: Payment) -> None:
        refund = give_back(payment, 9_900)
        carry_on(refund, {REFUND: refused("NOT_ENOUGH", 403)})
        give_back(payment, 9_900)
        with pytest.raises(RefundTooMuch):
            refunds.try_again(refund_id=refund.pk, actor=ACTOR)
        assert Refund.objects.get(pk=refund.pk).state == "refused"

    def test_only_refused_ones_are_tried_again(self, payment: Payment) -> None:
        refund = give_back(payment)
        with pytest.raises(PaymentMoved):
            refunds.try_again(refund_id=refund.pk, actor=ACTOR)

    def test_the_sweep_sends_what_a_crash_left(self, payment: Payment) -> None:
        give_back(payment)
        ProcrastinateJob.objects.all().delete()
        with clock.at(clock.now() + timedelta(minutes=6)):
            settling.sweep()
        assert ProcrastinateJob.objects.filter(task_name="pay.refund").count() == 1

    def test_one_that_takes_its_time_is_asked_for_less_and_less(self, payment: Payment) -> None:
        refund = give_back(payment)
        found = carry_on(refund, {REFUND: refunding("PROCESSING")})
        first = found.next_ask_at
        assert first is not None
        with clock.at(clock.now() + timedelta(hours=5)):
            known = refunded(
                {"out_refund_no": refund.number, "out_trade_no": "x", "amount": {}}, "PROCESSING"
            )
            later = carry_on(refund, {QUERY_REFUND: known}).next_ask_at
        assert later is not None
        assert later - first > timedelta(hours=12)


class TestNotified:
    def test_is_booked_once(self, payment: Payment, told: Told) -> None:
        refund = give_back(payment)
        assert [notice(refund), notice(refund)] == ["done", "known"]
        assert told.refunded == [100]

    def test_stuck_money_is_shown_and_can_still_arrive(self, payment: Payment, told: Told) -> None:
        refund = give_back(payment)
        assert notice(refund, "ABNORMAL") == "done"
        assert fresh(payment).trouble == "refund"
        assert fresh(payment).refund_fen == 100
        assert notice(refund) == "done"
        assert (fresh(payment).refunded_fen, fresh(payment).is_troubled) == (100, False)

    def test_closed_frees_the_amount(self, payment: Payment) -> None:
        refund = give_back(payment)
        notice(refund, "CLOSED")
        assert (Refund.objects.get().state, fresh(payment).refund_fen) == ("refused", 0)

    def test_refused_and_done_after_all(self, payment: Payment) -> None:
        refund = give_back(payment, 9_900)
        carry_on(refund, {REFUND: refused("RULE_LIMIT", 403)})
        notice(refund)
        found = fresh(payment)
        assert (found.state, found.refund_fen, found.refunded_fen) == ("refunded", 9_900, 9_900)

    def test_a_number_nobody_knows(self, payment: Payment) -> None:
        refund = give_back(payment)
        refund.number = "unknown12345"
        assert notice(refund) == "flagged"

    def test_somebody_settles_the_trouble(self, payment: Payment) -> None:
        give = refunds.done_with_trouble
        with pytest.raises(PaymentMoved):
            give(payment_id=payment.pk, reason="已处理", actor=ACTOR)
        Payment.objects.filter(pk=payment.pk).update(trouble="amount")
        with pytest.raises(ReasonMissing):
            give(payment_id=payment.pk, reason="", actor=ACTOR)
        give(payment_id=payment.pk, reason="已线下退回", actor=ACTOR)
        assert not fresh(payment).is_troubled
        assert "已线下退回" in [one.reason for one in payment.changes.all()]
