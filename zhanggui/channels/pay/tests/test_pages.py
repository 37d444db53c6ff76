"""The pages of payments: merchant, operator and platform each see their own money."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.channels.pay import answers
from zhanggui.channels.pay.models import BillDifference, PayAccount, Payment, Refund
from zhanggui.channels.pay.services import settling
from zhanggui.channels.pay.tests.conftest import Told
from zhanggui.channels.pay.tests.factories import (
    API_V3_KEY,
    PUBLIC_KEY_ID,
    QUERY,
    SERIAL,
    fake_pay,
    make_difference,
    make_notification,
    make_pay_account,
    make_payment,
    merchant_key,
    pem_of,
    public_pem_of,
    refused,
    transaction_of,
    wechat_key,
)
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


@pytest.fixture
def payment(tea: Merchant, account: PayAccount, told: Told) -> Payment:
    made = make_payment(tea, account)
    settling.settle(account=account, found=answers.trade(transaction_of(made)))
    return Payment.objects.select_related("account").get(pk=made.pk)


class TestList:
    def test_shows_what_came_in(self, owner: Client, payment: Payment) -> None:
        page = owner.get("/m/tea/pay/").content.decode()
        assert "一杯柠檬茶" in page
        assert "¥99.00" in page

    @pytest.mark.parametrize(
        ("query", "is_there"),
        [("state=paid", True), ("state=closed", False), ("q=柠檬", True), ("q=咖啡", False),
         ("way=h5", False), ("trouble=open", False), ("purpose=test.thing", True)],
    )  # fmt: skip
    def test_filters(self, owner: Client, payment: Payment, query: str, is_there: bool) -> None:
        found = owner.get(f"/m/tea/pay/?{query}").context["list"].rows
        assert (payment in found) is is_there

    def test_can_be_taken_away(self, owner: Client, payment: Payment) -> None:
        answer = owner.post("/m/tea/exports/pay.payments", {"format": "csv"})
        sheet = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        assert payment.number in sheet
        assert "一杯柠檬茶" in sheet

    def test_each_tier_sees_its_own(self, client: Client, payment: Payment, tea: Merchant) -> None:
        operator = make_operator()
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        page = client.get(f"/operator/{operator.slug}/pay/").content.decode()
        assert "一杯柠檬茶" not in page
        path = f"/operator/{operator.slug}/pay/payments/{tea.slug}/{payment.pk}/"
        assert client.get(path).status_code == 404
        client.force_login(make_platform_staff(role=Role.OWNER))
        assert client.get(f"/platform/pay/payments/{tea.slug}/{payment.pk}/").status_code == 404

    def test_the_platform_sees_who_paid_it(self, client: Client, tea: Merchant, told: Told) -> None:
        account = make_pay_account()
        payment = make_payment(tea, account)
        client.force_login(make_platform_staff(role=Role.OWNER))
        assert "茶舍" in client.get("/platform/pay/").content.decode()
        path = f"/platform/pay/payments/{tea.slug}/{payment.pk}/"
        assert payment.number in client.get(path).content.decode()

    def test_without_an_account_it_says_what_to_do(self, owner: Client) -> None:
        assert "还没有接入微信支付" in owner.get("/m/tea/pay/").content.decode()


class TestRefunding:
    def post(self, client: Client, payment: Payment, **values: Any) -> Any:
        usual = {"amount_fen": "9.00", "reason": "少放了糖", "idempotency_key": "k1"}
        return client.post(f"/m/tea/pay/payments/{payment.pk}/refund", usual | values)

    def test_a_part_once(self, owner: Client, payment: Payment) -> None:
        assert self.post(owner, payment).status_code == 302
        assert self.post(owner, payment).status_code == 302
        refund = Refund.objects.get()
        assert (refund.amount_fen, refund.reason) == (900, "少放了糖")

    @pytest.mark.parametrize(
        "values", [{"amount_fen": "99.01"}, {"amount_fen": "x"}, {"reason": ""}]
    )
    def test_what_does_not_fit_is_refused(
        self, owner: Client, payment: Payment, values: dict[str, str]
    ) -> None:
        assert self.post(owner, payment, **values).status_code in {409, 422}
        assert not Refund.objects.exists()

    def test_who_only_looks_cannot(self, client: Client, tea: Merchant, payment: Payment) -> None:
        client.force_login(make_staff(tea, "pay.view"))
        page = client.get(f"/m/tea/pay/payments/{payment.pk}/").content.decode()
        assert 'id="refund"' not in page
        assert self.post(client, payment).status_code == 403

    def test_a_flagged_payment_is_settled(self, owner: Client, payment: Payment) -> None:
        Payment.objects.update(trouble="amount")
        assert payment in owner.get("/m/tea/pay/?trouble=open").context["list"].rows
        owner.post(f"/m/tea/pay/payments/{payment.pk}/settled", {"reason": "已线下退回"})
        page = owner.get(f"/m/tea/pay/payments/{payment.pk}/").content.decode()
        assert "已线下退回" in page

    def test_asking_now(
        self, owner: Client, tea: Merchant, account: PayAccount, told: Told
    ) -> None:
        payment = make_payment(tea, account)
        with fake_pay({QUERY: transaction_of(payment)}):
            owner.post(f"/m/tea/pay/payments/{payment.pk}/look")
        assert told.paid == [payment.number]


class TestAccount:
    def connect(self, client: Client, **values: Any) -> Any:
        usual = {
            "name": "茶舍收款",
            "mode": "direct",
            "mchid": "1900000001",
            "app_id": "wxsbtest00000001",
            "ways": ["native"],
            "serial": SERIAL,
            "private_key_text": pem_of(merchant_key()),
            "api_v3_key": API_V3_KEY,
            "public_key_id": PUBLIC_KEY_ID,
            "public_key_text": public_pem_of(wechat_key()),
        }
        return client.post("/m/tea/pay/account/connect", usual | values)

    def test_connecting_testing_trying(self, owner: Client) -> None:
        with fake_pay():
            assert self.connect(owner).status_code == 302
            page = owner.get("/m/tea/pay/account/").content.decode()
            assert "1900000001" in page
            assert "PRIVATE KEY" not in page
            assert API_V3_KEY not in page
            owner.post("/m/tea/pay/account/test")
            trial = owner.post("/m/tea/pay/account/trial", follow=True).content.decode()
        assert "¥0.01" in trial
        assert "data:image/svg+xml" in trial

    def test_wrong_keys_stay_on_the_form(self, owner: Client) -> None:
        with fake_pay({QUERY: refused("SIGN_ERROR", 401)}):
            answer = self.connect(owner)
        assert answer.status_code == 409
        assert "验签失败" in answer.content.decode()
        assert not PayAccount.objects.exists()

    def test_changing_and_disconnecting(self, owner: Client, account: PayAccount) -> None:
        owner.post("/m/tea/pay/account/change", {"name": "新名", "ways": ["h5"]})
        account.refresh_from_db()
        assert (account.name, account.ways) == ("新名", ["h5"])
        owner.post("/m/tea/pay/account/disconnect")
        account.refresh_from_db()
        assert not account.is_connected

    def test_a_lost_notification_is_replayed(self, owner: Client, tea: Merchant) -> None:
        lost = make_notification(tea)
        page = owner.get("/m/tea/pay/account/").content.decode()
        assert "APIv3 密钥与微信支付里设置的不一致" in page
        owner.post(f"/m/tea/pay/notifications/{lost.pk}/replay")
        lost.refresh_from_db()
        assert lost.state == "received"


class TestBills:
    def test_a_difference_is_settled_in_words(self, owner: Client, tea: Merchant) -> None:
        found = make_difference(tea)
        page = owner.get(f"/m/tea/pay/bills/{found.bill_id}/").content.decode()
        assert found.number in page
        owner.post(f"/m/tea/pay/differences/{found.pk}/", {"reason": "展会收款"})
        assert BillDifference.objects.get().resolution == "展会收款"
        assert owner.get("/m/tea/pay/bills/").status_code == 200

    def test_another_places_is_not_there(self, owner: Client, tea: Merchant) -> None:
        other = make_merchant()
        with tenancy.merchant_scope(other.pk):
            foreign = make_difference(other)
        assert owner.get(f"/m/tea/pay/bills/{foreign.bill_id}/").status_code == 404
        answer = owner.post(f"/m/tea/pay/differences/{foreign.pk}/", {"reason": "x"})
        assert answer.status_code == 404

    def test_a_day_that_is_not_over(self, owner: Client, account: PayAccount) -> None:
        day = clock.local_date(clock.now(), "Asia/Shanghai").isoformat()
        page = owner.post("/m/tea/pay/bills/check", {"day": day}, follow=True).content.decode()
        assert "第二天 10 点以后" in page
