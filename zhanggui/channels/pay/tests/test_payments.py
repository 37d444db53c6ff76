"""The life of a payment: begun, paid once, closed at WeChat Pay before anything is released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import answers, hooks, selectors, states
from zhanggui.channels.pay.errors import (
    PayDown,
    PaymentMoved,
    PayNotOffered,
    PayRefused,
    PayRefusedHere,
    PayUnreachable,
)
from zhanggui.channels.pay.models import (
    Mode,
    NotificationState,
    PayAccount,
    Payment,
    PaymentChange,
    PaymentState,
    Refund,
    TradeNumber,
    Trouble,
    Way,
)
from zhanggui.channels.pay.selectors import Port
from zhanggui.channels.pay.services import payments, settling
from zhanggui.channels.pay.tests.conftest import Told
from zhanggui.channels.pay.tests.factories import (
    CLOSE,
    NATIVE,
    QUERY,
    REFUND,
    fake_pay,
    make_pay_account,
    make_payment,
    make_sub_account,
    refunding,
    refused,
    transaction_of,
)
from zhanggui.channels.wechat.tests.factories import run_jobs
from zhanggui.core import clock
from zhanggui.core.errors import DomainError

pytestmark = [pytest.mark.django_db, pytest.mark.spec("platform P31")]


def begin(account: PayAccount, **values: Any) -> Payment:
    usual: dict[str, Any] = {
        "purpose": "test.thing",
        "subject_id": 7,
        "description": "一杯柠檬茶",
        "amount_fen": 9_900,
        "way": Way.NATIVE,
        "expires_at": clock.now() + timedelta(minutes=30),
        "actor": ACTOR,
    }
    return payments.start(account=account, **(usual | values))


def paid(payment: Payment, **changes: Any) -> NotificationState:
    found = answers.trade(transaction_of(payment, **changes))
    return settling.settle(account=payment.account, found=found)


def close(payment: Payment) -> None:
    payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
    settling.close_at_wechat(merchant_id=payment.merchant_id, payment_id=payment.pk)


def fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("account").get(pk=payment.pk)


def history(payment: Payment) -> list[str]:
    return [change.to_state for change in PaymentChange.objects.order_by("id")]


class TestStart:
    def test_is_written_down_before_wechat_is_asked(self, account: PayAccount, told: Told) -> None:
        seen: list[tuple[str, int]] = []

        def answer(_request: httpx2.Request) -> Any:
            seen.append((Payment.objects.get().state, TradeNumber.objects.count()))
            return {"code_url": "weixin://wxpay/bizpayurl?pr=abc"}

        with fake_pay({NATIVE: answer}):
            payment = begin(account)
        assert seen == [("created", 1)]
        assert payment.code_url == "weixin://wxpay/bizpayurl?pr=abc"
        assert history(payment) == ["created", "prepaid"]
        assert AuditEntry.objects.get().action == "pay.payment.begun"

    def test_numbers_cannot_be_guessed(self, account: PayAccount) -> None:
        with fake_pay():
            numbers = {begin(account).number for _ in range(5)}
        assert len(numbers) == 5
        assert all(len(number) == 28 and number.isalnum() for number in numbers)

    @pytest.mark.parametrize(
        ("way", "column"),
        [(Way.NATIVE, "code_url"), (Way.JSAPI, "prepay_id"), (Way.H5, "h5_url")],
    )
    def test_each_way_has_its_answer(self, account: PayAccount, way: Way, column: str) -> None:
        with fake_pay():
            payment = begin(account, way=way, openid="oPayer", payer_ip="203.0.113.7")
        assert getattr(fresh(payment), column)

    def test_a_way_that_is_off_is_refused(self, tea: Merchant) -> None:
        account = make_pay_account(tea, ways=("native",))
        with fake_pay() as fake, pytest.raises(PayNotOffered):
            begin(account, way=Way.JSAPI, openid="oPayer")
        assert fake.calls == []
        assert not Payment.objects.exists()

    def test_a_disconnected_account_is_refused(self, account: PayAccount) -> None:
        account.is_connected = False
        with fake_pay(), pytest.raises(PayNotOffered):
            begin(account)

    def test_what_it_is_bound_to_may_refuse_it(self, account: PayAccount) -> None:
        def bind(_payment: Payment) -> None:
            raise PaymentMoved

        with fake_pay() as fake, pytest.raises(PaymentMoved):
            begin(account, bind=bind)
        assert fake.calls == []
        assert not Payment.objects.exists()
        assert not TradeNumber.objects.exists()

    def test_wechat_refuses(self, account: PayAccount) -> None:
        with (
            fake_pay({NATIVE: refused("APPID_MCHID_NOT_MATCH")}),
            pytest.raises(PayRefusedHere, match="APPID_MCHID_NOT_MATCH"),
        ):
            begin(account)
        account.refresh_from_db()
        assert account.last_error_code == "APPID_MCHID_NOT_MATCH"
        assert Payment.objects.get().state == "created"

    def test_wechat_is_down_and_comes_back(self, account: PayAccount) -> None:
        with fake_pay({NATIVE: httpx2.ConnectError("x")}), pytest.raises(PayDown):
            begin(account)
        payment = Payment.objects.select_related("account").get()
        with fake_pay() as fake:
            again = payments.prepay(payment=payment, actor=ACTOR)
        assert again.state == "prepaid"
        assert fake.body()["out_trade_no"] == payment.number
        account.refresh_from_db()
        assert account.last_error_code == ""

    def test_a_500_with_the_order_made_anyway_stays_one_order(self, account: PayAccount) -> None:
        answers_ = {
            NATIVE: [refused("SYSTEM_ERROR", 500), {"code_url": "weixin://wxpay/x"}],
            QUERY: lambda request: transaction_of(
                Payment.objects.get(), trade_state="NOTPAY", transaction_id=""
            ),
        }
        with fake_pay(answers_) as fake:
            payment = begin(account)
        assert fake.names() == [NATIVE, f"{QUERY}{payment.number}", NATIVE]
        assert fake.calls[0].content == fake.calls[2].content  # the very same order
        assert payment.code_url == "weixin://wxpay/x"

    def test_a_500_after_which_wechat_knows_nothing(self, account: PayAccount) -> None:
        answers_ = {NATIVE: [httpx2.ReadTimeout("x"), {"code_url": "weixin://wxpay/x"}]}
        with fake_pay(answers_) as fake:
            assert begin(account).state == "prepaid"
        assert len(fake.calls) == 3

    def test_a_500_that_stays_leaves_a_payment_to_try_again(self, account: PayAccount) -> None:
        with fake_pay({NATIVE: refused("SYSTEM_ERROR", 500)}), pytest.raises(PayDown):
            begin(account)
        assert Payment.objects.get().state == "created"

    def test_the_notification_is_faster_than_the_answer(
        self, account: PayAccount, told: Told
    ) -> None:
        def answer(_request: httpx2.Request) -> Any:
            assert paid(Payment.objects.select_related("account").get()) == NotificationState.DONE
            return {"code_url": "weixin://wxpay/x"}

        with fake_pay({NATIVE: answer}):
            payment = begin(account)
        assert payment.state == "paid"
        assert told.paid == [payment.number]
        assert history(payment) == ["created", "paid"]

    def test_a_repeat_says_the_same(self, account: PayAccount) -> None:
        with fake_pay():
            payment = begin(account, expires_at=clock.now() + timedelta(seconds=5))
        first = payments.order_of(payment)
        assert first.expires_at == payment.created_at + timedelta(seconds=90)
        with clock.at(clock.now() + timedelta(minutes=1)):
            assert payments.order_of(fresh(payment)) == first

    def test_not_inside_a_transaction(self, account: PayAccount) -> None:
        with transaction.atomic(), pytest.raises(RuntimeError):
            begin(account)


class TestPaid:
    def test_is_booked_once(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        assert [paid(payment) for _ in range(3)] == ["done", "known", "known"]
        found = fresh(payment)
        assert (found.state, told.paid) == ("paid", [payment.number])
        assert found.transaction_id
        assert TradeNumber.objects.get().done_at == found.paid_at
        assert history(payment) == ["created", "prepaid", "paid"]

    @pytest.mark.parametrize(
        ("changes", "trouble"),
        [
            ({"total": 9_899}, Trouble.AMOUNT),
            ({"total": 9_901}, Trouble.AMOUNT),
            ({"amount": {"total": 9_900, "currency": "USD"}}, Trouble.AMOUNT),
            ({"amount": {}}, Trouble.AMOUNT),
            ({"mchid": "1900099999"}, Trouble.PAYEE),
            ({"appid": "wxother"}, Trouble.PAYEE),
        ],
        ids=["less", "more", "dollars", "none", "other-merchant", "other-app"],
    )
    def test_another_amount_or_payee_is_flagged_and_never_booked(
        self, tea: Merchant, told: Told, changes: dict[str, Any], trouble: Trouble
    ) -> None:
        payment = make_payment(tea)
        assert [paid(payment, **dict(changes)) for _ in range(2)] == ["flagged", "flagged"]
        found = fresh(payment)
        assert (found.state, found.trouble, told.paid) == ("prepaid", trouble, [])
        assert TradeNumber.objects.get().done_at is None
        assert found.is_troubled
        assert len(history(payment)) == 3  # begun, prepaid, and the note, once

    def test_the_right_amount_after_a_wrong_one_is_booked(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        paid(payment, total=1)
        assert paid(payment) == "done"
        assert told.paid == [payment.number]

    def test_a_number_nobody_knows(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        assert paid(payment, out_trade_no="abcdefgh") == "flagged"
        other = make_pay_account()
        found = answers.trade(transaction_of(payment))
        assert settling.settle(account=other, found=found) == "flagged"
        assert told.paid == []

    def test_what_is_not_paid_books_nothing(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        assert paid(payment, trade_state="NOTPAY") == "known"
        assert told.paid == []

    def test_a_partners_answer_names_three(self, tea: Merchant, told: Told) -> None:
        partner = make_pay_account(mode=Mode.PARTNER)
        account = make_sub_account(tea, partner)
        path = "/v3/pay/partner/transactions"
        with fake_pay({f"POST {path}/native": {"code_url": "weixin://wxpay/x"}}) as fake:
            payment = begin(account)
        assert fake.body()["sub_mchid"] == account.sub_mchid
        assert paid(payment, sub_mchid="1700999999") == "flagged"
        assert paid(payment) == "done"

    def test_what_is_gone_goes_back_by_itself(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        told.refusal = PaymentMoved()
        assert paid(payment) == "done"
        refund = Refund.objects.get()
        assert (refund.amount_fen, refund.is_automatic) == (9_900, True)
        found = fresh(payment)
        assert (found.state, found.trouble) == ("refunding", "refused")
        with fake_pay({REFUND: refunding()}):
            run_jobs("pay")
        found = fresh(payment)
        assert (found.state, found.refunded_fen, found.is_troubled) == ("refunded", 9_900, False)
        assert told.refunded == [9_900]

    def test_what_the_purpose_wrote_before_it_refused_is_undone(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write_and_refuse(payment: Payment) -> None:
            Payment.objects.filter(pk=payment.pk).update(description="written")
            raise DomainError

        purpose = hooks.Purpose("test.thing", "试验", on_paid=write_and_refuse)
        monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
        payment = make_payment(tea)
        paid(payment)
        assert fresh(payment).description == "一杯柠檬茶"
        assert fresh(payment).state == "refunding"

    def test_a_fault_of_the_purpose_books_nothing_and_comes_again(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch, told: Told
    ) -> None:
        """Killed between the money and its booking: nothing is half done."""
        payment = make_payment(tea)
        monkeypatch.setattr(told, "on_paid", lambda _payment: 1 / 0)
        purpose = hooks.Purpose("test.thing", "试验", on_paid=told.on_paid)
        monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
        with pytest.raises(ZeroDivisionError):
            paid(payment)
        assert fresh(payment).state == "prepaid"
        assert TradeNumber.objects.get().done_at is None
        monkeypatch.setitem(hooks._purposes, "test.thing", hooks.Purpose("test.thing", "试验"))
        assert paid(payment) == "done"


class TestClosing:
    def test_wechat_is_asked_and_closed_before_anything_is_released(
        self, tea: Merchant, told: Told
    ) -> None:
        payment = make_payment(tea)
        open_ = transaction_of(payment, trade_state="NOTPAY")
        with fake_pay({QUERY: open_, CLOSE: lambda _r: _still_held(told)}) as fake:
            close(payment)
        assert [name.partition(" ")[0] for name in fake.names()] == ["GET", "POST"]
        assert fresh(payment).state == "closed"
        assert told.closed == [payment.number]
        assert history(payment) == ["created", "prepaid", "closing", "closed"]

    def test_paid_while_it_is_being_closed(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        with fake_pay({QUERY: transaction_of(payment)}) as fake:
            close(payment)
        assert len(fake.calls) == 1
        assert (fresh(payment).state, told.paid, told.closed) == ("paid", [payment.number], [])

    def test_paid_between_the_question_and_the_closing(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        states_ = [transaction_of(payment, trade_state="NOTPAY"), transaction_of(payment)]
        with fake_pay({QUERY: states_, CLOSE: refused("ORDER_PAID")}):
            close(payment)
        assert (fresh(payment).state, told.paid, told.closed) == ("paid", [payment.number], [])

    def test_closed_between_the_question_and_the_closing(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        states_ = [
            transaction_of(payment, trade_state="NOTPAY"),
            transaction_of(payment, trade_state="CLOSED"),
        ]
        with fake_pay({QUERY: states_, CLOSE: refused("ORDER_CLOSED")}):
            close(payment)
        assert told.closed == [payment.number]

    def test_what_wechat_does_not_close_now_is_not_released(
        self, tea: Merchant, told: Told
    ) -> None:
        payment = make_payment(tea)
        open_ = transaction_of(payment, trade_state="NOTPAY")
        with fake_pay({QUERY: open_, CLOSE: refused("RULE_LIMIT", 403)}), pytest.raises(PayRefused):
            close(payment)
        assert (fresh(payment).state, told.closed) == ("closing", [])

    def test_while_wechat_is_down_nothing_is_released_and_the_sweep_goes_on(
        self, tea: Merchant, told: Told
    ) -> None:
        payment = make_payment(tea)
        with fake_pay({QUERY: httpx2.ConnectError("x")}), pytest.raises(PayUnreachable):
            close(payment)
        assert (fresh(payment).state, told.closed) == ("closing", [])
        ProcrastinateJob.objects.all().delete()
        settling.sweep()
        settling.sweep()
        assert ProcrastinateJob.objects.filter(task_name="pay.close").count() == 1
        with fake_pay({QUERY: transaction_of(payment, trade_state="NOTPAY")}):
            run_jobs("pay")
        assert told.closed == [payment.number]

    def test_what_wechat_never_saw_is_closed_without_a_call(
        self, account: PayAccount, told: Told
    ) -> None:
        with fake_pay({NATIVE: httpx2.ConnectError("x")}), pytest.raises(PayDown):
            begin(account)
        Payment.objects.update(asked_at=None)  # killed before the first call
        payment = Payment.objects.select_related("account").get()
        with fake_pay() as fake:
            close(payment)
        assert fake.calls == []
        assert told.closed == [payment.number]

    def test_a_payment_that_is_being_closed_is_not_prepaid(self, account: PayAccount) -> None:
        with fake_pay({NATIVE: httpx2.ConnectError("x")}), pytest.raises(PayDown):
            begin(account)
        payment = Payment.objects.select_related("account").get()
        payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
        with fake_pay() as fake, pytest.raises(PaymentMoved):
            payments.prepay(payment=payment, actor=ACTOR)
        assert fake.calls == []

    def test_paid_ones_are_not_closed(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        paid(payment)
        assert not payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
        settling.close_at_wechat(merchant_id=tea.pk, payment_id=payment.pk)
        assert told.closed == []

    def test_money_for_a_closed_one_goes_back_by_itself(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        with fake_pay():
            close(payment)
        assert [paid(payment), paid(payment)] == ["done", "known"]
        found = fresh(payment)
        assert (found.state, found.trouble, told.paid) == ("refunding", "late", [])
        assert Refund.objects.get().is_automatic
        assert history(payment)[-3:] == ["closed", "late", "refunding"]
        with fake_pay({REFUND: refunding()}):
            run_jobs("pay")
        assert fresh(payment).state == "refunded"

    @pytest.mark.parametrize("is_there", [True, False], ids=["still-there", "gone"])
    def test_who_takes_late_money_is_asked(
        self, tea: Merchant, told: Told, monkeypatch: pytest.MonkeyPatch, is_there: bool
    ) -> None:
        purpose = hooks.Purpose("test.thing", "试验", told.on_paid, takes_late=True)
        monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
        payment = make_payment(tea)
        with fake_pay():
            close(payment)
        told.refusal = None if is_there else PaymentMoved()
        assert paid(payment) == "done"
        expected = ("paid", 0) if is_there else ("refunding", 1)
        assert (fresh(payment).state, Refund.objects.count()) == expected


def _still_held(told: Told) -> int:
    assert told.closed == []
    return 204


class TestAsking:
    def test_a_lost_notification_is_made_up_for(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        job = ProcrastinateJob.objects.get(task_name="pay.ask")
        assert job.args == {"merchant_id": tea.pk, "payment_id": payment.pk, "step": 0}
        with fake_pay({QUERY: transaction_of(payment)}):
            run_jobs("pay")
        assert told.paid == [payment.number]

    def test_is_asked_again_and_less_and_less_often(self, tea: Merchant) -> None:
        payment = make_payment(tea)
        with fake_pay({QUERY: transaction_of(payment, trade_state="NOTPAY")}):
            run_jobs("pay", rounds=20)
        jobs = ProcrastinateJob.objects.filter(task_name="pay.ask").order_by("pk")
        assert [job.args["step"] for job in jobs] == list(range(len(settling.ASK_AFTER_S)))

    def test_over_its_time_it_is_closed(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        with (
            clock.at(payment.expires_at + timedelta(seconds=1)),
            fake_pay({QUERY: transaction_of(payment, trade_state="NOTPAY")}),
        ):
            run_jobs("pay")
        assert told.closed == [payment.number]

    def test_the_sweep_finds_what_no_job_remembers(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        ProcrastinateJob.objects.all().delete()
        with (
            clock.at(payment.expires_at + timedelta(seconds=1)),
            fake_pay({QUERY: transaction_of(payment, trade_state="NOTPAY")}),
        ):
            assert settling.sweep() == 1
            run_jobs("pay")
        assert told.closed == [payment.number]

    def test_closed_at_wechat_by_itself(self, tea: Merchant, told: Told) -> None:
        payment = make_payment(tea)
        with fake_pay({QUERY: transaction_of(payment, trade_state="CLOSED")}) as fake:
            run_jobs("pay")
        assert told.closed == [payment.number]
        assert all(name.startswith("GET") for name in fake.names())


class TestTable:
    @given(
        st.sampled_from(PaymentState),
        st.sampled_from(PaymentState),
        st.sampled_from([states.STAFF, states.CLOCK, states.WECHAT]),
    )
    def test_only_what_it_says(self, before: PaymentState, to: PaymentState, role: str) -> None:
        payment = Payment(state=before)
        allowed = role in states.PAYMENTS.get((before, to), frozenset())
        assert states.may_move(payment, to, role) is allowed

    def test_nobody_but_wechat_says_that_it_is_paid_or_closed(self) -> None:
        for (_before, to), roles in states.PAYMENTS.items():
            if to in {PaymentState.PAID, PaymentState.CLOSED, PaymentState.REFUNDED}:
                assert roles == {states.WECHAT}

    def test_the_way_to_closed_leads_over_closing(self) -> None:
        before = {one for one, to in states.PAYMENTS if to == PaymentState.CLOSED}
        assert before == {PaymentState.CLOSING}

    def test_a_step_that_is_not_there_is_refused(self, tea: Merchant) -> None:
        payment = make_payment(tea)
        with pytest.raises(PaymentMoved):
            states.move(payment, PaymentState.CLOSED, role=states.STAFF, actor=ACTOR)
        assert fresh(payment).state == "prepaid"


class TestOffered:
    @pytest.mark.parametrize(
        ("agent", "ways", "expected"),
        [
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140", ("native",), Way.NATIVE),
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140", ("jsapi", "h5"), None),
            ("Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.50", ("jsapi",), Way.JSAPI),
            ("Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.50", ("native",), None),
            ("Mozilla/5.0 (Linux; Android 15) Mobile Safari", ("h5",), Way.H5),
            ("Mozilla/5.0 (Linux; Android 15) Mobile Safari", ("jsapi", "native"), None),
        ],
    )
    @pytest.mark.spec("platform P32")
    def test_only_what_is_on_and_works_there(
        self, tea: Merchant, agent: str, ways: tuple[str, ...], expected: Way | None
    ) -> None:
        account = make_pay_account(tea, ways=ways)
        assert selectors.way_at(account, selectors.port_of(agent)) == expected
        assert selectors.way_at(None, Port.SCREEN) is None
        account.is_connected = False
        assert selectors.way_at(account, selectors.port_of(agent)) is None

    def test_money_is_never_collected_on_somebody_elses_account(self, tea: Merchant) -> None:
        make_pay_account()
        assert selectors.account_of(tea) is None
        own = make_pay_account(tea)
        assert selectors.account_of(tea) == own
