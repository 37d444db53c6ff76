"""WeChat Pay in the demo: merchant numbers of the sandbox, a day of payments, and its bill.

Two days ago merchants paid the platform, one order was refunded, one never paid, and a till that
is not ours took money on the same merchant number: so the bill of that day has a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from time import monotonic

from demo.cast import MERCHANTS, OPERATORS, PLATFORM_ACCOUNT, AccountPlan
from demo.made import find, id_of
from demo.models import Made
from demo.rhythm import ZONE
from demo.sandbox import Sandbox
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import Membership, Merchant, Operator, Role, Tier
from zhanggui.billing import services as billing
from zhanggui.channels.pay import gateway, trials
from zhanggui.channels.pay.client import PayOrder
from zhanggui.channels.pay.models import Mode, PayAccount, Payment, Refund, Way
from zhanggui.channels.pay.services import accounts, payments, reconciling, refunds, settling
from zhanggui.channels.pay.services.accounts import Keys, Place
from zhanggui.core import clock, tenancy, tokens

DAYS_AGO = 2
"""The bill of that day is there whatever the hour."""
TEA = MERCHANTS[0]
NANFENG, CHENGBEI = OPERATORS[0], OPERATORS[1]


@dataclass(frozen=True)
class PayPlan:
    """A merchant number of the sandbox and whose it is."""

    mchid: str
    name: str
    account: AccountPlan
    """Its app id is linked to the merchant number."""
    has_public_key: bool = True
    operator: str = ""
    merchant: str = ""


ACCOUNTS = (
    PayPlan("9000000001", "掌柜平台收款", PLATFORM_ACCOUNT),
    PayPlan(
        "9000000011", "南风收款", PLATFORM_ACCOUNT, has_public_key=False, operator=NANFENG.slug
    ),
    PayPlan("9000000101", "青岚茶馆收款", TEA.account or PLATFORM_ACCOUNT, merchant=TEA.slug),
)


def make(control: Sandbox, actor: Actor) -> None:
    """Connect the merchant numbers and tell the day; each once in the life of a database."""
    known = {one["mchid"]: one for one in control.merchants()}
    for plan in ACCOUNTS:
        given = known.get(plan.mchid) or control.open_merchant(
            {"mchid": plan.mchid, "name": plan.name, "appids": [plan.account.app_id]}
        )
        if find(f"pay:{plan.mchid}") is None:
            row = _connect(plan, given, actor)
            Made.objects.create(key=f"pay:{plan.mchid}", row_id=row.pk)
    if find("pay:story") is None:
        bill_id = _Story(control).tell()
        Made.objects.create(key="pay:story", row_id=bill_id)


def _connect(plan: PayPlan, given: dict[str, str], actor: Actor) -> PayAccount:
    keys = Keys(
        serial=given["serial"],
        private_key=given["private_key_pem"],
        api_v3_key=given["api_v3_key"],
        public_key_id=given["public_key_id"] if plan.has_public_key else "",
        public_key=given["public_key_pem"] if plan.has_public_key else "",
    )
    return accounts.connect_account(
        place=_place(plan),
        mode=Mode.DIRECT,
        name=plan.name,
        mchid=plan.mchid,
        app_id=plan.account.app_id,
        keys=keys,
        ways=[Way.NATIVE, Way.JSAPI],
        actor=actor,
    )


def _place(plan: PayPlan) -> Place:
    if plan.merchant:
        merchant = Merchant.objects.get(pk=id_of(f"merchant:{plan.merchant}"))
        return Place(Tier.MERCHANT, merchant=merchant)
    if plan.operator:
        operator = Operator.objects.get(pk=id_of(f"operator:{plan.operator}"))
        return Place(Tier.OPERATOR, operator=operator)
    return Place(Tier.PLATFORM)


class _Story:
    """One day of payments, told with both programs' clocks moved back to it."""

    def __init__(self, control: Sandbox) -> None:
        self.control = control
        self.began, self.began_s = clock.now(), monotonic()
        today = self.began.astimezone(ZONE).date()
        self.day = today - timedelta(days=DAYS_AGO)
        self.payer = sorted(control.people())[0]

    def tell(self) -> int:
        """Tell the day and check its bill; answers the id of the bill."""
        flowers = self._merchant("yunshang-flowers")
        watches = self._merchant("laochen-watches")
        noodles = self._merchant("wanfeng-noodles")
        with self._at(10, 12):
            self._paid(self._ordered(flowers, top_up_fen=20_000))
        with self._at(11, 40):
            bought = self._ordered(watches, pack="sms-1k")
            self._paid(bought)
        with self._at(14, 5):
            self._given_back(watches, bought)
        with self._at(15, 20):
            given_up = self._ordered(noodles, pack="sms-1k")
        with self._at(15, 51):
            self._closed(given_up)
        with self._at(16, 30):
            self._other_till()
        with self._at(17, 2):
            self._tried()
        for plan in ACCOUNTS:  # a job that asked while the clocks were moved was refused
            accounts.test_account(account=PayAccount.objects.get(pk=id_of(f"pay:{plan.mchid}")))
        account = PayAccount.objects.get(pk=id_of("pay:9000000001"))
        return reconciling.check_bill(account_id=account.pk, day=self.day.isoformat()).pk

    @contextmanager
    def _at(self, hour: int, minute: int) -> Iterator[None]:
        moment = datetime.combine(self.day, time(hour, minute), tzinfo=ZONE)
        really = self.began + timedelta(seconds=monotonic() - self.began_s)
        by = moment - really + clock.shift()
        self.control.set_clock(by.total_seconds())
        try:
            with clock.at(moment):
                yield
        finally:
            self.control.set_clock(clock.shift().total_seconds())

    @staticmethod
    def _merchant(slug: str) -> Merchant:
        return Merchant.objects.get(pk=id_of(f"merchant:{slug}"))

    @staticmethod
    def _owner(merchant: Merchant) -> Actor:
        found = Membership.objects.select_related("person").get(
            merchant=merchant, tier=Tier.MERCHANT, role=Role.OWNER
        )
        return person_actor(found.person)

    def _ordered(self, merchant: Merchant, *, top_up_fen: int = 0, pack: str = "") -> Payment:
        owner = self._owner(merchant)
        with tenancy.merchant_scope(merchant.pk):
            if pack:
                order = billing.order_sms_pack(
                    merchant=merchant, pack=pack, use_balance=False, note="", actor=owner
                )
            else:
                order = billing.order_top_up(
                    merchant=merchant, amount_fen=top_up_fen, note="", actor=owner
                )
            return billing.pay_order(
                merchant=merchant, order_id=order.pk, way=Way.NATIVE, payer_ip="", actor=owner
            )

    def _paid(self, payment: Payment) -> None:
        self.control.pay_order(payment.account.mchid, payment.number, self.payer)
        with tenancy.merchant_scope(payment.merchant_id):
            settling.look(payment)

    def _given_back(self, merchant: Merchant, payment: Payment) -> None:
        staff = Membership.objects.select_related("person").filter(tier=Tier.PLATFORM)
        seller = person_actor(staff.earliest("pk").person)
        billing.refund_order(
            merchant=merchant,
            order_id=payment.subject_id or 0,
            reason="买错了套餐",
            actor=seller,
        )
        with tenancy.merchant_scope(merchant.pk):
            refund = Refund.objects.get(payment=payment)
        self._carried_on(refund, at=(14, 6))

    def _carried_on(self, refund: Refund, at: tuple[int, int]) -> None:
        refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)
        with self._at(*at):
            refunds.carry_on(merchant_id=refund.merchant_id, refund_id=refund.pk)

    def _closed(self, payment: Payment) -> None:
        with tenancy.merchant_scope(payment.merchant_id):
            payments.request_close(
                payment_id=payment.pk, reason="", actor=settling.CLOCK, role="clock"
            )
        settling.close_at_wechat(merchant_id=payment.merchant_id, payment_id=payment.pk)

    def _other_till(self) -> None:
        """Take money on the platform's merchant number past our book."""
        account = PayAccount.objects.get(pk=id_of("pay:9000000001"))
        order = PayOrder(
            way="native",
            number=tokens.new_token(20),
            description="展会现场收款",
            amount_fen=5_000,
            expires_at=clock.now() + timedelta(minutes=30),
            notify_url=payments.notify_url(account),
        )
        gateway.call(account, lambda api: api.prepay(order))
        self.control.pay_order(account.mchid, order.number, self.payer)

    def _tried(self) -> None:
        """The tea house tries its new account with one fen, and gives it back."""
        merchant = self._merchant(TEA.slug)
        owner = self._owner(merchant)
        account = PayAccount.objects.get(pk=id_of("pay:9000000101"))
        with tenancy.merchant_scope(merchant.pk):
            payment = trials.begin(account=account, actor=owner)
        self._paid(payment)
        with tenancy.merchant_scope(merchant.pk):
            refund = refunds.refund(
                payment_id=payment.pk, amount_fen=1, reason="试收退回", actor=owner
            )
        self._carried_on(refund, at=(17, 3))
