"""The lives of payments and refunds as tables; each change of a payment is a history row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.channels.pay.errors import PaymentMoved
from zhanggui.channels.pay.models import Payment, PaymentChange, PaymentState, Refund, RefundState

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

STAFF = "staff"
CLOCK = "clock"
WECHAT = "wechat"
"""What WeChat Pay answered or notified."""

_P = PaymentState
PAYMENTS: dict[tuple[PaymentState, PaymentState], frozenset[str]] = {
    (_P.CREATED, _P.PREPAID): frozenset({WECHAT}),
    (_P.CREATED, _P.PAID): frozenset({WECHAT}),
    (_P.CREATED, _P.CLOSING): frozenset({STAFF, CLOCK, WECHAT}),
    (_P.PREPAID, _P.PAID): frozenset({WECHAT}),
    (_P.PREPAID, _P.CLOSING): frozenset({STAFF, CLOCK, WECHAT}),
    (_P.CLOSING, _P.PAID): frozenset({WECHAT}),
    (_P.CLOSING, _P.CLOSED): frozenset({WECHAT}),
    (_P.CLOSED, _P.PAID): frozenset({WECHAT}),
    (_P.CREATED, _P.LATE): frozenset({WECHAT}),
    (_P.PREPAID, _P.LATE): frozenset({WECHAT}),
    (_P.CLOSING, _P.LATE): frozenset({WECHAT}),
    (_P.CLOSED, _P.LATE): frozenset({WECHAT}),
    (_P.PAID, _P.REFUNDING): frozenset({STAFF, CLOCK}),
    (_P.LATE, _P.REFUNDING): frozenset({STAFF, CLOCK}),
    (_P.REFUNDING, _P.PAID): frozenset({WECHAT}),
    (_P.REFUNDING, _P.REFUNDED): frozenset({WECHAT}),
}
"""From, to, and who may do it. An order is closed at WeChat Pay before anything is released:
the way to ``closed`` leads over ``closing``, and out of that WeChat Pay decides."""

_R = RefundState
REFUNDS: frozenset[tuple[RefundState, RefundState]] = frozenset(
    {
        (_R.ASKED, _R.PROCESSING),
        (_R.ASKED, _R.DONE),
        (_R.ASKED, _R.REFUSED),
        (_R.ASKED, _R.ABNORMAL),
        (_R.PROCESSING, _R.DONE),
        (_R.PROCESSING, _R.REFUSED),
        (_R.PROCESSING, _R.ABNORMAL),
        (_R.ABNORMAL, _R.DONE),
        (_R.ABNORMAL, _R.REFUSED),
        (_R.REFUSED, _R.ASKED),
        (_R.REFUSED, _R.DONE),
    }
)


def begin(payment: Payment, actor: Actor) -> None:
    """Write the first row of a payment's history."""
    note(payment, "", actor, "")


def may_move(payment: Payment, to: PaymentState, role: str) -> bool:
    """Whether a payment may go there by this role."""
    return role in PAYMENTS.get((PaymentState(payment.state), to), frozenset())


def move(payment: Payment, to: PaymentState, *, role: str, actor: Actor, reason: str = "") -> None:
    """Take a payment one step further; the statement decides who is first.

    Raises:
        PaymentMoved: no such step from where the payment is now (E_PAYMENT_MOVED, 409).
    """
    before = PaymentState(payment.state)
    changed = 0
    if may_move(payment, to, role):
        changed = Payment.objects.filter(pk=payment.pk, state=before).update(state=to)
    if not changed:
        raise PaymentMoved
    payment.state = to
    note(payment, before, actor, reason)


def note(payment: Payment, before: str, actor: Actor, reason: str) -> None:
    """Write a row of a payment's history; also for what changes no state."""
    PaymentChange(
        payment=payment,
        from_state=before,
        to_state=payment.state,
        by_name=actor.name[:80],
        reason=reason[:200],
    ).save(force_insert=True)


def move_refund(refund: Refund, to: RefundState) -> bool:
    """Take a refund one step further; False when the table or somebody faster forbids it."""
    before = RefundState(refund.state)
    if (before, to) not in REFUNDS:
        return False
    if not Refund.objects.filter(pk=refund.pk, state=before).update(state=to):
        return False
    refund.state = to
    return True
