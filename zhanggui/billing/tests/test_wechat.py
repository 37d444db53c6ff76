"""Orders paid through WeChat Pay, from the code on the screen to the refund."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_merchant,
    make_operator,
    make_platform_staff,
    make_staff,
)
from zhanggui.billing import selectors, services
from zhanggui.billing.errors import (
    NotRefundable,
    OrderClosing,
    OrderLapsed,
    OrderMoved,
    PackGone,
)
from zhanggui.billing.models import Kind, Order, OrderState, Plan, Transfer, Way
from zhanggui.billing.tests.factories import (
    BASIC,
    edition,
    make_order,
    make_seller,
    make_subscriber,
    put_on_balance,
    receipt_file,
)
from zhanggui.channels.pay import answers
from zhanggui.channels.pay.errors import PayDown
from zhanggui.channels.pay.models import Mode, PayAccount, Payment, Refund
from zhanggui.channels.pay.models import Way as PayWay
from zhanggui.channels.pay.services import payments, settling
from zhanggui.channels.pay.tests.factories import (
    NATIVE,
    QUERY,
    REFUND,
    fake_pay,
    make_pay_account,
    refunding,
    transaction_of,
)
from zhanggui.channels.wechat.tests.factories import run_jobs
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks
from zhanggui.ledger.models import Account, Unit
from zhanggui.messaging import wallet
from zhanggui.messaging.errors import CreditSpent
from zhanggui.messaging.models import Purse

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36"


@pytest.fixture
def till(tea: Merchant) -> PayAccount:
    """The platform's account, which sells to the merchant."""
    return make_pay_account(name="掌柜平台收款")


def renew(merchant: Merchant, *, use_balance: bool = False) -> Order:
    return services.order_period(
        merchant=merchant, edition=BASIC, months=1, use_balance=use_balance, note="", actor=ACTOR
    )


def pay(merchant: Merchant, order: Order, **answers_: Any) -> Payment:
    with fake_pay(answers_):
        return services.pay_order(
            merchant=merchant, order_id=order.pk, way=PayWay.NATIVE, payer_ip="", actor=ACTOR
        )


def arrive(payment: Payment, **changes: Any) -> str:
    found = answers.trade(transaction_of(payment, **changes))
    return settling.settle(account=payment.account, found=found)


def work(**answers_: Any) -> None:
    with fake_pay(answers_):
        run_jobs("pay")


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


