"""One customer of one merchant; identity links; the customer's own sessions."""

from zhanggui.contacts.models.customers import (
    PHONE_COLUMN,
    TAIL_PURPOSE,
    Customer,
    CustomerState,
)
from zhanggui.contacts.models.links import IdentityLink, LinkState
from zhanggui.contacts.models.sessions import CustomerSession

__all__ = [
    "PHONE_COLUMN",
    "TAIL_PURPOSE",
    "Customer",
    "CustomerSession",
    "CustomerState",
    "IdentityLink",
    "LinkState",
]
