"""Reads of billing: plan, prices, orders, what waits for a check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import ngettext

from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.billing import periods
from zhanggui.billing.models import (
    Edition,
    Kind,
    Order,
    OrderState,
    Plan,
    Price,
    Seller,
    Transfer,
    TransferState,
    Way,
)
from zhanggui.billing.models.editions import MONTHS
from zhanggui.channels.pay import selectors as pay_selectors
from zhanggui.channels.pay.models import Mode, PayAccount, Payment
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.channels.pay.services.refunds import LONGEST
from zhanggui.core import clock
from zhanggui.ledger.models import Account, Unit

BALANCE = "balance"
PURPOSE = "billing.order"
"""Of payments through WeChat Pay that are for an order."""
ORDER = ("-created_at", "-id")


def plan_of() -> Plan | None:
    """The plan of the merchant in scope."""
    return Plan.objects.select_related("edition", "next_edition").first()


def edition_now(plan: Plan) -> Edition:
    """The edition that holds at this moment."""
    if plan.next_edition is not None and plan.next_from and plan.next_from <= clock.now():
        return plan.next_edition
    return plan.edition


def balance_fen() -> int:
    """The balance of the merchant in scope."""
    account = Account.objects.filter(unit=Unit.CNY, code=BALANCE).first()
    return account.balance if account else 0


# -- prices


def prices(operator: Operator | None) -> dict[int, Price]:
    """What each edition costs at a seller, by edition: the seller's own list before the platform's.

    An operator without a price of its own sells at the platform's.
    """
    lists = Price.objects.filter(Q(operator=None) | Q(operator=operator))
    found = {price.edition_id: price for price in lists if price.operator_id is None}
    found |= {price.edition_id: price for price in lists if price.operator_id is not None}
    return found


def day_prices(merchant: Merchant) -> dict[int, int]:
    """What a day of each edition is worth at the merchant's seller, in fen."""
    return {edition: price.day_fen for edition, price in prices(merchant.operator).items()}


def seller_of(merchant: Merchant) -> Seller | None:
    """Where the merchant transfers money to: its operator's account, else the platform's."""
    accounts = {
        seller.operator_id: seller
        for seller in Seller.objects.filter(Q(operator=None) | Q(operator_id=merchant.operator_id))
    }
    return accounts.get(merchant.operator_id) or accounts.get(None)


@dataclass(frozen=True, slots=True)
class Offer:
    """A period of an edition, as the renewal page offers it."""

    edition: Edition
    months: int
    total_fen: int
    ends_at: datetime
    follows: bool
    """Whether it begins only where the present period ends."""

    @property
    def key(self) -> str:
        """How the form names it."""
        return f"{self.edition.code}:{self.months}"

    @property
    def month_fen(self) -> int:
        """What a month comes to, for comparing."""
        return round(self.total_fen / self.months)


def offers(plan: Plan, merchant: Merchant) -> list[tuple[Edition, list[Offer]]]:
    """What the merchant can buy for a period now, edition by edition (U-42, U-43)."""
    now = clock.now()
    listed = prices(merchant.operator)
    begins_anew = plan.is_trial or plan.ends_at <= now
    present = edition_now(plan)
    planned = plan.next_edition if plan.next_from and plan.next_from > now else None
    found = []
    for edition in Edition.objects.filter(is_on_sale=True):
        is_offered = begins_anew or (
            edition.pk == planned.pk if planned else edition.rank <= present.rank
        )
        if not is_offered or edition.pk not in listed:
            continue
        follows = not begins_anew and edition.pk != present.pk
        price = listed[edition.pk]
        zone = merchant.time_zone
        found.append(
            (
                edition,
                [
                    Offer(
                        edition,
                        months,
                        price.of_months(months),
                        periods.extended(plan.ends_at, months=months, days=0, zone=zone),
                        follows,
                    )
                    for months in MONTHS
                ],
            )
        )
    return found


# -- orders


def orders(*, search: str = "", kind: str = "", way: str = "", state: str = "") -> QuerySet[Order]:
    """Orders of the open scope with the filters of M2; a lapsed one counts as cancelled."""
    found = Order.objects.select_related("edition")
    if search:
        found = found.filter(
            Q(number__startswith=search)
            | Q(created_by_name__icontains=search)
            | Q(note__icontains=search)
        )
    if kind in Kind.values:
        found = found.filter(kind=kind)
    if way in Way.values:
        found = found.filter(way=way)
    if state in OrderState.values:
        found = found.filter(_in_state(state))
    return found


