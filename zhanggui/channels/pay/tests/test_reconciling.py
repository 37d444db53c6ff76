"""The daily bill against our book."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import answers, billfile
from zhanggui.channels.pay.errors import (
    DayNotOver,
    PaymentMoved,
    PayUnreachable,
    ReasonMissing,
)
from zhanggui.channels.pay.models import BillDifference, PayAccount, PayBill, Payment
from zhanggui.channels.pay.services import reconciling, refunds, settling
from zhanggui.channels.pay.tests.conftest import Told
from zhanggui.channels.pay.tests.factories import (
    BILL,
    QUERY,
    bill_answers,
    bill_text,
    fake_pay,
    make_difference,
    make_payment,
    refunded,
    refused,
    transaction_of,
)
from zhanggui.core import clock

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P31")]
DAY = date(2026, 3, 11)
NOON = datetime(2026, 3, 11, 4, 0, tzinfo=UTC)
NEXT = datetime(2026, 3, 12, 2, 30, tzinfo=UTC)
"""10:30 in China, when the bill is there."""


@pytest.fixture
def payment(tea: Merchant, account: PayAccount, told: Told) -> Payment:
    with clock.at(NOON):
        return make_payment(tea, account)


def arrive(payment: Payment) -> None:
    with clock.at(NOON):
        settling.settle(account=payment.account, found=answers.trade(transaction_of(payment)))


def check(account: PayAccount, *rows: Any, others: Any = None) -> PayBill:
    with clock.at(NEXT), fake_pay(bill_answers(bill_text(*rows)) | (others or {})):
        return reconciling.check_bill(account_id=account.pk, day=DAY.isoformat())


def found(bill: PayBill) -> list[tuple[str, str, int | None, int | None]]:
    return [
        (one.kind, one.number, one.here_fen, one.there_fen)
        for one in BillDifference.objects.filter(bill=bill, state="open").order_by("number")
    ]


class TestAgreement:
    def test_payments_and_refunds(self, account: PayAccount, payment: Payment) -> None:
        arrive(payment)
        with clock.at(NOON):
            refund = refunds.refund(
                payment_id=payment.pk, amount_fen=900, reason="顾客要求", actor=ACTOR
            )
            body = {
                "out_refund_no": refund.number,
                "out_trade_no": payment.number,
                "amount": {"refund": 900},
            }
            refunds.settle(account=account, answer=answers.refund(refunded(body)))
        bill = check(account, (payment.number, 9_900), (payment.number, 900, refund.number))
        assert (bill.state, found(bill)) == ("checked", [])
        assert (bill.paid_fen, bill.here_paid_fen) == (9_900, 9_900)
        assert (bill.refunded_fen, bill.here_refunded_fen) == (900, 900)
        assert (bill.payments, bill.refunds, bill.fee_fen) == (1, 1, 12)

    def test_a_day_without_anything(self, account: PayAccount) -> None:
        with clock.at(NEXT), fake_pay({BILL: refused("NO_STATEMENT_EXIST")}):
            bill = reconciling.check_bill(account_id=account.pk, day=DAY.isoformat())
        assert bill.state == "empty"

    def test_only_that_day_in_china_counts(self, account: PayAccount, payment: Payment) -> None:
        with clock.at(datetime(2026, 3, 11, 16, 0, tzinfo=UTC)):  # midnight of the 12th
            settling.settle(account=account, found=answers.trade(transaction_of(payment)))
        assert found(check(account)) == []


class TestDifferences:
    def test_each_kind(self, account: PayAccount, payment: Payment, tea: Merchant) -> None:
        arrive(payment)
        with clock.at(NOON):
            missing = make_payment(tea, account)
        arrive(missing)
        bill = check(account, (payment.number, 9_800), ("foreign12345", 500))
        assert sorted(found(bill)) == sorted(
            [
                ("amount", payment.number, 9_900, 9_800),
                ("not_here", "foreign12345", None, 500),
                ("not_there", missing.number, 9_900, None),
            ]
        )
        row = BillDifference.objects.get(number=payment.number)
        assert (row.merchant_id, row.payment_id) == (tea.pk, payment.pk)

    def test_what_was_never_booked_is_asked_for_and_booked(
        self, account: PayAccount, payment: Payment, told: Told
    ) -> None:
        lost = transaction_of(payment, success_time=NOON.isoformat())
        bill = check(account, (payment.number, 9_900), others={QUERY: lost})
        assert (found(bill), told.paid) == ([], [payment.number])

    def test_what_wechat_does_not_answer_for_stays_on_the_list(
        self, account: PayAccount, payment: Payment
    ) -> None:
        others = {QUERY: httpx2.ConnectError("x")}
        bill = check(account, (payment.number, 9_900), others=others)
        assert found(bill) == [("not_here", payment.number, None, 9_900)]

    def test_goes_by_itself_when_it_agrees_again(
        self, account: PayAccount, payment: Payment
    ) -> None:
        arrive(payment)
        bill = check(account)
        assert len(found(bill)) == 1
        assert check(account, (payment.number, 9_900)).pk == bill.pk
        assert BillDifference.objects.get().state == "gone"

    def test_is_settled_with_a_word_and_stays_settled(
        self, account: PayAccount, payment: Payment
    ) -> None:
        arrive(payment)
        bill = check(account)
        row = BillDifference.objects.get()
        with pytest.raises(ReasonMissing):
            reconciling.resolve(difference=row, resolution=" ", actor=ACTOR)
        reconciling.resolve(difference=row, resolution="次日到账", actor=ACTOR)
        with pytest.raises(PaymentMoved):
            reconciling.resolve(difference=row, resolution="再来", actor=ACTOR)
        assert found(check(account)) == []
        row.refresh_from_db()
        assert (row.state, row.resolution, row.resolved_by) == ("resolved", "次日到账", ACTOR.name)
        assert AuditEntry.objects.filter(action="pay.difference.resolved").count() == 1
        assert bill.pk == row.bill_id


class TestFetching:
    def test_while_wechat_still_writes_the_job_comes_again(self, account: PayAccount) -> None:
        with fake_pay({BILL: refused("STATEMENT_CREATING")}), pytest.raises(PayUnreachable):
            reconciling.check_bill(account_id=account.pk, day=DAY.isoformat())
        assert PayBill.objects.get().error_code == "STATEMENT_CREATING"

    def test_a_refusal_is_shown(self, account: PayAccount) -> None:
        with fake_pay({BILL: refused("NO_AUTH", 403)}):
            bill = reconciling.check_bill(account_id=account.pk, day=DAY.isoformat())
        assert (bill.state, bill.error_code) == ("failed", "NO_AUTH")

    def test_a_file_that_is_no_bill_is_shown(self, account: PayAccount) -> None:
        with fake_pay(bill_answers("a,b,c\n1,2,3\n")):
            bill = reconciling.check_bill(account_id=account.pk, day=DAY.isoformat())
        assert (bill.state, bill.error_code) == ("failed", "CANNOT_READ")

    def test_every_account_is_checked_until_it_is_done(
        self, account: PayAccount, tea: Merchant
    ) -> None:
        with clock.at(NEXT):
            assert reconciling.order_bills() == 1
            check(account)
            PayBill.objects.update(state="checked")
            assert reconciling.order_bills() == 0
        job = ProcrastinateJob.objects.get(task_name="pay.check_bill")
        assert job.args == {"account_id": account.pk, "day": "2026-03-11"}

    @pytest.mark.parametrize(
        ("moment", "is_there"),
        [
            (datetime(2026, 3, 11, 15, 0, tzinfo=UTC), False),
            (datetime(2026, 3, 12, 1, 59, tzinfo=UTC), False),
            (datetime(2026, 3, 12, 2, 0, tzinfo=UTC), True),
        ],
        ids=["same-day", "before-ten", "ten"],
    )
    def test_by_hand_from_ten_the_next_day(
        self, account: PayAccount, moment: datetime, is_there: bool
    ) -> None:
        with clock.at(moment):
            if is_there:
                reconciling.ask_for_bill(account=account, day=DAY, actor=ACTOR)
            else:
                with pytest.raises(DayNotOver):
                    reconciling.ask_for_bill(account=account, day=DAY, actor=ACTOR)
        assert PayBill.objects.exists() is is_there

    @pytest.mark.parametrize(("hour", "day"), [(1, 9), (2, 10)], ids=["before-ten", "ten"])
    def test_the_day_that_is_offered_has_a_bill(self, hour: int, day: int) -> None:
        with clock.at(datetime(2026, 3, 11, hour, 5, tzinfo=UTC)):
            assert reconciling.newest_day() == date(2026, 3, day)


class TestFile:
    def test_amounts_are_fen(self) -> None:
        rows = billfile.read(bill_text(("a2345678", 9_999), ("a2345678", 1, "r2345678")))
        assert [(row.number, row.amount_fen, row.is_refund) for row in rows] == [
            ("a2345678", 9_999, False),
            ("r2345678", 1, True),
        ]
        assert rows[1].trade_number == "a2345678"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "交易时间,商户号\n",
            bill_text(("a", 1)).replace("`1,", "`2,", 1).replace("总交易单数", "总交易单数"),
            bill_text(("a", 1)).replace("`0.01", "`a lot"),
        ],
        ids=["empty", "no-columns", "a-row-is-missing", "no-amount"],
    )
    def test_what_is_none(self, text: str) -> None:
        broken = text.replace("`1,`0.00,`0.00,`0.00,`0.00000", "`2,`0.00,`0.00,`0.00,`0.00000")
        with pytest.raises(billfile.CannotRead):
            billfile.read(broken)

    def test_a_difference_shows_what_it_is(self, tea: Merchant, account: PayAccount) -> None:
        assert str(make_difference(tea)).startswith("not_here")
