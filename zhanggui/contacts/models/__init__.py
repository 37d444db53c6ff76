"""One customer of one merchant; identity links; the customer's own sessions."""

from zhanggui.contacts.models.customers import (
    PHONE_COLUMN,
    TAIL_PURPOSE,
    Customer,
    CustomerState,
)
from zhanggui.contacts.models.imports import ImportedCustomer
from zhanggui.contacts.models.links import IdentityLink, LinkState
from zhanggui.contacts.models.merges import (
    DuplicatePair,
    DuplicateSearch,
    Likeness,
    LinkMove,
    LinkMoveCause,
    Merge,
    PairState,
)
from zhanggui.contacts.models.privacy import Erasure, ErasureState
from zhanggui.contacts.models.sessions import CustomerSession

__all__ = [
    "PHONE_COLUMN",
    "TAIL_PURPOSE",
    "Customer",
    "CustomerSession",
    "CustomerState",
    "DuplicatePair",
    "DuplicateSearch",
    "Erasure",
    "ErasureState",
    "IdentityLink",
    "ImportedCustomer",
    "Likeness",
    "LinkMove",
    "LinkMoveCause",
    "LinkState",
    "Merge",
    "PairState",
]
