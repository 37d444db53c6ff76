"""WeChat Pay against the sandbox: another program's reading of the same documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stamina
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.channels.conftest import Stage
from wechat_sandbox.pay.errors import CODES
from zhanggui.accounts.models import Merchant, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.pay import gateway, hooks
from zhanggui.channels.pay.errors import ADVICE, OLD_NAMES, PayError, PayRefusedHere
from zhanggui.channels.pay.models import (
    BillDifference,
    Mode,
    PayAccount,
    Payment,
    PayNotification,
    Refund,
    TradeNumber,
    Way,
)
from zhanggui.channels.pay.services import accounts, payments, reconciling, refunds, settling
from zhanggui.channels.pay.services.accounts import Keys, Place
from zhanggui.channels.wechat.tests.factories import run_jobs
from zhanggui.core import clock, tenancy

APP_ID = "wxsb00000000000001"


@pytest.fixture(autouse=True)
def no_waiting() -> Any:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    purpose = hooks.Purpose(
        "test.thing",
        "试验",
        on_paid=lambda payment: found.append(f"paid {payment.amount_fen}"),
        on_closed=lambda payment: found.append(f"closed {payment.amount_fen}"),
        on_refunded=lambda refund: found.append(f"back {refund.amount_fen}"),
    )
    monkeypatch.setitem(hooks._purposes, "test.thing", purpose)
    return found


@pytest.fixture
def tea(stage: Stage, told: list[str]) -> Any:
    stage.add_people("lin")
    merchant = make_merchant("tea", name="茶舍")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def keys_of(given: dict[str, Any], *, has_public_key: bool = True) -> Keys:
    return Keys(
        given["serial"],
        given["private_key_pem"],
        given["api_v3_key"],
        given["public_key_id"] if has_public_key else "",
        given["public_key_pem"] if has_public_key else "",
    )


def open_merchant(stage: Stage, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = stage.control("POST", "merchants", {"appids": [APP_ID]} | values)
    return made


def connect(merchant: Merchant, given: dict[str, Any], **values: Any) -> PayAccount:
    usual: dict[str, Any] = {"keys": keys_of(given), "mode": Mode.DIRECT}
    return accounts.connect_account(
        place=Place(Tier.MERCHANT, merchant=merchant),
        name="茶舍收款",
        mchid=given["mchid"],
        app_id=APP_ID,
        ways=["native", "jsapi", "h5"],
        actor=ACTOR,
        **(usual | values),
    )


def begin(account: PayAccount, *, way: Way = Way.NATIVE, openid: str = "") -> Payment:
    return payments.start(
        account=account,
        purpose="test.thing",
        subject_id=None,
        description="一杯柠檬茶",
        amount_fen=990,
        way=way,
        expires_at=clock.now() + timedelta(minutes=30),
        actor=ACTOR,
        openid=openid,
        payer_ip="203.0.113.7",
    )


def pay(stage: Stage, payment: Payment, sub_mchid: str = "") -> None:
    path = f"merchants/{payment.account.mchid}/orders/{payment.number}/pay"
    stage.control("POST", path, {"person": "lin", "sub_mchid": sub_mchid})


def work() -> None:
    """Run the jobs that wait, without those that ask again."""
    ProcrastinateJob.objects.filter(task_name="pay.ask").delete()
    run_jobs("pay")


class TestPaying:
    @pytest.mark.parametrize("has_public_key", [True, False], ids=["public-key", "certificates"])
    def test_from_the_code_to_the_refund(
        self, stage: Stage, tea: Merchant, told: list[str], has_public_key: bool
    ) -> None:
        given = open_merchant(stage)
        account = connect(tea, given, keys=keys_of(given, has_public_key=has_public_key))
        payment = begin(account)
        assert payment.code_url.startswith("weixin://wxpay/bizpayurl?pr=")
        pay(stage, payment)
        work()
        assert told == ["paid 990"]
        assert PayNotification.objects.get().state == "done"
        refunds.refund(payment_id=payment.pk, amount_fen=90, reason="少放了糖", actor=ACTOR)
        work()
        stage.control("POST", "clock", {"advance_s": 5})
        with clock.at(clock.now() + timedelta(seconds=5)):
            found = Refund.objects.get()
            refunds.carry_on(merchant_id=tea.pk, refund_id=found.pk)
        assert told == ["paid 990", "back 90"]
        assert Payment.objects.get().refunded_fen == 90

    def test_inside_wechat(self, stage: Stage, tea: Merchant) -> None:
        stage.control("PUT", f"accounts/{APP_ID}", {"name": "茶舍", "secret": "s" * 32})
        openid = str(stage.control("GET", f"openids?appid={APP_ID}")["lin"])
        account = connect(tea, open_merchant(stage))
        payment = begin(account, way=Way.JSAPI, openid=openid)
        values = payments.jsapi_values(payment)
        assert values["package"] == f"prepay_id={payment.prepay_id}"

    def test_in_a_phones_browser(self, stage: Stage, tea: Merchant) -> None:
        assert begin(connect(tea, open_merchant(stage)), way=Way.H5).h5_url

    def test_through_a_service_provider(self, stage: Stage, tea: Merchant, told: list[str]) -> None:
        given = open_merchant(stage, partner=True, sub_merchants=[{"mchid": "9000000777"}])
        partner = accounts.connect_account(
            place=Place(Tier.PLATFORM),
            mode=Mode.PARTNER,
            name="服务商",
            mchid=given["mchid"],
            app_id=APP_ID,
            keys=keys_of(given),
            ways=["native"],
            actor=ACTOR,
        )
        account = accounts.connect_sub(
            merchant=tea,
            partner=partner,
            name="茶舍",
            sub_mchid="9000000777",
            sub_app_id="",
            ways=["native"],
            actor=ACTOR,
        )
        payment = begin(account)
        pay(stage, payment, sub_mchid="9000000777")
        work()
        assert told == ["paid 990"]


class TestFaults:
    def test_a_repeated_notification_books_once(
        self, stage: Stage, tea: Merchant, told: list[str]
    ) -> None:
        account = connect(tea, open_merchant(stage))
        stage.control("PUT", f"merchants/{account.mchid}/policy", {"duplicate": True})
        pay(stage, begin(account))
        work()
        assert told == ["paid 990"]
        assert PayNotification.objects.get().times >= 2

    def test_a_forged_notification_is_refused_and_the_question_finds_the_money(
        self, stage: Stage, tea: Merchant, told: list[str]
    ) -> None:
        account = connect(tea, open_merchant(stage))
        stage.control("PUT", f"merchants/{account.mchid}/policy", {"forged": True})
        payment = begin(account)
        pay(stage, payment)
        assert not PayNotification.objects.exists()
        settling.ask(merchant_id=tea.pk, payment_id=payment.pk, step=0)
        assert told == ["paid 990"]

    def test_closing_at_wechat_releases(self, stage: Stage, tea: Merchant, told: list[str]) -> None:
        account = connect(tea, open_merchant(stage))
        payment = begin(account)
        payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
        work()
        assert told == ["closed 990"]
        found = gateway.call(account, lambda api: api.query(payment.number))
        assert found.state == "CLOSED"

    def test_paid_while_it_is_closed(self, stage: Stage, tea: Merchant, told: list[str]) -> None:
        account = connect(tea, open_merchant(stage))
        stage.control("PUT", f"merchants/{account.mchid}/policy", {"forged": True})
        payment = begin(account)
        payments.request_close(payment_id=payment.pk, reason="", actor=ACTOR)
        pay(stage, payment)
        work()
        assert told == ["paid 990"]

    def test_another_private_key_is_refused_with_advice(self, stage: Stage, tea: Merchant) -> None:
        given = open_merchant(stage)
        stage.control("POST", f"merchants/{given['mchid']}/certificate")
        with pytest.raises(PayRefusedHere, match="SIGN_ERROR"):
            connect(tea, given)

    def test_every_code_can_be_provoked_and_has_an_advice(
        self, stage: Stage, tea: Merchant
    ) -> None:
        account = connect(tea, open_merchant(stage))
        number = begin(account).number
        told = []
        for code in CODES:
            fault = {"path": "/api.mch.weixin.qq.com/*", "code": code, "times": 3}
            stage.control("POST", "faults", fault)
            with pytest.raises(PayError) as caught:
                gateway.call(account, lambda api: api.query(number))
            stage.control("DELETE", "faults")
            assert caught.value.advice in ADVICE.values()
            told.append(caught.value.code)
        assert told == [OLD_NAMES.get(code, code) for code in CODES]


class TestBill:
    def test_agrees_but_for_what_came_past_our_book(
        self, stage: Stage, tea: Merchant, told: list[str]
    ) -> None:
        account = connect(tea, open_merchant(stage))
        payment, foreign = begin(account), begin(account)
        pay(stage, payment)
        pay(stage, foreign)
        work()
        TradeNumber.objects.filter(number=foreign.number).delete()
        day = clock.local_date(clock.now(), "Asia/Shanghai")
        moment = clock.start_of(day + timedelta(days=1), "Asia/Shanghai") + timedelta(hours=11)
        stage.control("POST", "clock", {"advance_s": (moment - clock.now()).total_seconds()})
        with clock.at(moment):
            bill = reconciling.check_bill(account_id=account.pk, day=day.isoformat())
        assert (bill.state, bill.paid_fen, bill.here_paid_fen) == ("checked", 1_980, 990)
        row = BillDifference.objects.get()
        assert (row.kind, row.number, row.there_fen) == ("not_here", foreign.number, 990)