def _in_state(state: str) -> Q:
    lapsed = Q(state=OrderState.PENDING, expires_at__lte=clock.now())
    if state == OrderState.PENDING:
        return Q(state=state) & ~lapsed
    return Q(state=state) | lapsed if state == OrderState.CANCELLED else Q(state=state)


def is_lapsed(order: Order) -> bool:
    """Whether the time to pay an order is over, also before the job has cancelled it."""
    return (
        order.state == OrderState.PENDING
        and order.expires_at is not None
        and order.expires_at <= clock.now()
    )


def state_now(order: Order) -> OrderState:
    """The state people read: an order whose time is over counts as cancelled (M2)."""
    return OrderState.CANCELLED if is_lapsed(order) else OrderState(order.state)


def open_order() -> Order | None:
    """The order of the merchant in scope that waits for its payment, if there is one."""
    return orders(state=OrderState.PENDING).order_by("-id").first()


def payment_of(order: Order) -> Payment | None:
    """The payment at WeChat Pay that is open for an order, or has paid it."""
    if order.payment_id is None:
        return None
    rows = Payment.objects.select_related("account__partner")
    return rows.filter(pk=order.payment_id).first()


def payments_of(order: Order) -> list[Payment]:
    """All payments an order was ever to be paid by, newest first."""
    rows = Payment.objects.filter(purpose=PURPOSE, subject_id=order.pk)
    return list(rows.select_related("account").order_by("-id")[:20])


def pay_account_of(merchant: Merchant) -> PayAccount | None:
    """Where a merchant pays its orders to through WeChat Pay: the seller's own account.

    An operator that collects by bank itself has its merchants' money nowhere else, so the
    platform's account then stands for nobody.
    """
    if merchant.operator_id:
        own = _collecting(Place(Tier.OPERATOR, operator=merchant.operator))
        if own or Seller.objects.filter(operator_id=merchant.operator_id).exists():
            return own
    return _collecting(Place(Tier.PLATFORM))


def _collecting(place: Place) -> PayAccount | None:
    """The account of a place, unless it is a service provider's, which collects for others only."""
    found = pay_selectors.account_at(place)
    return found if found and found.mode != Mode.PARTNER else None


def goes_back_by_wechat(order: Order) -> bool:
    """Whether a refund of this order sends money back through WeChat Pay by itself."""
    return (
        order.way == Way.WECHAT
        and order.payment_id is not None
        and order.rest_fen > 0
        and order.paid_at is not None
        and order.paid_at >= clock.now() - LONGEST
    )


def title_of(order: Order) -> str:
    """What an order is for in one line, as the payer reads it in WeChat."""
    with translation.override(settings.LANGUAGE_CODE):
        parts = [order.get_kind_display(), order.edition.name if order.edition else order.pack]
        if order.months:
            parts.append(
                ngettext("%(n)s month", "%(n)s months", order.months) % {"n": order.months}
            )
    return " ".join(part for part in parts if part)


def transfers_of(order: Order) -> list[Transfer]:
    """The proofs handed in for an order, newest first; each knows the order."""
    return list(order.transfers.order_by("-id"))


def sold_by(
    operator: Operator | None, *, search: str = "", kind: str = "", way: str = "", state: str = ""
) -> QuerySet[Order]:
    """Orders sold by an operator; without one of all sellers. Needs all merchants' scope."""
    found = orders(kind=kind, way=way, state=state).select_related("merchant__operator")
    if operator:
        found = found.filter(merchant__operator=operator)
    if search:
        found = found.filter(
            Q(number__startswith=search)
            | Q(merchant__name__icontains=search)
            | Q(merchant__slug__startswith=search)
        )
    return found


def transfers_to_check(
    operator: Operator | None, *, all_sellers: bool = False
) -> QuerySet[Transfer]:
    """Proofs that wait for a seller; needs all merchants' scope."""
    found = Transfer.objects.filter(state=TransferState.WAITING).select_related("order__merchant")
    return found if all_sellers else found.filter(merchant__operator=operator)


def same_reference(transfer: Transfer) -> int:
    """How many other proofs carry the same bank number; needs all merchants' scope."""
    return (
        Transfer.objects.filter(reference=transfer.reference)
        .exclude(pk=transfer.pk)
        .exclude(state=TransferState.REJECTED)
        .count()
    )
