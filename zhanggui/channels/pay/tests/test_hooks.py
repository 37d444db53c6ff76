"""The door for WeChat Pay's notifications: forged, late, twice, of another key, unreadable."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.pay import signing
from zhanggui.channels.pay.models import (
    Mode,
    PayAccount,
    Payment,
    PayNotification,
    PlatformCertificate,
    Refund,
    Way,
)
from zhanggui.channels.pay.services import accounts, notifications, payments, refunds
from zhanggui.channels.pay.tests.conftest import Told
from zhanggui.channels.pay.tests.factories import (
    CERTIFICATES,
    certificate_of,
    fake_pay,
    give_certificate,
    make_pay_account,
    make_payment,
    make_sub_account,
    merchant_key,
    notification_of,
    notify,
    refunded,
    sealed,
    signed,
    transaction_of,
    wechat_key,
)
from zhanggui.channels.wechat.tests.factories import run_jobs
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(tea: Merchant, account: PayAccount, told: Told) -> Payment:
    return make_payment(tea, account)


def work() -> None:
    """Run the jobs, without those that ask in case a notification was lost."""
    ProcrastinateJob.objects.filter(task_name="pay.ask").delete()
    run_jobs("pay")


def state(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).state


class TestPaid:
    def test_is_stored_answered_and_booked_by_a_job(
        self, client: Client, payment: Payment, told: Told
    ) -> None:
        answer = notify(client, payment.account, notification_of(transaction_of(payment)))
        assert (answer.status_code, answer.content) == (204, b"")
        assert state(payment) == "prepaid"
        work()
        assert told.paid == [payment.number]
        found = PayNotification.objects.get()
        assert (found.state, found.number) == ("done", payment.number)
        assert payment.number.encode() not in bytes(found.body_sealed)

    def test_repeated_it_is_one(self, client: Client, payment: Payment, told: Told) -> None:
        body = notification_of(transaction_of(payment), number="n-1")
        assert [notify(client, payment.account, body).status_code for _ in range(3)] == [204] * 3
        work()
        assert (PayNotification.objects.get().times, told.paid) == (3, [payment.number])
        assert ProcrastinateJob.objects.filter(task_name="pay.handle_notification").count() == 1

    def test_two_of_one_fact(self, client: Client, payment: Payment, told: Told) -> None:
        for _ in range(2):
            notify(client, payment.account, notification_of(transaction_of(payment)))
        work()
        states = list(PayNotification.objects.order_by("pk").values_list("state", flat=True))
        assert (states, told.paid) == (["done", "known"], [payment.number])

    def test_of_another_amount_it_is_flagged(
        self, client: Client, payment: Payment, told: Told
    ) -> None:
        notify(client, payment.account, notification_of(transaction_of(payment, total=1)))
        work()
        assert (PayNotification.objects.get().state, told.paid) == ("flagged", [])

    def test_a_refund_has_its_own_words(self, client: Client, payment: Payment, told: Told) -> None:
        notify(client, payment.account, notification_of(transaction_of(payment)))
        work()
        refund = refunds.refund(
            payment_id=payment.pk, amount_fen=100, reason="顾客要求", actor=ACTOR
        )
        content = refunded(
            {
                "out_refund_no": refund.number,
                "out_trade_no": payment.number,
                "amount": {"refund": 100},
            }
        )
        content["refund_status"] = content.pop("status")
        body = notification_of(content, event="REFUND.SUCCESS")
        headers = signed(body)
        path = f"/hooks/pay/{payment.account.token}/refund/"
        answer = client.post(path, body, content_type="application/json", headers=headers)
        assert answer.status_code == 204
        ProcrastinateJob.objects.filter(task_name="pay.refund").delete()
        work()
        assert Refund.objects.get().state == "done"

    def test_a_partners_notification_finds_the_merchant(
        self, client: Client, tea: Merchant, told: Told
    ) -> None:
        partner = make_pay_account(mode=Mode.PARTNER)
        account = make_sub_account(tea, partner)
        with fake_pay({"POST /v3/pay/partner/transactions/native": {"code_url": "weixin://x"}}):
            payment = make_payment_with(tea, account)
        notify(client, partner, notification_of(transaction_of(payment)))
        work()
        assert told.paid == [payment.number]

    def test_an_event_nobody_works_on(self, client: Client, payment: Payment) -> None:
        notify(client, payment.account, notification_of({"x": 1}, event="PAYSCORE.USER_OPEN"))
        work()
        assert PayNotification.objects.get().state == "known"


def make_payment_with(merchant: Merchant, account: PayAccount) -> Payment:
    with tenancy.merchant_scope(merchant.pk):
        return payments.start(
            account=account,
            purpose="test.thing",
            subject_id=None,
            description="x",
            amount_fen=100,
            way=Way.NATIVE,
            expires_at=clock.now() + timedelta(minutes=30),
            actor=ACTOR,
        )


class TestRefused:
    @pytest.mark.parametrize(
        "how",
        [
            {"key": merchant_key()},
            {"minutes": -6},
            {"minutes": 6},
            {"signature": "WECHATPAY/SIGNTEST/abc"},
            {"serial": "PUB_KEY_ID_OTHER"},
            {"serial": "ABCDEF0123"},
            {"serial": "bad serial"},
        ],
        ids=["forged", "late", "early", "probe", "other-key", "unknown-certificate", "rubbish"],
    )
    def test_what_is_not_wechats_leaves_no_trace(
        self, client: Client, payment: Payment, how: dict[str, Any]
    ) -> None:
        at = clock.now() + timedelta(minutes=how.get("minutes", 0))
        others = {name: value for name, value in how.items() if name != "minutes"}
        body = notification_of(transaction_of(payment))
        answer = notify(client, payment.account, body, at=at, **others)
        assert answer.status_code == 401
        assert json.loads(answer.content)["code"] == "FAIL"
        assert not PayNotification.objects.exists()
        assert state(payment) == "prepaid"

    def test_a_changed_body(self, client: Client, payment: Payment) -> None:
        body = notification_of(transaction_of(payment))
        changed = body.replace(b"encrypt-resource", b"encrypt_resource")
        answer = client.post(
            f"/hooks/pay/{payment.account.token}/",
            changed,
            content_type="application/json",
            headers=signed(body),
        )
        assert answer.status_code == 401
        assert not PayNotification.objects.exists()

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"{}", 400), (b"[]", 400), (b"{", 400), (b'{"id":"a b","event_type":"X"}', 400),
         (b"\xff", 400), (b"x" * 70_000, 413)],
    )  # fmt: skip
    def test_rubbish_that_is_signed(
        self, client: Client, payment: Payment, body: bytes, status: int
    ) -> None:
        assert notify(client, payment.account, body).status_code == status
        assert not PayNotification.objects.exists()

    @pytest.mark.parametrize("token", ["x", "2" * 26, "../../x"])
    def test_another_address(self, client: Client, payment: Payment, token: str) -> None:
        body = notification_of(transaction_of(payment))
        answer = client.post(
            f"/hooks/pay/{token}/", body, content_type="application/json", headers=signed(body)
        )
        assert answer.status_code == 404

    def test_get_is_refused(self, client: Client, account: PayAccount) -> None:
        assert client.get(f"/hooks/pay/{account.token}/").status_code == 405

    def test_a_disconnected_account_still_takes_its_own(
        self, client: Client, payment: Payment, told: Told
    ) -> None:
        accounts.disconnect_account(account=payment.account, actor=ACTOR)
        notify(client, payment.account, notification_of(transaction_of(payment)))
        work()
        assert told.paid == [payment.number]


class TestKeys:
    def test_another_api_v3_key_is_told_and_can_be_replayed(
        self, client: Client, payment: Payment, told: Told
    ) -> None:
        new_key = "f" * 32
        body = notification_of(transaction_of(payment), api_v3_key=new_key)
        notify(client, payment.account, body)
        work()
        found = PayNotification.objects.get()
        assert (found.state, found.error, told.paid) == ("failed", "CANNOT_DECRYPT", [])
        account = PayAccount.objects.get(pk=payment.account_id)
        assert account.last_error_code == "CANNOT_DECRYPT"
        account.seal("api_v3_key", new_key)
        account.save()
        notifications.replay(notification=found, actor=ACTOR)
        work()
        assert told.paid == [payment.number]

    def test_a_platform_certificate_verifies_as_well(
        self, client: Client, tea: Merchant, told: Told
    ) -> None:
        account = make_pay_account(tea, has_public_key=False)
        certificate = give_certificate(account, certificate_of(wechat_key()))
        with fake_pay(serial=certificate.serial):
            payment = make_payment_with(tea, account)
        body = notification_of(transaction_of(payment))
        assert notify(client, account, body, serial=certificate.serial).status_code == 204
        work()
        assert told.paid == [payment.number]

    def test_a_new_certificate_is_fetched_before_the_next_try(
        self, client: Client, tea: Merchant, told: Told
    ) -> None:
        account = make_pay_account(tea, has_public_key=False)
        old = give_certificate(account, certificate_of(merchant_key(), number=0xA1B2C3D4E5))
        pem = certificate_of(wechat_key(), number=0xF1F2F3F4F5)
        serial = signing.serial_of(signing.load_certificate(pem))
        answer = {"data": [{"encrypt_certificate": sealed(pem, about="certificate")}]}
        with fake_pay({CERTIFICATES: answer}, serial=serial) as fake:
            payment = make_payment_with(tea, account)  # its answer is signed with the new one
            assert fake.names().count(CERTIFICATES) == 1
            body = notification_of(transaction_of(payment))
            assert notify(client, account, body, serial=serial).status_code == 204
        assert PlatformCertificate.objects.filter(account=account).count() == 2
        assert old.serial != serial

    def test_an_unknown_certificate_makes_a_job_fetch(
        self, client: Client, tea: Merchant, told: Told
    ) -> None:
        account = make_pay_account(tea, has_public_key=False)
        pem = certificate_of(wechat_key())
        serial = signing.serial_of(signing.load_certificate(pem))
        answer = {"data": [{"encrypt_certificate": sealed(pem, about="certificate")}]}
        body = notification_of({"x": 1}, event="PAYSCORE.X")
        for _ in range(3):
            assert notify(client, account, body, serial=serial).status_code == 401
        jobs = ProcrastinateJob.objects.filter(task_name="pay.fetch_certificates")
        assert jobs.count() == 1
        with fake_pay({CERTIFICATES: answer}, serial=serial) as fake:
            work()
            work()
        assert fake.names() == [CERTIFICATES]
        assert notify(client, account, body, serial=serial).status_code == 204

    def test_one_that_has_ended_is_not_believed(self, client: Client, tea: Merchant) -> None:
        account = make_pay_account(tea, has_public_key=False)
        ended = give_certificate(account, certificate_of(wechat_key(), days=-1))
        body = notification_of({"x": 1}, event="PAYSCORE.X")
        assert notify(client, account, body, serial=ended.serial).status_code == 401
