"""The lists of accounts that can be taken away; accounts itself knows no exports."""

from zhanggui.files.lists.people import AUDIT, INVITATIONS, STAFF, STORES, SUPPORT_VISITS
from zhanggui.files.lists.tiers import (
    AGREEMENTS,
    APPLICATIONS,
    EMPLOYEES,
    FIGURE,
    LOG,
    MERCHANTS,
    OPERATORS,
    TIER_INVITATIONS,
)

PLACES = {
    "accounts.stores.tools": STORES,
    "accounts.staff.tools": STAFF,
    "accounts.audit.tools": AUDIT,
    "accounts.invitations.tools": INVITATIONS,
    "accounts.support.tools": SUPPORT_VISITS,
    "accounts.tiers.merchants.tools": MERCHANTS,
    "accounts.tiers.operators.tools": OPERATORS,
    "accounts.tiers.applications.tools": APPLICATIONS,
    "accounts.tiers.staff.tools": EMPLOYEES,
    "accounts.tiers.invitations.tools": TIER_INVITATIONS,
    "accounts.tiers.log.tools": LOG,
    "accounts.tiers.figure.tools": FIGURE,
    "accounts.tiers.agreement.tools": AGREEMENTS,
}
"""Where the button of each stands: places of panels on pages of accounts."""

__all__ = [
    "AGREEMENTS",
    "APPLICATIONS",
    "AUDIT",
    "EMPLOYEES",
    "FIGURE",
    "INVITATIONS",
    "LOG",
    "MERCHANTS",
    "OPERATORS",
    "PLACES",
    "STAFF",
    "STORES",
    "SUPPORT_VISITS",
    "TIER_INVITATIONS",
]
