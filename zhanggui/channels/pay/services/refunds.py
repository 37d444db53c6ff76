"""Money that goes back: reserved by one conditional statement, sent by a job, booked once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.channels.pay import gateway, hooks, states, tasks
from zhanggui.channels.pay.answers import RefundAnswer
from zhanggui.channels.pay.client import RefundOrder
from zhanggui.channels.pay.errors import (
    NoSuchTrade,
    PaymentMoved,
    PayRefused,
    ReasonMissing,
    RefundElsewhere,
    RefundTooLate,
    RefundTooMuch,
)
from zhanggui.channels.pay.models import (
    NotificationState,
    PayAccount,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    TradeKind,
    TradeNumber,
    Trouble,
)
from zhanggui.channels.pay.services import payments, settling
from zhanggui.channels.pay.services.settling import ACTOR
from zhanggui.core import clock, tenancy, tokens
from zhanggui.ui.formats import money

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

log = structlog.get_logger("zhanggui.pay.refunds")

LONGEST = timedelta(days=365)
"""WeChat Pay gives money back for so long after the payment."""
STUCK_AFTER = timedelta(minutes=5)
ASK_AGAIN = (timedelta(minutes=2), timedelta(minutes=20), timedelta(hours=2), timedelta(hours=12))
PAID = (PaymentState.PAID, PaymentState.REFUNDING, PaymentState.LATE)
STATES = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.DONE,
    "CLOSED": RefundState.REFUSED,
    "ABNORMAL": RefundState.ABNORMAL,
}


def refund(
    *, payment_id: int, amount_fen: int, reason: str, actor: Actor, is_owners: bool = False
) -> Refund:
    """Give money of a payment back, all or a part; a job sends it to WeChat Pay.

    Args:
        payment_id: of the merchant in scope.
        amount_fen: at most what is left of it.
        reason: the payer reads it in WeChat.
        actor: who gives it back.
        is_owners: True where the module the payment belongs to asks itself.

    Raises:
        ReasonMissing: no reason (E_PAY_REASON, 422).
        RefundElsewhere: what was bought must be taken back first (E_REFUND_ELSEWHERE, 409).
        RefundTooMuch: more than what is left (E_REFUND_TOO_MUCH, 409).
        RefundTooLate: a year is over (E_REFUND_TOO_LATE, 410).
    """
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        is_elsewhere = hooks.find(payment.purpose).refunds_elsewhere
        if is_elsewhere and not is_owners and payment.state != PaymentState.LATE:
            raise RefundElsewhere
        if payment.paid_at is None or payment.paid_at < clock.now() - LONGEST:
            raise RefundTooLate
        return write_down(
            payment=payment, amount_fen=amount_fen, reason=reason.strip(), actor=actor
        )


def write_down(
    *,
    payment: Payment,
    amount_fen: int,
    reason: str,
    actor: Actor,
    role: str = states.STAFF,
    is_automatic: bool = False,
) -> Refund:
    """Reserve the amount and write the refund; the caller has locked the payment.

    Raises:
        RefundTooMuch: more than what is left (E_REFUND_TOO_MUCH, 409).
    """
    if not _reserve(payment, amount_fen):
        payment.refresh_from_db(fields=["refund_fen"])
        raise RefundTooMuch(left=money(payment.left_fen))
    made = Refund(
        payment=payment,
        number=tokens.new_token(payments.NUMBER_LENGTH),
        amount_fen=amount_fen,
        reason=reason[:80],
        is_automatic=is_automatic,
        by_name=actor.name[:80],
        created_at=clock.now(),
        next_ask_at=clock.now() + STUCK_AFTER,
    )
    made.save(force_insert=True)
    TradeNumber.objects.create(
        account_id=payment.account_id,
        number=made.number,
        kind=TradeKind.REFUND,
        merchant_id=payment.merchant_id,
        row_id=made.pk,
        amount_fen=amount_fen,
    )
    _to_refunding(payment, actor, role, reason)
    tasks.refund.defer(merchant_id=payment.merchant_id, refund_id=made.pk)
    details = {"number": made.number, "amount_fen": amount_fen, "reason": made.reason}
    audit.record(actor, "pay.refund.asked", f"payment:{payment.pk}", details=details)
    return made


def _reserve(payment: Payment, amount_fen: int) -> bool:
    if amount_fen < 1:
        return False
    left = Payment.objects.filter(pk=payment.pk, state__in=PAID)
    taken = left.filter(refund_fen__lte=F("amount_fen") - amount_fen).update(
        refund_fen=F("refund_fen") + amount_fen
    )
    if taken:
        payment.refund_fen += amount_fen
    return bool(taken)


def _to_refunding(payment: Payment, actor: Actor, role: str, reason: str) -> None:
    if payment.state == PaymentState.REFUNDING:
        states.note(payment, payment.state, actor, reason)
    else:
        states.move(payment, PaymentState.REFUNDING, role=role, actor=actor, reason=reason)


def try_again(*, refund_id: int, actor: Actor) -> Refund:
    """Send a refund once more that WeChat Pay refused, for example when money was missing.

    It keeps its number, so that WeChat Pay can never give the money back twice.

    Raises:
        PaymentMoved: it is not refused (E_PAYMENT_MOVED, 409).
        RefundTooMuch: the amount was given back otherwise since (E_REFUND_TOO_MUCH, 409).
    """
    with transaction.atomic():
        found = Refund.objects.get(pk=refund_id)
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=found.payment_id)
        found.refresh_from_db()
        if not states.move_refund(found, RefundState.ASKED):
            raise PaymentMoved
        if not _reserve(payment, found.amount_fen):
            raise RefundTooMuch(left=money(payment.left_fen))
        Refund.objects.filter(pk=found.pk).update(
            error_code="", next_ask_at=clock.now() + STUCK_AFTER
        )
        _to_refunding(payment, actor, states.STAFF, found.reason)
        tasks.refund.defer(merchant_id=payment.merchant_id, refund_id=found.pk)
        details = {"number": found.number, "amount_fen": found.amount_fen}
        audit.record(actor, "pay.refund.asked", f"payment:{payment.pk}", details=details)
    return found


def carry_on(*, merchant_id: int, refund_id: int) -> None:
    """Send a refund, or ask how it stands when WeChat Pay may know it already.

    Raises:
        PayError: no answer to go by; the job comes again, later the sweep.
    """
    with tenancy.merchant_scope(merchant_id):
        found = Refund.objects.select_related("payment__account__partner").get(pk=refund_id)
        if found.state not in {RefundState.ASKED, RefundState.PROCESSING}:
            return
        answer = _asked(found)  # a question that is refused says nothing about the refund
        try:
            answer = answer or _sent(found)
        except PayRefused as refusal:
            _refused(found.pk, refusal.code)
        else:
            apply(refund_id=found.pk, answer=answer)


def _asked(found: Refund) -> RefundAnswer | None:
    """What WeChat Pay knows of a refund that was sent before; None when it must be sent."""
    if found.sent_at is None:
        return None
    try:
        return gateway.call(found.payment.account, lambda api: api.query_refund(found.number))
    except NoSuchTrade:
        return None


def _sent(found: Refund) -> RefundAnswer:
    # committed before the call: after a crash WeChat Pay is asked first
    Refund.objects.filter(pk=found.pk, sent_at__isnull=True).update(sent_at=clock.now())
    payment = found.payment
    order = RefundOrder(
        trade_number=payment.number,
        number=found.number,
        refund_fen=found.amount_fen,
        total_fen=payment.amount_fen,
        reason=found.reason,
        notify_url=payments.refund_url(payment.account),
    )
    return gateway.call(payment.account, lambda api: api.refund(order))


def settle(*, account: PayAccount, answer: RefundAnswer) -> NotificationState:
    """Book what WeChat Pay notified about a refund, once; see ``settling.settle``."""
    trade = TradeNumber.objects.filter(number=answer.number, kind=TradeKind.REFUND).first()
    if trade is None or trade.account_id != account.pk:
        log.warning("refund of a number nobody knows", account_id=account.pk)
        return NotificationState.FLAGGED
    with tenancy.merchant_scope(trade.merchant_id):
        is_new = apply(refund_id=trade.row_id, answer=answer)
    return NotificationState.DONE if is_new else NotificationState.KNOWN


def apply(*, refund_id: int, answer: RefundAnswer) -> bool:
    """Take over how a refund stands at WeChat Pay; False when nothing is new."""
    with transaction.atomic():
        found = Refund.objects.get(pk=refund_id)
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=found.payment_id)
        found.refresh_from_db()
        state = STATES.get(answer.status, RefundState.PROCESSING)
        was_released = found.state == RefundState.REFUSED
        is_new = states.move_refund(found, state)
        _note(found, answer)
        if not is_new:
            return False
        if state == RefundState.DONE:
            if was_released and _reserve(payment, found.amount_fen):
                _to_refunding(payment, ACTOR, states.CLOCK, found.reason)
            _done(payment, found, answer)
        elif state == RefundState.REFUSED:
            _release(payment, found, answer.status)
        elif state == RefundState.ABNORMAL:
            _trouble(payment, found, answer.status)
    return True


def _note(found: Refund, answer: RefundAnswer) -> None:
    age = clock.now() - found.created_at
    wait = next((wait for wait in ASK_AGAIN if wait > age), ASK_AGAIN[-1])
    Refund.objects.filter(pk=found.pk).update(
        refund_id=answer.refund_id[:40],
        received_by=answer.received_by[:80],
        next_ask_at=clock.now() + wait,
    )


def _done(payment: Payment, found: Refund, answer: RefundAnswer) -> None:
    done_at = answer.done_at or clock.now()
    Refund.objects.filter(pk=found.pk).update(done_at=done_at, error_code="")
    found.done_at = done_at
    TradeNumber.objects.filter(number=found.number).update(done_at=done_at)
    payment.refunded_fen += found.amount_fen
    Payment.objects.filter(pk=payment.pk).update(refunded_fen=payment.refunded_fen)
    if payment.trouble == Trouble.REFUND or payment.refunded_fen == payment.amount_fen:
        Payment.objects.filter(pk=payment.pk).exclude(trouble="").update(
            trouble_done_at=clock.now()
        )
    _settle_state(payment, found.reason)
    found.payment = payment
    hooks.find(payment.purpose).on_refunded(found)
    details = {"number": found.number, "amount_fen": found.amount_fen}
    audit.record(ACTOR, "pay.refund.done", f"payment:{payment.pk}", details=details)


def _settle_state(payment: Payment, reason: str) -> None:
    if payment.state != PaymentState.REFUNDING:
        return
    if payment.refunded_fen == payment.amount_fen:
        states.move(payment, PaymentState.REFUNDED, role=states.WECHAT, actor=ACTOR, reason=reason)
    elif payment.refund_fen == payment.refunded_fen:
        states.move(payment, PaymentState.PAID, role=states.WECHAT, actor=ACTOR, reason=reason)


def _refused(refund_id: int, code: str) -> None:
    with transaction.atomic():
        found = Refund.objects.get(pk=refund_id)
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=found.payment_id)
        found.refresh_from_db()
        if states.move_refund(found, RefundState.REFUSED):
            _release(payment, found, code)


def _release(payment: Payment, found: Refund, code: str) -> None:
    """Give the reserved amount free again; somebody must decide what to do."""
    Refund.objects.filter(pk=found.pk).update(error_code=code[:40])
    payment.refund_fen -= found.amount_fen
    Payment.objects.filter(pk=payment.pk).update(refund_fen=payment.refund_fen)
    _trouble(payment, found, code)
    _settle_state(payment, code)


def _trouble(payment: Payment, found: Refund, code: str) -> None:
    Payment.objects.filter(pk=payment.pk).update(
        trouble=Trouble.REFUND, trouble_note=code[:200], trouble_done_at=None
    )
    states.note(payment, payment.state, ACTOR, code)
    details = {"number": found.number, "amount_fen": found.amount_fen, "code": code}
    audit.record(ACTOR, "pay.refund.failed", f"payment:{payment.pk}", details=details)


def done_with_trouble(*, payment_id: int, reason: str, actor: Actor) -> Payment:
    """Say that somebody has dealt with what was wrong with a payment.

    Raises:
        ReasonMissing: no word about how (E_PAY_REASON, 422).
        PaymentMoved: nothing is wrong, or somebody was faster (E_PAYMENT_MOVED, 409).
    """
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        if not payment.is_troubled:
            raise PaymentMoved
        Payment.objects.filter(pk=payment.pk).update(trouble_done_at=clock.now())
        states.note(payment, payment.state, actor, reason.strip())
        details = {"number": payment.number, "reason": reason.strip()[:200]}
        audit.record(actor, "pay.trouble.done", f"payment:{payment.pk}", details=details)
    return payment


def look_again(*, payment_id: int) -> Payment:
    """Ask WeChat Pay about a payment and its refunds now; in the merchant's scope.

    Raises:
        PayError: no answer, or refused.
    """
    payment = Payment.objects.select_related("account__partner").get(pk=payment_id)
    settling.look(payment)
    under_way = Refund.objects.filter(payment=payment, state__in=settling.UNDER_WAY)
    for found in list(under_way) + list(
        Refund.objects.filter(payment=payment, state=RefundState.ABNORMAL)
    ):
        if found.state == RefundState.ABNORMAL:
            number = found.number
            answer = gateway.call(payment.account, lambda api, n=number: api.query_refund(n))  # type: ignore[misc]
            apply(refund_id=found.pk, answer=answer)
        else:
            carry_on(merchant_id=payment.merchant_id, refund_id=found.pk)
    payment.refresh_from_db()
    return payment
