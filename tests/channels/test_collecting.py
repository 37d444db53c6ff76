"""Collecting money against the sandbox: from the customer's page to the bill of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stamina
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.channels.conftest import Stage
from zhanggui.accounts.models import Merchant, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.channels.pay.models import Mode, PayAccount, PaymentState, Refund
from zhanggui.channels.pay.services import accounts, reconciling, refunds
from zhanggui.channels.pay.services.accounts import Keys, Place
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, run_jobs
from zhanggui.collecting import services
from zhanggui.collecting.models import PayerTry, PaymentRequest
from zhanggui.collecting.tests.factories import make_request
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy

SUB = "9000000777"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def tea(stage: Stage) -> Iterator[Merchant]:
    stage.add_people("lin")
    merchant = make_merchant("tea", name="茶舍")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def connect(stage: Stage, tea: Merchant, official: ChannelAccount, mode: Mode) -> PayAccount:
    """The shop collects on its own number, or through the platform's provider number."""
    is_partner = mode == Mode.PARTNER
    more: dict[str, Any] = (
        {"partner": True, "sub_merchants": [{"mchid": SUB}]} if is_partner else {}
    )
    given = stage.control("POST", "merchants", {"appids": [official.app_id]} | more)
    names = ("serial", "private_key_pem", "api_v3_key", "public_key_id", "public_key_pem")
    made = accounts.connect_account(
        place=Place(Tier.PLATFORM) if is_partner else Place(Tier.MERCHANT, merchant=tea),
        mode=mode,
        name="茶舍收款",
        mchid=given["mchid"],
        app_id=official.app_id,
        keys=Keys(*(given[name] for name in names)),
        ways=["native", "jsapi"],
        actor=ACTOR,
    )
    if not is_partner:
        return made
    return accounts.connect_sub(
        merchant=tea,
        partner=made,
        name="茶舍",
        sub_mchid=SUB,
        sub_app_id="",
        ways=["native", "jsapi"],
        actor=ACTOR,
    )


def work() -> None:
    """Run the jobs that wait, without those that ask again."""
    ProcrastinateJob.objects.filter(task_name="pay.ask").delete()
    run_jobs("pay")


@pytest.mark.spec("platform P31")
@pytest.mark.parametrize("mode", [Mode.DIRECT, Mode.PARTNER], ids=["own-number", "provider"])
def test_from_the_page_in_wechat_to_the_bill(
    stage: Stage, tea: Merchant, client: Client, mode: Mode
) -> None:
    official = stage.add_account(tea)
    account = connect(stage, tea, official, mode)
    sign_in_customer(client, make_link(tea, official.pk, openid=stage.openid(official, "lin")))
    found = make_request(tea)
    phone = {"User-Agent": PHONE_AGENT}
    begun = client.post(f"/w/tea/pay/{found.token}/begin", headers=phone)
    assert begun.status_code == 302
    payment = PayerTry.objects.select_related("payment__account__partner").get().payment
    page = client.get(begun["Location"], headers=phone).content.decode()
    assert f'data-package="prepay_id={payment.prepay_id}"' in page

    path = f"merchants/{account.mchid}/orders/{payment.number}/pay"
    sub = {"sub_mchid": SUB} if mode == Mode.PARTNER else {}
    stage.control("POST", path, {"person": "lin", **sub})
    work()
    found.refresh_from_db()
    assert (found.state, found.paid_fen) == ("paid", 8_800)
    assert "支付成功" in client.get(begun["Location"], headers=phone).content.decode()

    refunds.refund(payment_id=payment.pk, amount_fen=800, reason="少一人", actor=ACTOR)
    work()
    stage.control("POST", "clock", {"advance_s": 5})
    with clock.at(clock.now() + timedelta(seconds=5)):
        refunds.carry_on(merchant_id=tea.pk, refund_id=Refund.objects.get().pk)
    found.refresh_from_db()
    payment.refresh_from_db()
    assert (found.refunded_fen, payment.state) == (800, PaymentState.PAID)

    day = clock.local_date(clock.now(), "Asia/Shanghai")
    moment = clock.start_of(day + timedelta(days=1), "Asia/Shanghai") + timedelta(hours=11)
    stage.control("POST", "clock", {"advance_s": (moment - clock.now()).total_seconds()})
    with clock.at(moment):
        bill = reconciling.check_bill(account_id=account.pk, day=day.isoformat())
    assert (bill.paid_fen, bill.here_paid_fen) == (8_800, 8_800)
    assert not bill.differences.exists()


def test_a_shop_that_stops_collecting_closes_the_order_at_wechat_pay(
    stage: Stage, tea: Merchant, client: Client
) -> None:
    account = connect(stage, tea, stage.add_account(tea), Mode.DIRECT)
    found = make_request(tea)
    client.post(f"/w/tea/pay/{found.token}/begin", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    one = PayerTry.objects.select_related("payment").get()
    services.stop_request(request=found, actor=ACTOR)
    work()
    one.refresh_from_db()
    one.payment.refresh_from_db()
    assert (one.state, one.payment.state) == ("closed", "closed")
    orders = stage.control("GET", f"merchants/{account.mchid}/orders")
    assert [order["trade_state"] for order in orders] == ["CLOSED"]
    assert PaymentRequest.objects.get().state == "stopped"
