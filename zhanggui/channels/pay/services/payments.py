"""Payments begun and taken back: written down first, then WeChat Pay is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from zhanggui.accounts import audit
from zhanggui.channels.pay import gateway, states, tasks
from zhanggui.channels.pay.client import PayOrder
from zhanggui.channels.pay.errors import (
    NoSuchTrade,
    PayDown,
    PaymentMoved,
    PayNotOffered,
    PayRefused,
    PayRefusedHere,
    PayUnreachable,
)
from zhanggui.channels.pay.models import (
    PayAccount,
    Payment,
    PaymentState,
    TradeKind,
    TradeNumber,
    Way,
)
from zhanggui.channels.pay.services import settling
from zhanggui.core import clock, tokens

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.channels.pay.answers import Prepaid

NUMBER_LENGTH = 28
"""Of our numbers: 138 random bits; WeChat Pay takes 6 to 32 letters and digits."""


def start(
    *,
    account: PayAccount,
    purpose: str,
    subject_id: int | None,
    description: str,
    amount_fen: int,
    way: Way,
    expires_at: datetime,
    actor: Actor,
    openid: str = "",
    payer_ip: str = "",
    bind: Callable[[Payment], None] | None = None,
) -> Payment:
    """Begin a payment in the merchant's scope and make its order at WeChat Pay.

    The row is committed before WeChat Pay is asked, so that money can never arrive for something
    we do not know. Calls WeChat Pay: not inside a transaction.

    Args:
        account: who collects.
        purpose: of ``hooks``.
        subject_id: what is paid for, for the purpose's own use.
        description: what the payer reads, at most 127 signs.
        amount_fen: at least 1.
        way: must be switched on for the account.
        expires_at: when it is closed; the order at WeChat Pay lives at least 90 seconds.
        actor: who begins it.
        openid: of the payer, for ``jsapi``; belongs to the account's app id.
        payer_ip: of the payer, for ``h5``.
        bind: runs in the transaction that writes the payment, so that whatever is paid for can
            keep its id; a refusal there undoes all.

    Returns:
        The payment, prepaid: with ``code_url``, ``prepay_id`` or ``h5_url`` by its way.

    Raises:
        PayNotOffered: the way is not switched on (E_PAY_NOT_OFFERED, 409).
        PayRefusedHere: WeChat Pay said no (E_PAY_REFUSED, 409).
        PayDown: no answer; ``prepay`` may be tried again (E_PAY_DOWN, 503).
    """
    gateway.not_in_transaction()
    if not account.is_connected or way not in account.ways:
        raise PayNotOffered
    payment = Payment(
        account=account,
        number=tokens.new_token(NUMBER_LENGTH),
        purpose=purpose,
        subject_id=subject_id,
        description=description[:127],
        amount_fen=amount_fen,
        way=way,
        openid=openid,
        payer_ip=payer_ip,
        created_by=actor.name[:80],
        created_at=clock.now(),
        expires_at=expires_at,
    )
    with transaction.atomic():
        payment.save(force_insert=True)
        TradeNumber.objects.create(
            account=account,
            number=payment.number,
            kind=TradeKind.PAYMENT,
            merchant_id=payment.merchant_id,
            row_id=payment.pk,
            amount_fen=amount_fen,
        )
        states.begin(payment, actor)
        details = {"number": payment.number, "amount_fen": amount_fen, "purpose": purpose}
        audit.record(actor, "pay.payment.begun", f"payment:{payment.pk}", details=details)
        if bind is not None:
            bind(payment)
    return prepay(payment=payment, actor=actor)


def prepay(*, payment: Payment, actor: Actor) -> Payment:
    """Make the order at WeChat Pay, also again after an answer was lost: it stays one order.

    After a 500 or a lost answer WeChat Pay is asked what it knows before the same order is sent
    once more. Calls WeChat Pay: not inside a transaction.

    Raises:
        PaymentMoved: it was closed or paid in the meantime (E_PAYMENT_MOVED, 409).
        PayRefusedHere, PayDown: as ``start``.
    """
    gateway.not_in_transaction()
    if payment.state == PaymentState.PREPAID:
        return payment
    first = Payment.objects.filter(pk=payment.pk, state=PaymentState.CREATED)
    if not first.update(asked_at=payment.asked_at or clock.now()):
        raise PaymentMoved
    try:
        prepaid = _prepaid(payment)
    except PayRefused as refusal:
        raise PayRefusedHere(code=refusal.code, advice=refusal.advice) from refusal
    except PayUnreachable as error:
        raise PayDown from error
    return _keep(payment, prepaid, actor)


def _prepaid(payment: Payment) -> Prepaid:
    order = order_of(payment)
    account = payment.account
    try:
        return gateway.call(account, lambda api: api.prepay(order))
    except PayUnreachable as error:
        if not error.is_sent:
            raise
    try:
        found = gateway.call(account, lambda api: api.query(payment.number))
    except NoSuchTrade:
        found = None
    if found is not None and found.is_paid:
        settling.settle(account=account, found=found)
        raise PaymentMoved
    return gateway.call(account, lambda api: api.prepay(order))


def order_of(payment: Payment) -> PayOrder:
    """The order as WeChat Pay gets it; the same however often it is sent."""
    return PayOrder(
        way=payment.way,
        number=payment.number,
        description=payment.description,
        amount_fen=payment.amount_fen,
        expires_at=payment.expires_at_wechat,
        notify_url=notify_url(payment.account),
        openid=payment.openid,
        payer_ip=payment.payer_ip,
    )


def notify_url(account: PayAccount) -> str:
    """Where WeChat Pay tells us about an account."""
    return f"{settings.BASE_URL}{reverse('pay:notification', args=[account.token])}"


def refund_url(account: PayAccount) -> str:
    """Where WeChat Pay tells us about refunds."""
    return f"{settings.BASE_URL}{reverse('pay:refund_notification', args=[account.token])}"


def _keep(payment: Payment, prepaid: Prepaid, actor: Actor) -> Payment:
    with transaction.atomic():
        locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
        if locked.state != PaymentState.CREATED:
            # its notification was faster than this answer, or it was closed meanwhile
            if locked.state in {PaymentState.PREPAID, PaymentState.PAID}:
                return locked
            raise PaymentMoved
        states.move(locked, PaymentState.PREPAID, role=states.WECHAT, actor=actor)
        locked.prepay_id = prepaid.prepay_id
        locked.code_url = prepaid.code_url
        locked.h5_url = prepaid.h5_url
        locked.asked_at = locked.asked_at or clock.now()
        locked.save(update_fields=["prepay_id", "code_url", "h5_url"])
        settling.ask_later(locked, step=0)
    return locked


def request_close(*, payment_id: int, reason: str, actor: Actor, role: str = states.STAFF) -> bool:
    """Have an open payment closed at WeChat Pay; only then ``on_closed`` is told.

    Runs in the caller's transaction too. Whoever holds other locks takes the payment's first.

    Returns:
        False when it was not open any more.
    """
    with transaction.atomic():
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        if not payment.is_open:
            return False
        states.move(payment, PaymentState.CLOSING, role=role, actor=actor, reason=reason)
        tasks.close.defer(merchant_id=payment.merchant_id, payment_id=payment.pk)
    return True


def jsapi_values(payment: Payment) -> dict[str, str]:
    """What the page inside WeChat hands over to open the payment sheet.

    Raises:
        PaymentMoved: it does not wait for its payer (E_PAYMENT_MOVED, 409).
    """
    if payment.state != PaymentState.PREPAID or not payment.prepay_id:
        raise PaymentMoved
    return gateway.api_of(payment.account).jsapi_values(prepay_id=payment.prepay_id)
