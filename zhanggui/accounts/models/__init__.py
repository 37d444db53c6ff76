"""People who sign in; platform > operator > merchant > store; memberships; sessions; audit log."""

from zhanggui.accounts.models.audit import ActorKind, AuditEntry, PlatformAuditEntry
from zhanggui.accounts.models.memberships import (
    Invitation,
    Membership,
    Role,
    RoleSet,
    SupportSession,
    Tier,
    role_label,
)
from zhanggui.accounts.models.people import (
    PHONE_COLUMN,
    Person,
    PersonManager,
    Session,
    phone_hash,
)
from zhanggui.accounts.models.preferences import SavedView
from zhanggui.accounts.models.registration import (
    AgreementVersion,
    Application,
    ApplicationState,
    PictureKind,
    PlacePicture,
    RegistrationSettings,
    picture_url,
)
from zhanggui.accounts.models.tiers import (
    Merchant,
    Operator,
    ShutBy,
    Store,
    StoreState,
    TierState,
)

__all__ = [
    "PHONE_COLUMN",
    "ActorKind",
    "AgreementVersion",
    "Application",
    "ApplicationState",
    "AuditEntry",
    "Invitation",
    "Membership",
    "Merchant",
    "Operator",
    "Person",
    "PersonManager",
    "PictureKind",
    "PlacePicture",
    "PlatformAuditEntry",
    "RegistrationSettings",
    "Role",
    "RoleSet",
    "SavedView",
    "Session",
    "ShutBy",
    "Store",
    "StoreState",
    "SupportSession",
    "Tier",
    "TierState",
    "phone_hash",
    "picture_url",
    "role_label",
]
