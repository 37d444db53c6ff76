"""Orders: made, paid from the balance, cancelled, lapsed, given as a gift, refunded."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from zhanggui.accounts import audit
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import ActorKind, Merchant
from zhanggui.billing import selectors, states
from zhanggui.billing.errors import (
    NoPlan,
    NotOnSale,
    NotRefundable,
    OrderLapsed,
    OrderMoved,
    OrderWaits,
    PackGone,
    ReasonMissing,
)
from zhanggui.billing.models import (
    Change,
    Edition,
    Kind,
    Order,
    OrderState,
    Plan,
    PlanChange,
    Price,
    Way,
)
from zhanggui.billing.models.editions import MONTHS
from zhanggui.billing.services import balance, plans, wechat
from zhanggui.channels.pay.services import refunds
from zhanggui.core import clock, tenancy
from zhanggui.messaging import packs, wallet

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

PAY_WITHIN = timedelta(minutes=30)
CHANGES = {Kind.BUY: Change.BOUGHT, Kind.RENEW: Change.RENEWED, Kind.UPGRADE: Change.UPGRADED}


def order_period(
    *, merchant: Merchant, edition: str, months: int, use_balance: bool, note: str, actor: Actor
) -> Order:
    """Order a first plan or a renewal for 1, 12, 24 or 36 months.

    Args:
        merchant: in whose scope this runs.
        edition: its code.
        months: a period that is sold.
        use_balance: take what the balance has first; all of it pays the order at once.
        note: the buyer's own words.
        actor: who orders.

    Raises:
        NotOnSale, UpgradeFirst, DowngradePlanned: it cannot be bought now (409).
        OrderWaits: another order waits for its payment (E_ORDER_WAITS, 409).
    """
    with transaction.atomic():
        plan = _begin_with_plan(merchant, actor)
        wanted, price = _on_sale(edition, merchant)
        if months not in MONTHS:
            raise NotOnSale
        plans.extend(plan, wanted, months=months, days=0, zone=merchant.time_zone)
        kind = Kind.BUY if _is_trial(plan) else Kind.RENEW
        order = Order(
            kind=kind, edition=wanted, months=months, total_fen=price.of_months(months), note=note
        )
        return _place(order, merchant, use_balance=use_balance, actor=actor)


def order_upgrade(
    *, merchant: Merchant, edition: str, use_balance: bool, note: str, actor: Actor
) -> Order:
    """Order a bigger edition for the rest of the running plan, at the price of this moment.

    Raises:
        NoUpgrade: there is nothing to upgrade (E_NO_UPGRADE, 409).
        NotOnSale, OrderWaits: as ``order_period``.
    """
    with transaction.atomic():
        plan = _begin_with_plan(merchant, actor)
        wanted, _price = _on_sale(edition, merchant)
        total = plans.upgrade_price(plan, wanted, merchant)
        order = Order(kind=Kind.UPGRADE, edition=wanted, total_fen=total, note=note)
        return _place(order, merchant, use_balance=use_balance, actor=actor)


def order_top_up(*, merchant: Merchant, amount_fen: int, note: str, actor: Actor) -> Order:
    """Order a top-up of the balance, paid by transfer.

    Raises:
        OrderWaits: another order waits for its payment (E_ORDER_WAITS, 409).
    """
    with transaction.atomic():
        _begin(merchant, actor)
        order = Order(kind=Kind.TOP_UP, total_fen=amount_fen, note=note)
        return _place(order, merchant, use_balance=False, actor=actor)


def order_sms_pack(
    *, merchant: Merchant, pack: str, use_balance: bool, note: str, actor: Actor
) -> Order:
    """Order a pack of SMS credit; it is there the moment the order is paid.

    Raises:
        PackGone: it is not on sale (E_PACK_GONE, 409).
        OrderWaits: another order waits for its payment (E_ORDER_WAITS, 409).
    """
    with transaction.atomic():
        _begin(merchant, actor)
        found = packs.find(pack, merchant.operator_id)
        if found is None:
            raise PackGone
        order = Order(
            kind=Kind.SMS_PACK,
            pack=found.name,
            segments=found.segments,
            total_fen=found.price_fen,
            note=note,
        )
        return _place(order, merchant, use_balance=use_balance, actor=actor)


def grant(
    *,
    merchant: Merchant,
    edition: Edition,
    months: int,
    days: int,
    reason: str,
    actor: Actor,
) -> Order:
    """Give a merchant a period by hand, also in another edition, which then begins at once.

    A merchant without a plan gets its first one.

    Raises:
        ReasonMissing: no reason (E_REASON_MISSING, 422).
    """
    if not reason.strip():
        raise ReasonMissing
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        plan = plans.plan_to_give(edition)
        before = plans.picture(plan) if plan.pk else None
        zone = merchant.time_zone
        plans.extend(plan, edition, months=months, days=days, zone=zone, is_gift=True)
        order = Order(
            kind=Kind.GRANT,
            way=Way.FREE,
            state=OrderState.PAID,
            edition=edition,
            months=months,
            days=days,
            total_fen=0,
            note=reason[:200],
            paid_at=clock.now(),
        )
        _insert(order, merchant, actor)
        plans.keep(plan, Change.GRANTED, before=before, actor=actor, order=order, reason=order.note)
    return order


def cancel_order(*, merchant: Merchant, order_id: int, actor: Actor) -> Order:
    """Take an unpaid order back; what was set aside returns to the balance.

    An open payment at WeChat Pay is closed there first: until then the order waits, and if it is
    paid in that very moment, it is paid.

    Raises:
        OrderMoved: it is paid, cancelled, or its transfer is being checked (E_ORDER_MOVED, 409).
    """
    with transaction.atomic():
        is_closing = wechat.close_payment(Order.objects.get(pk=order_id), actor)
        plans.lock(merchant)
        order = Order.objects.get(pk=order_id)
        if order.expires_at is None or order.state != OrderState.PENDING:
            raise OrderMoved
        if is_closing:
            order.expires_at = min(order.expires_at, clock.now())
            order.save(update_fields=["expires_at"])
            states.remark(order, actor, gettext("Cancelled; WeChat Pay closes the payment first."))
        else:
            cancel(order, merchant, role=states.BUYER, actor=actor)
    return order


def lapse_orders() -> int:
    """Cancel every order that was not paid in time; answers how many. Run by a job."""
    with tenancy.all_merchants("orders lapse by the clock"):
        merchants = set(
            Order.objects.filter(state=OrderState.PENDING, expires_at__lte=clock.now()).values_list(
                "merchant_id", flat=True
            )
        )
    actor = system_actor(gettext_noop("Unpaid orders"))
    lapsed = 0
    for merchant in Merchant.objects.filter(pk__in=merchants):
        with tenancy.merchant_scope(merchant.pk), transaction.atomic():
            plans.lock(merchant)
            lapsed += _cancel_lapsed(merchant, actor)
    return lapsed


def fulfil(plan: Plan | None, order: Order, merchant: Merchant, *, role: str, actor: Actor) -> None:
    """Do what a paid order is for, once; the caller has locked the plan.

    Raises:
        OrderMoved: it is not waiting for its payment any more (E_ORDER_MOVED, 409).
        PlanMoved: an upgrade costs more now than when it was ordered (E_PLAN_MOVED, 409).
    """
    order.paid_at = clock.now()
    states.move(order, OrderState.PAID, role=role, actor=actor)
    order.expires_at = None
    order.save(update_fields=["paid_at", "expires_at"])
    balance.settle(order, merchant.time_zone)
    if order.edition is not None and plan is not None:
        _change_plan(plan, order, order.edition, merchant, actor)
    if order.kind == Kind.SMS_PACK:
        wallet.grant(
            merchant=merchant,
            segments=order.segments,
            cause=f"order:{order.pk}",
            actor=actor,
            reason=order.number,
            paid_fen=order.total_fen,
        )
    audit.record(
        actor,
        "billing.order.paid",
        f"order:{order.pk}",
        details={"number": order.number, "total_fen": order.total_fen, "way": order.way},
    )


def refund_order(*, merchant: Merchant, order_id: int, reason: str, actor: Actor) -> Order:
    """Take a paid order back: the money returns the way it came, the plan to what it was.

    What came through WeChat Pay goes back there by itself, within a year of the payment.

    Raises:
        ReasonMissing: no reason (E_REASON_MISSING, 422).
        NotRefundable: a gift, or the plan has changed since (E_NOT_REFUNDABLE, 409).
        OrderMoved: it is not paid, or was refunded already (E_ORDER_MOVED, 409).
        NotEnough: a top-up that was spent already (E_NOT_ENOUGH, 409).
        CreditSpent: SMS credit that was spent already (E_SMS_SPENT, 409).
    """
    if not reason.strip():
        raise ReasonMissing
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        plan = plans.lock(merchant)
        order = Order.objects.get(pk=order_id)
        if order.kind == Kind.GRANT:
            raise NotRefundable
        states.move(order, OrderState.REFUNDED, role=states.SELLER, actor=actor, reason=reason)
        balance.refund(order, merchant.time_zone)
        if order.kind == Kind.SMS_PACK:
            wallet.take_back(merchant=merchant, cause=f"order:{order.pk}", actor=actor)
        elif order.kind != Kind.TOP_UP:
            _take_back(plan, order, actor, reason)
        if selectors.goes_back_by_wechat(order):
            refunds.refund(
                payment_id=order.payment_id or 0,
                amount_fen=order.rest_fen,
                reason=reason,
                actor=actor,
                is_owners=True,
            )
        details = {"number": order.number, "total_fen": order.total_fen, "reason": reason}
        audit.record(actor, "billing.order.refunded", f"order:{order.pk}", details=details)
    return order


def refuse_lapsed(order: Order) -> None:
    """Refuse to go on with an order whose time is over.

    Raises:
        OrderLapsed: as it says (E_ORDER_LAPSED, 410).
    """
    if selectors.is_lapsed(order):
        raise OrderLapsed


def _begin_with_plan(merchant: Merchant, actor: Actor) -> Plan:
    plan = _begin(merchant, actor)
    if plan is None:
        raise NoPlan
    return plan


def _begin(merchant: Merchant, actor: Actor) -> Plan | None:
    plan = plans.lock(merchant)
    _cancel_lapsed(merchant, actor)
    waiting = selectors.open_order()
    if waiting is not None:
        raise OrderWaits(number=waiting.number)
    return plan


def _is_trial(plan: Plan) -> bool:
    # ``plan`` was already extended in memory, so the row is asked
    return Plan.objects.filter(pk=plan.pk, is_trial=True).exists()


def _on_sale(code: str, merchant: Merchant) -> tuple[Edition, Price]:
    edition = Edition.objects.filter(code=code, is_on_sale=True).first()
    price = selectors.prices(merchant.operator).get(edition.pk) if edition else None
    if edition is None or price is None:
        raise NotOnSale
    return edition, price


def _place(order: Order, merchant: Merchant, *, use_balance: bool, actor: Actor) -> Order:
    if use_balance:
        order.balance_fen = min(selectors.balance_fen(), order.total_fen)
    order.way = Way.TRANSFER if order.rest_fen else Way.BALANCE
    if not order.total_fen:
        order.way = Way.FREE
    order.expires_at = clock.now() + PAY_WITHIN
    _insert(order, merchant, actor)
    balance.hold(order, merchant.time_zone)
    if not order.rest_fen:
        fulfil(plans.lock(merchant), order, merchant, role=states.BUYER, actor=actor)
    return order


def _insert(order: Order, merchant: Merchant, actor: Actor) -> None:
    day = clock.local_date(clock.now(), merchant.time_zone)
    order.number = f"{day:%Y%m%d}{secrets.randbelow(10**8):08d}"
    order.created_by_id = actor.id if actor.kind == ActorKind.PERSON else None
    order.created_by_name = actor.name[:80]
    order.save(force_insert=True)
    states.begin(order, actor)
    details = {"number": order.number, "kind": order.kind, "total_fen": order.total_fen}
    audit.record(actor, "billing.order.made", f"order:{order.pk}", details=details)


def _cancel_lapsed(merchant: Merchant, actor: Actor) -> int:
    # what has a payment is released when WeChat Pay has closed that
    waiting = Order.objects.filter(state=OrderState.PENDING, payment_id__isnull=True)
    lapsed = waiting.filter(expires_at__lte=clock.now())
    for order in lapsed:
        cancel(order, merchant, role=states.CLOCK, actor=actor)
    return len(lapsed)


def cancel(order: Order, merchant: Merchant, *, role: str, actor: Actor) -> None:
    """Cancel an order and give back what was set aside; the caller has locked the plan."""
    states.move(order, OrderState.CANCELLED, role=role, actor=actor)
    balance.release(order, merchant.time_zone)
    details = {"number": order.number}
    audit.record(actor, "billing.order.cancelled", f"order:{order.pk}", details=details)


def _change_plan(
    plan: Plan, order: Order, edition: Edition, merchant: Merchant, actor: Actor
) -> None:
    before = plans.picture(plan)
    if order.kind == Kind.UPGRADE:
        plans.upgrade(plan, edition, merchant, order.total_fen)
    else:
        zone = merchant.time_zone
        plans.extend(plan, edition, months=order.months, days=order.days, zone=zone)
    change = CHANGES[Kind(order.kind)]
    plans.keep(plan, change, before=before, actor=actor, order=order)


def _take_back(plan: Plan | None, order: Order, actor: Actor, reason: str) -> None:
    latest = PlanChange.objects.order_by("-id").first()
    if plan is None or latest is None or latest.order_id != order.pk or latest.before is None:
        raise NotRefundable
    before = plans.picture(plan)
    plans.restore(plan, latest.before)
    plans.keep(plan, Change.REFUNDED, before=before, actor=actor, order=order, reason=reason[:200])
