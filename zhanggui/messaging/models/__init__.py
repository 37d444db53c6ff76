"""Tables of this module."""

from zhanggui.messaging.models.wallet import (
    Grant,
    GrantSource,
    Purse,
    SmsPack,
    Stock,
    StockMove,
    Wallet,
)

__all__ = [
    "Grant",
    "GrantSource",
    "Purse",
    "SmsPack",
    "Stock",
    "StockMove",
    "Wallet",
]
