"""Offline transfers: handed in with a proof, received or sent back by the seller (P10, U-44)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.models import Merchant
from zhanggui.billing import states
from zhanggui.billing.errors import AmountDiffers, OrderMoved, ReasonMissing, TransferWaits
from zhanggui.billing.models import Order, OrderState, Transfer, TransferState, Way
from zhanggui.billing.services import orders, plans, telling, wechat
from zhanggui.core import clock, constraints, tenancy
from zhanggui.files import services as file_services
from zhanggui.ui.formats import money

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

PROOF = "document"
"""The kind of file: a picture or a PDF."""


def hand_in_transfer(
    *,
    merchant: Merchant,
    order_id: int,
    amount_fen: int,
    paid_on: date,
    reference: str,
    proof: UploadedFile[bytes],
    actor: Actor,
) -> Transfer:
    """Hand in the proof of a transfer; from then on the order does not lapse.

    An open payment at WeChat Pay is closed, so that nobody pays twice.

    Args:
        merchant: in whose scope this runs.
        order_id: of an order of the merchant in scope that waits for its payment.
        amount_fen: what was sent; must be what the order asks for.
        paid_on: the day of the transfer.
        reference: the bank's number of it.
        proof: a picture or PDF of the bank's receipt.
        actor: who hands it in.

    Raises:
        OrderLapsed: its 30 minutes are over (E_ORDER_LAPSED, 410).
        OrderMoved: it is not waiting any more (E_ORDER_MOVED, 409).
        TransferWaits: a proof is being checked already (E_TRANSFER_WAITS, 409).
        AmountDiffers: another amount than the order asks for (E_AMOUNT_DIFFERS, 422).
        FileRefused, QuotaFull: the file was not taken.
    """
    with transaction.atomic():
        _order_to_pay(order_id, amount_fen)
        stored = file_services.store_upload(file=proof, kind=PROOF, actor=actor)
        # only now: looking at a picture takes its time
        wechat.close_payment(Order.objects.get(pk=order_id), actor)
        plans.lock(merchant)
        order = _order_to_pay(order_id, amount_fen)
        transfer = Transfer(
            order=order,
            amount_fen=amount_fen,
            paid_on=paid_on,
            reference=reference,
            proof_id=stored.pk,
            handed_in_by=actor.name[:80],
        )
        constraints.insert(transfer, TransferWaits)
        file_services.hold(stored=stored, owner=f"transfer:{transfer.pk}")
        Order.objects.filter(pk=order.pk).update(expires_at=None)
        details = {"number": order.number, "amount_fen": amount_fen, "reference": reference}
        audit.record(actor, "billing.transfer.handed_in", f"order:{order.pk}", details=details)
    return transfer


def approve_transfer(*, merchant: Merchant, transfer_id: int, actor: Actor) -> Transfer:
    """Say that the money has arrived; the order is paid and does its work, once.

    Raises:
        OrderMoved: somebody else has decided already (E_ORDER_MOVED, 409).
        PlanMoved: an upgrade costs more now than was paid (E_PLAN_MOVED, 409).
    """
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        plan = plans.lock(merchant)
        transfer = _decide(transfer_id, TransferState.APPROVED, actor)
        order = transfer.order
        order.way = Way.TRANSFER
        order.save(update_fields=["way"])
        orders.fulfil(plan, order, merchant, role=states.SELLER, actor=actor)
        hooks.notify_owners(merchant, telling.received(order))
    return transfer


def reject_transfer(*, merchant: Merchant, transfer_id: int, reason: str, actor: Actor) -> Transfer:
    """Send a proof back with a reason; the order waits another 30 minutes for a better one.

    Raises:
        ReasonMissing: no reason (E_REASON_MISSING, 422).
        OrderMoved: somebody else has decided already (E_ORDER_MOVED, 409).
    """
    if not reason.strip():
        raise ReasonMissing
    with tenancy.merchant_scope(merchant.pk), transaction.atomic():
        plans.lock(merchant)
        transfer = _decide(transfer_id, TransferState.REJECTED, actor, reason[:200])
        order = transfer.order
        Order.objects.filter(pk=order.pk, state=OrderState.PENDING).update(
            expires_at=clock.now() + orders.PAY_WITHIN
        )
        details = {"number": order.number, "reason": transfer.reason}
        audit.record(actor, "billing.transfer.rejected", f"order:{order.pk}", details=details)
        hooks.notify_owners(merchant, telling.sent_back(order, transfer.reason))
    return transfer


def _order_to_pay(order_id: int, amount_fen: int) -> Order:
    order = Order.objects.get(pk=order_id)
    orders.refuse_lapsed(order)
    if order.state != OrderState.PENDING:
        raise OrderMoved
    if amount_fen != order.rest_fen:
        raise AmountDiffers(wanted=money(order.rest_fen))
    return order


def _decide(transfer_id: int, state: TransferState, actor: Actor, reason: str = "") -> Transfer:
    changed = Transfer.objects.filter(pk=transfer_id, state=TransferState.WAITING).update(
        state=state, reason=reason, decided_at=clock.now(), decided_by=actor.name[:80]
    )
    if not changed:
        raise OrderMoved
    return Transfer.objects.select_related("order__edition").get(pk=transfer_id)
