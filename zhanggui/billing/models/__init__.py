"""Editions and their prices, the plan of a merchant, its orders and what was paid."""

from zhanggui.billing.models.editions import Edition, Price, Seller
from zhanggui.billing.models.orders import (
    Kind,
    Order,
    OrderChange,
    OrderState,
    Transfer,
    TransferState,
    Way,
)
from zhanggui.billing.models.plans import Change, Plan, PlanChange, Reminder

__all__ = [
    "Change",
    "Edition",
    "Kind",
    "Order",
    "OrderChange",
    "OrderState",
    "Plan",
    "PlanChange",
    "Price",
    "Reminder",
    "Seller",
    "Transfer",
    "TransferState",
    "Way",
]
