"""Asking for money, beginning to pay, and what follows when WeChat Pay says paid or closed.

Locks: a payment is locked before its request (``pay.hooks``). So whoever holds a request never
takes a payment's lock; other payers' open payments are closed by a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.pay import hooks
from zhanggui.channels.pay.errors import PayNotOffered
from zhanggui.channels.pay.models import Payment, Refund, Way
from zhanggui.channels.pay.services import payments
from zhanggui.collecting import selectors, tasks
from zhanggui.collecting.errors import NotYours, RequestEnded, RequestOver, RequestPaid
from zhanggui.collecting.models import PayerTry, PaymentRequest, RequestState, TryState
from zhanggui.contacts import services as contact_services
from zhanggui.core import clock, tenancy

PURPOSE = "collecting.request"
LASTS = timedelta(minutes=30)
"""So long a payer has; then the order is closed at WeChat Pay and can be begun anew."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form of a request holds."""

    title: str
    amount_fen: int
    days: int
    note: str = ""
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is about to pay, and from where; the customer and the openid only inside WeChat."""

    customer_id: int | None = None
    openid: str = ""
    ip: str = ""


def create_request(
    *, merchant: Merchant, asked: Asked, customer_id: int | None, actor: Actor
) -> PaymentRequest:
    """Ask for an amount, in the merchant's scope.

    Args:
        merchant: who collects; needs a connected pay account of its own.
        asked: what for and how much.
        customer_id: the only one who may pay; such a request has one payer.
        actor: who asks.

    Raises:
        PayNotOffered: no merchant number is connected (E_PAY_NOT_OFFERED, 409).
        NotFound, CustomerGone: no such customer (404, 410).
    """
    account_services.refuse_frozen(merchant)
    if selectors.account(merchant) is None:
        raise PayNotOffered
    now = clock.now()
    with transaction.atomic():
        request = PaymentRequest(
            title=asked.title,
            note=asked.note,
            amount_fen=asked.amount_fen,
            customer_id=contact_services.hold(customer_id) if customer_id else None,
            is_many=asked.is_many and customer_id is None,
            created_by=actor.name[:80],
            created_at=now,
            expires_at=now + timedelta(days=asked.days),
        )
        request.save(force_insert=True)
        details = {"title": request.title, "amount_fen": request.amount_fen}
        audit.record(
            actor, "collecting.request.created", f"payment_request:{request.pk}", details=details
        )
    return request


def stop_request(*, request: PaymentRequest, actor: Actor) -> None:
    """Take no more payments; orders under way are closed at WeChat Pay first.

    Who pays in that very moment has paid: the money counts and can be given back by hand.

    Raises:
        RequestEnded: paid or stopped already (E_COLLECT_ENDED, 409).
    """
    with transaction.atomic():
        rows = PaymentRequest.objects.filter(pk=request.pk, state=RequestState.OPEN)
        if not rows.update(state=RequestState.STOPPED, ended_at=clock.now()):
            raise RequestEnded
        audit.record(actor, "collecting.request.stopped", f"payment_request:{request.pk}")
        tasks.close_tries.defer(merchant_id=request.merchant_id, request_id=request.pk)


def begin(*, request: PaymentRequest, way: Way, payer: Payer, actor: Actor) -> PayerTry:
    """Begin to pay, in the merchant's scope; calls WeChat Pay: not inside a transaction.

    The same customer who comes again by the same way goes on with the order that waits.

    Raises:
        RequestPaid, RequestOver: it takes no money any more (409, 410).
        NotYours: it is meant for another customer (E_COLLECT_OTHER, 403).
        PayNotOffered: not by this way (E_PAY_NOT_OFFERED, 409).
        PayRefusedHere, PayDown: WeChat Pay did not make the order (409, 503).
    """
    account = selectors.account(request.merchant)
    if account is None:
        raise PayNotOffered
    refuse_payer(request, payer)
    known = _open_try(request, way, payer)
    if known is not None:
        payments.prepay(payment=known.payment, actor=actor)
        return known
    now = clock.now()
    made: list[PayerTry] = []

    def bind(payment: Payment) -> None:
        row = PaymentRequest.objects.select_for_update().get(pk=request.pk)
        refuse_payer(row, payer)
        one = PayerTry(
            request=row,
            payment=payment,
            customer_id=payer.customer_id,
            way=way,
            created_at=now,
        )
        one.save(force_insert=True)
        made.append(one)

    payments.start(
        account=account,
        purpose=PURPOSE,
        subject_id=request.pk,
        description=f"{request.merchant.name} · {request.title}",
        amount_fen=request.amount_fen,
        way=way,
        expires_at=min(request.expires_at, now + LASTS),
        actor=actor,
        openid=payer.openid,
        payer_ip=payer.ip,
        bind=bind,
    )
    return made[0]


def refuse_payer(request: PaymentRequest, payer: Payer) -> None:
    """Refuse who may not pay a request, or not any more.

    Raises:
        RequestPaid, RequestOver, NotYours: as ``begin``.
    """
    if request.customer_id is not None and request.customer_id != payer.customer_id:
        raise NotYours
    if request.state == RequestState.PAID:
        raise RequestPaid
    if not request.takes_money(clock.now()):
        raise RequestOver


def _open_try(request: PaymentRequest, way: Way, payer: Payer) -> PayerTry | None:
    if payer.customer_id is None:
        return None
    rows = PayerTry.objects.select_related("payment__account__partner").filter(
        request=request, customer_id=payer.customer_id, way=way, state=TryState.WAITING
    )
    found = rows.filter(payment__expires_at__gt=clock.now() + timedelta(minutes=1)).first()
    return found if found is not None and found.payment.is_open else None


def close_tries(*, merchant_id: int, request_id: int) -> None:
    """Have the orders of a request that still wait closed at WeChat Pay; safe to run twice."""
    with tenancy.merchant_scope(merchant_id):
        waiting = PayerTry.objects.filter(request_id=request_id, state=TryState.WAITING)
        for payment_id in waiting.order_by("id").values_list("payment_id", flat=True):
            payments.request_close(payment_id=payment_id, reason="", actor=tasks.ACTOR)


# -- what WeChat Pay says; each inside the transaction that books it, the payment locked


def paid(payment: Payment) -> None:
    """Count a payment.

    Raises:
        RequestPaid: another payer was faster; this money goes back by itself.
    """
    one = PayerTry.objects.get(payment=payment)
    request = PaymentRequest.objects.select_for_update().get(pk=one.request_id)
    if request.paid_count and not request.is_many:
        raise RequestPaid
    now = clock.now()
    PayerTry.objects.filter(pk=one.pk).update(state=TryState.PAID, paid_at=payment.paid_at or now)
    request.paid_count = F("paid_count") + 1
    request.paid_fen = F("paid_fen") + payment.amount_fen
    if not request.is_many:
        request.state, request.ended_at = RequestState.PAID, now
        tasks.close_tries.defer(merchant_id=request.merchant_id, request_id=request.pk)
    request.save(update_fields=["paid_count", "paid_fen", "state", "ended_at"])


def closed(payment: Payment) -> None:
    """It is certain that nobody pays this order any more."""
    rows = PayerTry.objects.filter(payment=payment, state=TryState.WAITING)
    rows.update(state=TryState.CLOSED)


def refunded(refund: Refund) -> None:
    """Count what went back of a payment that was counted."""
    rows = PayerTry.objects.filter(payment_id=refund.payment_id, state=TryState.PAID)
    if not rows.update(refunded_fen=F("refunded_fen") + refund.amount_fen):
        return  # it went back by itself and never counted
    request_id = rows.values_list("request_id", flat=True).get()
    PaymentRequest.objects.filter(pk=request_id).update(
        refunded_fen=F("refunded_fen") + refund.amount_fen
    )


def _url(payment: Payment, surface: str) -> str:
    if surface != "merchant":
        return ""
    return selectors.office_url(payment.merchant.slug, payment.subject_id)


def purpose() -> hooks.Purpose:
    """What payments of this module are for."""
    return hooks.Purpose(PURPOSE, selectors.LABEL, paid, closed, refunded, url=_url)
