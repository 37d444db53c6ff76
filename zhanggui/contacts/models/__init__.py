"""One customer of one merchant: identities, sessions, tags, segments, merges, erasures."""

from zhanggui.contacts.models.bulk import BulkChange
from zhanggui.contacts.models.customers import (
    PHONE_COLUMN,
    TAIL_PURPOSE,
    Customer,
    CustomerState,
    Gender,
    Source,
)
from zhanggui.contacts.models.imports import ImportedCustomer
from zhanggui.contacts.models.links import IdentityLink, LinkKind, LinkState
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
from zhanggui.contacts.models.segments import Segment
from zhanggui.contacts.models.sessions import CustomerSession
from zhanggui.contacts.models.tags import Tag, TagColour
from zhanggui.contacts.models.whereabouts import Whereabouts

__all__ = [
    "PHONE_COLUMN",
    "TAIL_PURPOSE",
    "BulkChange",
    "Customer",
    "CustomerSession",
    "CustomerState",
    "DuplicatePair",
    "DuplicateSearch",
    "Erasure",
    "ErasureState",
    "Gender",
    "IdentityLink",
    "ImportedCustomer",
    "Likeness",
    "LinkKind",
    "LinkMove",
    "LinkMoveCause",
    "LinkState",
    "Merge",
    "PairState",
    "Segment",
    "Source",
    "Tag",
    "TagColour",
    "Whereabouts",
]
