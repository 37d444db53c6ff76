"""Pay accounts, payments and refunds with their history, notifications, bills."""

from zhanggui.channels.pay.models.accounts import (
    Mode,
    NotificationState,
    PayAccount,
    PayNotification,
    PlatformCertificate,
    TradeKind,
    TradeNumber,
    Way,
)
from zhanggui.channels.pay.models.bills import (
    BillDifference,
    BillState,
    DifferenceKind,
    DifferenceState,
    PayBill,
)
from zhanggui.channels.pay.models.payments import (
    Payment,
    PaymentChange,
    PaymentState,
    Refund,
    RefundState,
    Trouble,
)

__all__ = [
    "BillDifference",
    "BillState",
    "DifferenceKind",
    "DifferenceState",
    "Mode",
    "NotificationState",
    "PayAccount",
    "PayBill",
    "PayNotification",
    "Payment",
    "PaymentChange",
    "PaymentState",
    "PlatformCertificate",
    "Refund",
    "RefundState",
    "TradeKind",
    "TradeNumber",
    "Trouble",
    "Way",
]
