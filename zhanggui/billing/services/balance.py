"""The money of a merchant in double entry: balance, held for orders, sold, come from outside.

All amounts are fen. Each function runs in the caller's transaction, after ``locked_plan``.
Source: repairs specification U-44.
"""

from __future__ import annotations

from zhanggui.billing.models import Kind, Order, Way
from zhanggui.billing.selectors import BALANCE
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Account, Transaction, Unit

BANK = "bank"
WECHAT = "wechat"
SALES = "sales"


def hold(order: Order, zone: str) -> None:
    """Set aside what an order takes from the balance.

    Raises:
        NotEnough: the balance is smaller (E_NOT_ENOUGH, 409).
    """
    if order.balance_fen:
        amounts = {_balance(): -order.balance_fen, _held(order): order.balance_fen}
        _book("billing.held", f"order:{order.pk}:held", amounts, zone)


def release(order: Order, zone: str) -> None:
    """Give back what was set aside for an order that is not paid."""
    if order.balance_fen:
        amounts = {_held(order): -order.balance_fen, _balance(): order.balance_fen}
        _book("billing.released", f"order:{order.pk}:released", amounts, zone)


def settle(order: Order, zone: str) -> None:
    """Book a paid order; its cause is unique, so that an order is settled once."""
    goal = _balance() if order.kind == Kind.TOP_UP else _shared(SALES)
    amounts = {goal: order.total_fen}
    if order.balance_fen:
        amounts[_held(order)] = -order.balance_fen
    if order.rest_fen:
        amounts[_outside(order)] = -order.rest_fen
    if order.total_fen:
        _book("billing.paid", f"order:{order.pk}:paid", amounts, zone)


def refund(order: Order, zone: str) -> None:
    """Give a paid order's money back the way it came: to the balance, and to the bank.

    Raises:
        NotEnough: a top-up that was spent already (E_NOT_ENOUGH, 409).
    """
    source = _balance() if order.kind == Kind.TOP_UP else _shared(SALES)
    amounts = {source: -order.total_fen}
    if order.balance_fen:
        amounts[_balance()] = order.balance_fen
    if order.rest_fen:
        amounts[_outside(order)] = order.rest_fen
    if order.total_fen:
        _book("billing.refunded", f"order:{order.pk}:refunded", amounts, zone)


def _book(event: str, cause: str, amounts: dict[int, int], zone: str) -> Transaction:
    return ledger.book(unit=Unit.CNY, event=event, cause=cause, amounts=amounts, zone=zone)


def _outside(order: Order) -> int:
    return _shared(WECHAT if order.way == Way.WECHAT else BANK)


def _balance() -> int:
    return ledger.open_account(unit=Unit.CNY, code=BALANCE).pk


def _held(order: Order) -> int:
    return ledger.open_account(unit=Unit.CNY, code=f"order:{order.pk}").pk


def _shared(code: str) -> int:
    # negative when money came from outside, so no balance is kept
    account: Account = ledger.open_account(unit=Unit.CNY, code=code, is_cached=False)
    return account.pk
