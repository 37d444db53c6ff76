"""The life of an order as a table (U-44); each change is a history row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.billing.errors import OrderMoved
from zhanggui.billing.models import Order, OrderChange, OrderState

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

BUYER = "buyer"
SELLER = "seller"
CLOCK = "clock"
WECHAT = "wechat"
TRANSITIONS: dict[tuple[OrderState, OrderState], frozenset[str]] = {
    (OrderState.PENDING, OrderState.PAID): frozenset({BUYER, SELLER, WECHAT}),
    (OrderState.PENDING, OrderState.CANCELLED): frozenset({BUYER, SELLER, CLOCK}),
    (OrderState.PAID, OrderState.REFUNDED): frozenset({SELLER}),
}
"""From, to, and who may do it: the buyer (by balance alone), the seller, WeChat Pay, or time."""


def may_move(order: Order, to: OrderState, role: str) -> bool:
    """Whether an order may go there by this role."""
    return role in TRANSITIONS.get((OrderState(order.state), to), frozenset())


def remark(order: Order, actor: Actor, reason: str) -> None:
    """Write into an order's history what does not change its state."""
    _note(order, order.state, actor, reason)


def begin(order: Order, actor: Actor) -> None:
    """Write the first row of an order's history."""
    _note(order, "", actor, "")


def move(order: Order, to: OrderState, *, role: str, actor: Actor, reason: str = "") -> None:
    """Take an order one step further; the statement decides who is first.

    Raises:
        OrderMoved: the table has no such step from where the order is now (E_ORDER_MOVED, 409).
    """
    before = OrderState(order.state)
    changed = 0
    if may_move(order, to, role):
        changed = Order.objects.filter(pk=order.pk, state=before).update(state=to)
    if not changed:
        raise OrderMoved
    order.state = to
    _note(order, before, actor, reason)


def _note(order: Order, before: str, actor: Actor, reason: str) -> None:
    OrderChange(
        order=order,
        from_state=before,
        to_state=order.state,
        by_name=actor.name[:80],
        reason=reason,
    ).save(force_insert=True)
