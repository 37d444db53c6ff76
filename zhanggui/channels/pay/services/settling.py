"""What WeChat Pay says about payments, booked once: paid, closed, late, another amount.

Notification, query and close may tell the same fact at the same moment: the payment's row is
locked and its state decides, so that each fact is booked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction
from django.utils.translation import gettext_noop
from procrastinate.exceptions import AlreadyEnqueued

from zhanggui.accounts import audit
from zhanggui.accounts.actors import system_actor
from zhanggui.channels.pay import gateway, hooks, states, tasks
from zhanggui.channels.pay.answers import TradeAnswer
from zhanggui.channels.pay.errors import NoSuchTrade, PayRefused
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
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import DomainError

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

log = structlog.get_logger("zhanggui.pay.settling")

ACTOR = system_actor(gettext_noop("WeChat Pay"))
CLOCK = system_actor(gettext_noop("Time ran out"))
"""Pages translate both names where they show them."""
ASK_AFTER_S = (5, 30, 60, 180, 300, 600, 1800)
"""When a notification may have been lost: seconds between the questions."""
UNDER_WAY = (RefundState.ASKED, RefundState.PROCESSING)
OPEN = (PaymentState.CREATED, PaymentState.PREPAID)
BEFORE_PAID = frozenset(
    {PaymentState.CREATED, PaymentState.PREPAID, PaymentState.CLOSING, PaymentState.CLOSED}
)


def settle(*, account: PayAccount, found: TradeAnswer) -> NotificationState:
    """Book what WeChat Pay says about a payment, once.

    Returns:
        ``DONE`` booked now, ``KNOWN`` nothing new, ``FLAGGED`` not booked: somebody looks at it.
    """
    trade = TradeNumber.objects.filter(number=found.number, kind=TradeKind.PAYMENT).first()
    if trade is None or trade.account_id != account.pk:
        log.warning("paid for a number nobody knows", account_id=account.pk)
        return NotificationState.FLAGGED
    with tenancy.merchant_scope(trade.merchant_id), transaction.atomic():
        payment = _locked(trade.row_id)
        if not found.is_paid:
            return NotificationState.KNOWN
        return _paid(payment, found)


def _paid(payment: Payment, found: TradeAnswer) -> NotificationState:
    trouble = _trouble(payment, found)
    if trouble:
        return _flag(payment, trouble, found)
    if PaymentState(payment.state) not in BEFORE_PAID:
        return NotificationState.KNOWN
    purpose = hooks.find(payment.purpose)
    was_closed = payment.state == PaymentState.CLOSED
    payment.transaction_id = found.transaction_id
    payment.paid_at = found.paid_at or clock.now()
    payment.save(update_fields=["transaction_id", "paid_at"])
    TradeNumber.objects.filter(number=payment.number).update(done_at=payment.paid_at)
    if was_closed and not purpose.takes_late:
        _send_back(payment, Trouble.LATE, "")
        return NotificationState.DONE
    try:
        with transaction.atomic():
            states.move(payment, PaymentState.PAID, role=states.WECHAT, actor=ACTOR)
            purpose.on_paid(payment)
    except DomainError as refusal:
        payment.refresh_from_db(fields=["state"])
        _send_back(payment, Trouble.LATE if was_closed else Trouble.REFUSED, refusal.code)
    else:
        _record("pay.payment.paid", payment)
    return NotificationState.DONE


def _trouble(payment: Payment, found: TradeAnswer) -> Trouble | None:
    """What keeps money from being booked as this payment's."""
    payee = gateway.payee_of(payment.account)
    is_ours = (found.mchid, found.sub_mchid, found.app_id) == (
        payee.mchid,
        payee.sub_mchid,
        payee.app_id,
    )
    if not is_ours:
        return Trouble.PAYEE
    if found.total_fen != payment.amount_fen or found.currency != "CNY":
        return Trouble.AMOUNT
    return None


def _flag(payment: Payment, trouble: Trouble, found: TradeAnswer) -> NotificationState:
    if payment.trouble != trouble:
        note = f"{found.total_fen} {found.currency} {found.transaction_id}"
        Payment.objects.filter(pk=payment.pk).update(
            trouble=trouble, trouble_note=note[:200], trouble_done_at=None
        )
        states.note(payment, payment.state, ACTOR, str(Trouble(trouble).label))
        _record("pay.payment.flagged", payment, trouble=trouble.value)
    return NotificationState.FLAGGED


def _send_back(payment: Payment, trouble: Trouble, reason: str) -> None:
    """Keep money that came too late or for what is gone, and give all of it back."""
    from zhanggui.channels.pay.services import refunds  # noqa: PLC0415  they need each other

    states.move(payment, PaymentState.LATE, role=states.WECHAT, actor=ACTOR, reason=reason)
    Payment.objects.filter(pk=payment.pk).update(
        trouble=trouble, trouble_note=reason[:200], trouble_done_at=None
    )
    _record("pay.payment.late", payment, trouble=trouble.value)
    refunds.write_down(
        payment=payment,
        amount_fen=payment.amount_fen,
        reason=str(hooks.find(payment.purpose).label),
        actor=ACTOR,
        role=states.CLOCK,
        is_automatic=True,
    )


