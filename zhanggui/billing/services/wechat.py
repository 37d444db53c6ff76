"""Orders paid through WeChat Pay: begun, booked when the money is there, taken back.

Whoever locks takes the payment's row first and the plan's second: the bookings of WeChat Pay's
notifications do so, therefore everybody here.
Source: platform specification P10, P31; events specification "No overselling".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_noop

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Merchant
from zhanggui.billing import selectors, states
from zhanggui.billing.errors import OrderClosing, OrderMoved
from zhanggui.billing.models import Order, OrderState, Way
from zhanggui.billing.services import orders, plans
from zhanggui.channels.pay.models import Payment, PaymentState
from zhanggui.channels.pay.models import Way as PayWay
from zhanggui.channels.pay.services import payments

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

ACTOR = system_actor(gettext_noop("WeChat Pay"))


def pay_order(
    *, merchant: Merchant, order_id: int, way: PayWay, payer_ip: str, actor: Actor
) -> Payment:
    """Begin to pay what is left of an order through its seller's WeChat Pay, or go on with it.

    Calls WeChat Pay: not inside a transaction.

    Args:
        merchant: the buyer, in whose scope this runs.
        order_id: an order that waits for its payment.
        way: ``NATIVE`` or ``H5``.
        payer_ip: of the buyer, for ``H5``.
        actor: who pays.

    Raises:
        OrderLapsed: its time is over (E_ORDER_LAPSED, 410).
        OrderMoved: it does not wait for a payment (E_ORDER_MOVED, 409).
        OrderClosing: its payment is being closed at WeChat Pay (E_ORDER_CLOSING, 409).
        PayNotOffered, PayRefusedHere, PayDown: see ``payments.start``.
    """
    order = Order.objects.get(pk=order_id)
    orders.refuse_lapsed(order)
    if order.state != OrderState.PENDING or order.expires_at is None or not order.rest_fen:
        raise OrderMoved
    present = selectors.payment_of(order)
    if present is not None:
        return _go_on(present, actor)
    account = selectors.pay_account_of(merchant)
    if account is None:
        raise OrderMoved

    def bind(payment: Payment) -> None:
        plans.lock(merchant)
        free = Order.objects.filter(
            pk=order_id, state=OrderState.PENDING, payment_id=None, expires_at__isnull=False
        )
        if not free.update(payment_id=payment.pk, way=Way.WECHAT):
            raise OrderMoved

    return payments.start(
        account=account,
        purpose=selectors.PURPOSE,
        subject_id=order.pk,
        description=selectors.title_of(order),
        amount_fen=order.rest_fen,
        way=way,
        expires_at=order.expires_at,
        actor=actor,
        payer_ip=payer_ip,
        bind=bind,
    )


def _go_on(present: Payment, actor: Actor) -> Payment:
    if present.state == PaymentState.CLOSING:
        raise OrderClosing
    if not present.is_open:
        raise OrderMoved
    return payments.prepay(payment=present, actor=actor)


def close_payment(order: Order, actor: Actor) -> bool:
    """Have the open payment of an order closed; False when there is none.

    Runs before ``plans.lock``. Until WeChat Pay has closed it the order keeps what it holds.
    """
    if order.payment_id is None:
        return False
    payments.request_close(payment_id=order.payment_id, reason="", actor=actor)
    return True


def on_paid(payment: Payment) -> None:
    """Do what a paid order is for; what cannot be had any more sends the money back.

    Raises:
        OrderMoved, PlanMoved: the order is cancelled or paid otherwise (409).
    """
    merchant = _merchant_of(payment)
    plan = plans.lock(merchant)
    order = _order_of(payment)
    order.way, order.payment_id = Way.WECHAT, payment.pk
    orders.fulfil(plan, order, merchant, role=states.WECHAT, actor=ACTOR)
    order.save(update_fields=["way", "payment_id"])


def on_closed(payment: Payment) -> None:
    """Release the order: it can be paid otherwise, or is cancelled when its time is over."""
    merchant = _merchant_of(payment)
    plans.lock(merchant)
    order = _order_of(payment)
    if order.payment_id != payment.pk or order.state != OrderState.PENDING:
        return
    order.payment_id, order.way = None, Way.TRANSFER
    order.save(update_fields=["way", "payment_id"])
    if selectors.is_lapsed(order):
        orders.cancel(order, merchant, role=states.CLOCK, actor=ACTOR)


def _order_of(payment: Payment) -> Order:
    assert payment.subject_id is not None  # noqa: S101  every payment of an order has it
    return Order.objects.get(pk=payment.subject_id)


def _merchant_of(payment: Payment) -> Merchant:
    return Merchant.objects.select_related("operator").get(pk=payment.merchant_id)
