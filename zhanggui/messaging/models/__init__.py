"""Tables of this module."""

from zhanggui.messaging.models.campaigns import Campaign, CampaignState
from zhanggui.messaging.models.messages import (
    BODY_COLUMN,
    GONE_OUT,
    ON_THEIR_WAY,
    TO_COLUMN,
    TROUBLE,
    WAITING,
    Consent,
    ConsentSource,
    Kind,
    Message,
    MessageDay,
    Route,
    State,
    Why,
)
from zhanggui.messaging.models.rules import MessagingSettings, Rule
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
    "BODY_COLUMN",
    "GONE_OUT",
    "ON_THEIR_WAY",
    "TO_COLUMN",
    "TROUBLE",
    "WAITING",
    "Campaign",
    "CampaignState",
    "Consent",
    "ConsentSource",
    "Grant",
    "GrantSource",
    "Kind",
    "Message",
    "MessageDay",
    "MessagingSettings",
    "Purse",
    "Route",
    "Rule",
    "SmsPack",
    "State",
    "Stock",
    "StockMove",
    "Wallet",
    "Why",
]