def _record(action: str, payment: Payment, **details: object) -> None:
    facts = {"number": payment.number, "amount_fen": payment.amount_fen, **details}
    audit.record(ACTOR, action, f"payment:{payment.pk}", details=facts)


def _locked(payment_id: int) -> Payment:
    rows = Payment.objects.select_for_update(of=("self",))
    return rows.select_related("account__partner").get(pk=payment_id)


# -- asking


def ask_later(payment: Payment, *, step: int) -> None:
    """Ask WeChat Pay after a while, in case the notification gets lost; in a transaction."""
    if step < len(ASK_AFTER_S):
        tasks.ask.configure(schedule_in={"seconds": ASK_AFTER_S[step]}).defer(
            merchant_id=payment.merchant_id, payment_id=payment.pk, step=step
        )


def ask(*, merchant_id: int, payment_id: int, step: int) -> None:
    """Ask once how an open payment stands, book what has happened, and ask again later.

    Raises:
        PayError: no answer; the job comes again.
    """
    with tenancy.merchant_scope(merchant_id):
        payment = Payment.objects.select_related("account__partner").get(pk=payment_id)
        if not payment.is_open:
            return
        if payment.expires_at <= clock.now():
            _close(payment, CLOCK, states.CLOCK)
            return
        found = look(payment)
        is_open = Payment.objects.filter(pk=payment_id, state__in=OPEN).exists()
        if is_open and found is not None and found.is_shut:
            _close(payment, ACTOR, states.WECHAT)  # closed at WeChat Pay by its own time
        elif is_open:
            ask_later(payment, step=step + 1)


def look(payment: Payment) -> TradeAnswer | None:
    """Ask WeChat Pay about one payment and book it; None when it knows no such order.

    Raises:
        PayError: no answer.
    """
    account = payment.account
    try:
        found = gateway.call(account, lambda api: api.query(payment.number))
    except NoSuchTrade:
        return None
    settle(account=account, found=found)
    return found


def _close(payment: Payment, actor: Actor, role: str) -> None:
    from zhanggui.channels.pay.services import payments  # noqa: PLC0415  they need each other

    payments.request_close(payment_id=payment.pk, reason="", actor=actor, role=role)


# -- closing


def close_at_wechat(*, merchant_id: int, payment_id: int) -> None:
    """Close a payment at WeChat Pay, and only when it is certain that no money comes release it.

    Asks first: what was paid in the meantime is booked instead.

    Raises:
        PayError: no answer, or not now; the job comes again, later the sweep.
    """
    with tenancy.merchant_scope(merchant_id):
        payment = Payment.objects.select_related("account__partner").get(pk=payment_id)
        if payment.state != PaymentState.CLOSING:
            return
        if payment.asked_at is not None and not _is_shut(payment):
            return
        with transaction.atomic():
            payment = _locked(payment_id)
            if payment.state != PaymentState.CLOSING:
                return
            states.move(payment, PaymentState.CLOSED, role=states.WECHAT, actor=ACTOR)
            hooks.find(payment.purpose).on_closed(payment)
            _record("pay.payment.closed", payment)


def _is_shut(payment: Payment) -> bool:
    """Make sure that nobody can pay it any more; False when it was paid after all."""
    found = look(payment)
    if found is None or found.is_shut:
        return True
    if found.is_paid:
        return False
    account = payment.account
    try:
        gateway.call(account, lambda api: api.close_trade(payment.number))
    except PayRefused:
        # paid or closed between the two calls: whichever it is, the answer knows
        found = look(payment)
        if found is None or found.is_shut:
            return True
        if found.is_paid:
            return False
        raise
    return True


# -- sweeping


def sweep() -> int:
    """Close what has expired and take up what a crash left lying; answers how much there was."""
    now = clock.now()
    with tenancy.all_merchants("payments and refunds of every merchant that wait too long"):
        waiting = Payment.objects.filter(expires_at__lte=now)
        expired = list(waiting.filter(state__in=OPEN))
        closing = Payment.objects.filter(state=PaymentState.CLOSING)
        shut = list(closing.values_list("merchant_id", "pk"))
        due = Refund.objects.filter(state__in=UNDER_WAY, next_ask_at__lte=now)
        refunds = list(due.values_list("merchant_id", "pk"))
    for payment in expired:
        with tenancy.merchant_scope(payment.merchant_id):
            _close(payment, CLOCK, states.CLOCK)
    for merchant_id, payment_id in shut:
        _once(tasks.close, f"pay.close:{payment_id}", merchant_id, payment_id=payment_id)
    for merchant_id, refund_id in refunds:
        _once(tasks.refund, f"pay.refund:{refund_id}", merchant_id, refund_id=refund_id)
    return len(expired) + len(shut) + len(refunds)


def _once(task: Any, lock: str, merchant_id: int, **kwargs: int) -> None:
    """Defer a job unless the one before it still waits."""
    try:
        with transaction.atomic():
            task.configure(queueing_lock=lock).defer(merchant_id=merchant_id, **kwargs)
    except AlreadyEnqueued:
        log.info("already waiting", lock=lock)
