"""Every write of billing; one public function is one business step."""

from zhanggui.billing.services.deleting import delete_due
from zhanggui.billing.services.editions import (
    PERIODS,
    change_edition,
    change_edition_and_price,
    drop_price,
    range_of,
    set_price,
    set_seller,
)
from zhanggui.billing.services.orders import (
    cancel_order,
    grant,
    lapse_orders,
    order_period,
    order_sms_pack,
    order_top_up,
    order_upgrade,
    refund_order,
)
from zhanggui.billing.services.plans import start_trial, upgrade_price
from zhanggui.billing.services.reminders import remind
from zhanggui.billing.services.transfers import (
    approve_transfer,
    hand_in_transfer,
    reject_transfer,
)
from zhanggui.billing.services.wechat import pay_order

__all__ = [
    "PERIODS",
    "approve_transfer",
    "cancel_order",
    "change_edition",
    "change_edition_and_price",
    "delete_due",
    "drop_price",
    "grant",
    "hand_in_transfer",
    "lapse_orders",
    "order_period",
    "order_sms_pack",
    "order_top_up",
    "order_upgrade",
    "pay_order",
    "range_of",
    "refund_order",
    "reject_transfer",
    "remind",
    "set_price",
    "set_seller",
    "start_trial",
    "upgrade_price",
]
