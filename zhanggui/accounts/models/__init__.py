"""People who sign in; platform > operator > merchant > store; memberships; sessions; audit log."""

from zhanggui.accounts.models.audit import ActorKind, AuditEntry, PlatformAuditEntry
from zhanggui.accounts.models.memberships import Membership, Role, Tier
from zhanggui.accounts.models.people import (
    PHONE_COLUMN,
    Person,
    PersonManager,
    Session,
    phone_hash,
)
from zhanggui.accounts.models.tiers import Merchant, Operator, Store, StoreState, TierState

__all__ = [
    "PHONE_COLUMN",
    "ActorKind",
    "AuditEntry",
    "Membership",
    "Merchant",
    "Operator",
    "Person",
    "PersonManager",
    "PlatformAuditEntry",
    "Role",
    "Session",
    "Store",
    "StoreState",
    "Tier",
    "TierState",
    "phone_hash",
]