@pytest.mark.spec("platform P10")
class TestRenewal:
    def test_is_paid_by_scanning_and_booked(self, tea: Merchant, till: PayAccount) -> None:
        ended = Plan.objects.get().ends_at
        order = renew(tea)
        payment = pay(tea, order)
        assert (payment.amount_fen, payment.account) == (order.rest_fen, till)
        assert payment.description == "续费 基础版 1 个月"
        assert fresh(order).payment_id == payment.pk
        assert arrive(payment) == "done"
        paid = fresh(order)
        assert (paid.state, paid.way) == (OrderState.PAID, Way.WECHAT)
        assert Plan.objects.get().ends_at > ended + timedelta(days=27)
        assert arrive(payment) == "known"
        assert checks.findings() == []

    def test_money_comes_from_wechat_in_the_books(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        arrive(pay(tea, order))
        codes = set(Account.objects.filter(unit=Unit.CNY).values_list("code", flat=True))
        assert "wechat" in codes
        assert "bank" not in codes

    def test_the_balance_comes_first(self, tea: Merchant, till: PayAccount) -> None:
        put_on_balance(tea, 1_000)
        order = renew(tea, use_balance=True)
        payment = pay(tea, order)
        assert payment.amount_fen == order.total_fen - 1_000
        arrive(payment)
        assert (fresh(order).state, selectors.balance_fen()) == (OrderState.PAID, 0)
        assert checks.findings() == []

    def test_pressing_twice_is_one_payment(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        assert pay(tea, order) == pay(tea, order)
        assert Payment.objects.count() == 1

    def test_wechat_is_down_and_then_not(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        with pytest.raises(PayDown):
            pay(tea, order, **{NATIVE: httpx2.ConnectError("x")})
        assert fresh(order).state == OrderState.PENDING
        assert pay(tea, order).state == "prepaid"
        assert Payment.objects.count() == 1

    def test_a_top_up_lands_on_the_balance(self, tea: Merchant, till: PayAccount) -> None:
        order = services.order_top_up(merchant=tea, amount_fen=5_000, note="", actor=ACTOR)
        arrive(pay(tea, order))
        assert selectors.balance_fen() == 5_000

    def test_another_amount_pays_nothing(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        assert arrive(pay(tea, order), total=1) == "flagged"
        assert fresh(order).state == OrderState.PENDING


class TestEnds:
    def test_expiry_closes_at_wechat_before_the_balance_returns(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        put_on_balance(tea, 1_000)
        order = renew(tea, use_balance=True)
        payment = pay(tea, order)
        with clock.at(payment.expires_at + timedelta(minutes=1)):
            services.lapse_orders()
            assert (fresh(order).state, selectors.balance_fen()) == (OrderState.PENDING, 0)
            work(**{QUERY: transaction_of(payment, trade_state="NOTPAY")})
            assert (fresh(order).state, selectors.balance_fen()) == (OrderState.CANCELLED, 1_000)

    def test_cancelling_waits_until_wechat_has_closed(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        services.cancel_order(merchant=tea, order_id=order.pk, actor=ACTOR)
        assert fresh(order).state == OrderState.PENDING
        with pytest.raises(OrderLapsed):
            pay(tea, order)
        work(**{QUERY: transaction_of(payment, trade_state="NOTPAY")})
        assert fresh(order).state == OrderState.CANCELLED

    def test_cancelled_in_the_moment_of_paying_is_paid(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        services.cancel_order(merchant=tea, order_id=order.pk, actor=ACTOR)
        work(**{QUERY: transaction_of(payment)})
        assert fresh(order).state == OrderState.PAID

    def test_money_for_a_cancelled_order_goes_back(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        services.cancel_order(merchant=tea, order_id=order.pk, actor=ACTOR)
        work(**{QUERY: transaction_of(payment, trade_state="NOTPAY")})
        arrive(payment)
        assert fresh(order).state == OrderState.CANCELLED
        assert Refund.objects.get().is_automatic
        assert checks.findings() == []

    def test_an_upgrade_that_costs_more_meanwhile_goes_back(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = services.order_upgrade(
            merchant=tea, edition="plus", use_balance=False, note="", actor=ACTOR
        )
        payment = pay(tea, order)
        services.grant(merchant=tea, edition=edition(), months=12, days=0, reason="续", actor=ACTOR)
        arrive(payment)
        assert fresh(order).state == OrderState.PENDING
        assert Refund.objects.get().amount_fen == order.rest_fen

    def test_a_receipt_handed_in_closes_the_code(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        hand_in(tea, order)
        assert Payment.objects.get().state == "closing"
        with pytest.raises(OrderMoved):
            pay(tea, order)
        work(**{QUERY: transaction_of(payment, trade_state="NOTPAY")})
        waiting = fresh(order)
        assert (waiting.state, waiting.way, waiting.payment_id) == ("pending", "transfer", None)
        transfer = Transfer.objects.get()
        services.approve_transfer(merchant=tea, transfer_id=transfer.pk, actor=ACTOR)
        assert (fresh(order).state, fresh(order).way) == (OrderState.PAID, Way.TRANSFER)

    def test_paid_both_ways_one_goes_back(self, tea: Merchant, till: PayAccount) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        hand_in(tea, order)
        services.approve_transfer(merchant=tea, transfer_id=Transfer.objects.get().pk, actor=ACTOR)
        arrive(payment)
        assert Refund.objects.get().amount_fen == payment.amount_fen
        assert fresh(order).way == Way.TRANSFER

    def test_after_closing_the_order_can_be_paid_anew(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        first = pay(tea, order)
        payments.request_close(payment_id=first.pk, reason="", actor=ACTOR)
        with pytest.raises(OrderClosing):
            pay(tea, order)
        work(**{QUERY: transaction_of(first, trade_state="NOTPAY")})
        second = pay(tea, order)
        assert second != first
        arrive(second)
        assert fresh(order).state == OrderState.PAID


def hand_in(merchant: Merchant, order: Order) -> None:
    services.hand_in_transfer(
        merchant=merchant,
        order_id=order.pk,
        amount_fen=order.rest_fen,
        paid_on=clock.now().date(),
        reference="CMB1",
        proof=receipt_file(),
        actor=ACTOR,
    )


class TestRefund:
    def test_goes_back_by_itself(self, tea: Merchant, till: PayAccount) -> None:
        ended = Plan.objects.get().ends_at
        order = renew(tea)
        arrive(pay(tea, order))
        services.refund_order(merchant=tea, order_id=order.pk, reason="不用了", actor=ACTOR)
        assert (fresh(order).state, Plan.objects.get().ends_at) == (OrderState.REFUNDED, ended)
        work(**{REFUND: refunding()})
        refund = Refund.objects.get()
        assert (refund.state, refund.amount_fen, refund.reason) == (
            "done",
            order.rest_fen,
            "不用了",
        )
        assert Payment.objects.get().state == "refunded"
        assert checks.findings() == []

    def test_after_a_year_it_is_sent_by_hand(self, tea: Merchant, till: PayAccount) -> None:
        order = services.order_period(
            merchant=tea, edition=BASIC, months=36, use_balance=False, note="", actor=ACTOR
        )
        arrive(pay(tea, order))
        with clock.at(clock.now() + timedelta(days=366)):
            assert not selectors.goes_back_by_wechat(fresh(order))
            services.refund_order(merchant=tea, order_id=order.pk, reason="不用了", actor=ACTOR)
        assert fresh(order).state == OrderState.REFUNDED
        assert not Refund.objects.exists()

    def test_what_cannot_be_taken_back_keeps_its_money(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        arrive(pay(tea, order))
        services.grant(merchant=tea, edition=edition(), months=1, days=0, reason="送", actor=ACTOR)
        with pytest.raises(NotRefundable):
            services.refund_order(merchant=tea, order_id=order.pk, reason="不用了", actor=ACTOR)
        assert not Refund.objects.exists()


class TestSmsPacks:
    def test_the_credit_is_there_when_it_is_paid(self, tea: Merchant, till: PayAccount) -> None:
        before = wallet.balance(Purse.SERVICE)
        order = order_pack(tea)
        assert (order.kind, order.total_fen, order.segments) == (Kind.SMS_PACK, 6_000, 1_000)
        assert wallet.balance(Purse.SERVICE) == before
        payment = pay(tea, order)
        arrive(payment)
        arrive(payment)
        assert wallet.balance(Purse.SERVICE) == before + 1_000

    def test_also_without_a_plan(self, till: PayAccount) -> None:
        merchant = make_merchant()
        with tenancy.merchant_scope(merchant.pk):
            arrive(pay(merchant, order_pack(merchant)))
            assert wallet.balance(Purse.SERVICE) >= 1_000

    def test_refunding_takes_it_back_unless_it_is_spent(
        self, tea: Merchant, till: PayAccount
    ) -> None:
        order = order_pack(tea)
        arrive(pay(tea, order))
        services.refund_order(merchant=tea, order_id=order.pk, reason="买错了", actor=ACTOR)
        assert Refund.objects.get().amount_fen == 6_000
        spent = order_pack(tea)
        arrive(pay(tea, spent))
        wallet.move(merchant=tea, source=Purse.SERVICE, segments=900, key="m1", actor=ACTOR)
        with pytest.raises(CreditSpent):
            services.refund_order(merchant=tea, order_id=spent.pk, reason="买错了", actor=ACTOR)
        assert fresh(spent).state == OrderState.PAID

    def test_a_pack_nobody_sells(self, tea: Merchant) -> None:
        with pytest.raises(PackGone):
            order_pack(tea, "none")


def order_pack(merchant: Merchant, pack: str = "sms-1k") -> Order:
    return services.order_sms_pack(
        merchant=merchant, pack=pack, use_balance=False, note="", actor=ACTOR
    )


class TestWhoCollects:
    def test_the_platform_for_its_own_merchants(self, tea: Merchant) -> None:
        assert selectors.pay_account_of(tea) is None
        till = make_pay_account()
        make_pay_account(tea)
        assert selectors.pay_account_of(tea) == till

    def test_the_operator_for_its_merchants(self, db: None) -> None:
        operator = make_operator()
        merchant = make_subscriber(operator=operator)
        platforms = make_pay_account()
        assert selectors.pay_account_of(merchant) == platforms
        make_seller(operator)  # it collects by bank itself
        assert selectors.pay_account_of(merchant) is None
        own = make_pay_account(operator=operator)
        assert selectors.pay_account_of(merchant) == own

    def test_a_service_provider_collects_for_others_only(self, db: None) -> None:
        operator = make_operator()
        merchant = make_subscriber(operator=operator)
        make_pay_account(operator=operator, mode=Mode.PARTNER)
        assert selectors.pay_account_of(merchant) is None
        platforms = make_pay_account()
        assert selectors.pay_account_of(merchant) == platforms


class TestPages:
    @pytest.fixture
    def owner(self, client: Client, tea: Merchant) -> Client:
        client.force_login(make_staff(tea, role=Role.OWNER))
        return client

    def url(self, merchant: Merchant, order: Order, name: str = "") -> str:
        return f"/m/{merchant.slug}/account/orders/{order.pk}/{name}"

    def test_ordering_shows_the_code_at_once(
        self, owner: Client, tea: Merchant, till: PayAccount
    ) -> None:
        with fake_pay():
            answer = owner.post(
                f"/m/{tea.slug}/account/renew", {"offer": "basic:1", "pay_by": "native"}
            )
        order = Order.objects.get()
        assert answer["Location"] == self.url(tea, order)
        page = owner.get(answer["Location"]).content.decode()
        assert "data:image/svg+xml" in page
        assert "¥99.00" in page

    def test_the_page_notices_that_it_is_paid(
        self, owner: Client, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        state = self.url(tea, order, "state")
        was = "pending-prepaid-open"
        assert owner.get(f"{state}?was={was}").status_code == 204
        arrive(payment)
        answer = owner.get(f"{state}?was={was}")
        assert answer.headers["HX-Refresh"] == "true"
        page = owner.get(self.url(tea, order)).content.decode()
        assert "已通过微信支付付款" in page

    def test_wechat_down_leaves_an_order_and_a_word(
        self, owner: Client, tea: Merchant, till: PayAccount
    ) -> None:
        with fake_pay({NATIVE: httpx2.ConnectError("x")}):
            answer = owner.post(
                f"/m/{tea.slug}/account/renew",
                {"offer": "basic:1", "pay_by": "native"},
                follow=True,
            )
        page = answer.content.decode()
        assert "微信支付暂无应答" in page
        assert "显示付款码" in page
        with fake_pay():
            owner.post(self.url(tea, Order.objects.get(), "pay"))
        assert Payment.objects.get().state == "prepaid"

    @pytest.mark.parametrize(
        ("ways", "agent", "offered"),
        [
            (("native",), "", ["native", "transfer"]),
            (("native", "h5"), "", ["native", "transfer"]),
            (("native", "h5"), PHONE, ["h5", "native", "transfer"]),
            (("jsapi",), PHONE, ["transfer"]),
        ],
        ids=["screen", "screen-with-h5", "phone", "only-inside-wechat"],
    )
    @pytest.mark.spec("platform P32")
    def test_only_ways_that_are_on_and_work_here_are_offered(
        self, owner: Client, tea: Merchant, ways: tuple[str, ...], agent: str, offered: list[str]
    ) -> None:
        make_pay_account(ways=ways)
        page = owner.get(f"/m/{tea.slug}/account/renew", headers={"User-Agent": agent})
        found = [value for value, _label in page.context["form"].fields["pay_by"].choices]
        assert found == offered
        refused = owner.post(
            f"/m/{tea.slug}/account/renew",
            {"offer": "basic:1", "pay_by": "jsapi"},
            headers={"User-Agent": agent},
        )
        assert refused.status_code == 422
        assert not Order.objects.exists()

    def test_without_wechat_pay_the_transfer_stays(self, owner: Client, tea: Merchant) -> None:
        make_seller()
        answer = owner.post(
            f"/m/{tea.slug}/account/renew", {"offer": "basic:1", "pay_by": "transfer"}
        )
        page = owner.get(answer["Location"]).content.decode()
        assert "招商银行" in page
        assert "微信支付" not in page

    def test_buying_sms_credit(self, owner: Client, tea: Merchant, till: PayAccount) -> None:
        page = owner.get(f"/m/{tea.slug}/account/sms").content.decode()
        assert "1,000 条" in page
        with fake_pay():
            owner.post(f"/m/{tea.slug}/account/sms", {"pack": "sms-1k", "pay_by": "native"})
        assert Order.objects.get().kind == Kind.SMS_PACK
        arrive(Payment.objects.select_related("account").get())
        assert wallet.balance(Purse.SERVICE) >= 1_000

    def test_who_may_not_pay(self, client: Client, tea: Merchant, till: PayAccount) -> None:
        order = make_order(tea)
        client.force_login(make_staff(tea, "billing.view"))
        assert client.post(self.url(tea, order, "pay")).status_code == 403
        assert not Payment.objects.exists()

    def test_the_desk_shows_the_payment(
        self, client: Client, tea: Merchant, till: PayAccount
    ) -> None:
        order = renew(tea)
        payment = pay(tea, order)
        arrive(payment)
        client.force_login(make_platform_staff(role=Role.OWNER))
        page = client.get(f"/platform/billing/orders/{tea.slug}/{order.pk}/").content.decode()
        assert payment.number in page
        assert "会通过微信支付自动原路退回" in page
        detail = f"/platform/pay/payments/{tea.slug}/{payment.pk}/"
        assert detail in page
        shown = client.get(detail).content.decode()
        assert f"/platform/billing/orders/{tea.slug}/{order.pk}/" in shown
