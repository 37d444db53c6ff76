"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.features import Feature
from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission

EVERYBODY = frozenset(role for role in Role if role != Role.CUSTOM)
LEADERS = frozenset({Role.OWNER, Role.MANAGER})
OWNERS = frozenset({Role.OWNER})

OWN_ROLES = Feature(
    "own_roles",
    _("Own roles"),
    _("Put rights together for roles of your own, beside the usual ones."),
    order=40,
)

VIEW_STORES = Permission(
    "accounts.view_stores",
    _("See the stores"),
    EVERYBODY,
    explanation=_("Names, addresses and whether they are open. Everybody needs this."),
)
MANAGE_STORES = Permission(
    "accounts.manage_stores",
    _("Open, change and close stores"),
    LEADERS,
    explanation=_("A closed store takes no new business; its customers keep what they hold."),
)
VIEW_STAFF = Permission(
    "accounts.view_staff",
    _("See the staff"),
    LEADERS,
    explanation=_("Who works here, in which role, and when they last signed in."),
)
MANAGE_STAFF = Permission(
    "accounts.manage_staff",
    _("Invite staff, change roles, remove staff"),
    OWNERS,
    explanation=_("Only for roles whose rights one has oneself; owners stay with owners."),
    in_support=False,
)
MANAGE_ROLES = Permission(
    "accounts.manage_roles",
    _("Make and change own roles"),
    OWNERS,
    feature=OWN_ROLES.name,
    explanation=_("A change holds at once for everybody who has the role."),
    in_support=False,
)
VIEW_AUDIT = Permission(
    "accounts.view_audit",
    _("Read the audit log"),
    LEADERS,
    explanation=_("Who did what, when and from where, over the last 180 days."),
)
MANAGE_SUPPORT = Permission(
    "accounts.manage_support",
    _("Decide about support access"),
    OWNERS,
    explanation=_("Allow or forbid that operator or platform look in to help; end their visit."),
    in_support=False,
)
OPERATOR_VIEW = Permission(
    "accounts.operator_view",
    _("See the merchants served"),
    EVERYBODY,
    Tier.OPERATOR,
    explanation=_("Their state and figures, not their customers."),
)
OPERATOR_MANAGE = Permission(
    "accounts.operator_manage",
    _("Take in, freeze and unfreeze merchants"),
    LEADERS,
    Tier.OPERATOR,
    explanation=_("A frozen merchant's people cannot sign in; its customers keep what they hold."),
)
OPERATOR_SUPPORT = Permission(
    "accounts.operator_support",
    _("Give support inside merchants"),
    LEADERS,
    Tier.OPERATOR,
    explanation=_(
        "For a reason and a limited time; the merchant sees every step and can forbid it."
    ),
)
OPERATOR_STAFF = Permission(
    "accounts.operator_staff",
    _("Invite employees, change roles, remove employees"),
    OWNERS,
    Tier.OPERATOR,
    explanation=_("Only for roles whose rights one has oneself."),
)
PLATFORM_VIEW = Permission(
    "accounts.platform_view",
    _("See operators and merchants"),
    EVERYBODY,
    Tier.PLATFORM,
    explanation=_("Their state and figures, not their customers."),
)
PLATFORM_MANAGE = Permission(
    "accounts.platform_manage",
    _("Take in operators and merchants, freeze and unfreeze"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_("A frozen merchant's people cannot sign in; its customers keep what they hold."),
)
PLATFORM_SUPPORT = Permission(
    "accounts.platform_support",
    _("Give support inside merchants"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_(
        "For a reason and a limited time; the merchant sees every step and can forbid it."
    ),
)
PLATFORM_AUDIT = Permission(
    "accounts.platform_audit",
    _("Read the installation's audit log"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_("Sign-ins, operators, merchants, people; nothing of the merchants' customers."),
)
PLATFORM_STAFF = Permission(
    "accounts.platform_staff",
    _("Invite employees, change roles, remove employees"),
    OWNERS,
    Tier.PLATFORM,
    explanation=_("Only for roles whose rights one has oneself."),
)

SHARE_VIEWS = Permission(
    "accounts.share_views",
    _("Save list views for everybody"),
    LEADERS,
    explanation=_("Filters saved as a tab that all colleagues see."),
)
ALL = (
    SHARE_VIEWS,
    VIEW_STORES,
    MANAGE_STORES,
    VIEW_STAFF,
    MANAGE_STAFF,
    MANAGE_ROLES,
    VIEW_AUDIT,
    MANAGE_SUPPORT,
    OPERATOR_VIEW,
    OPERATOR_MANAGE,
    OPERATOR_SUPPORT,
    OPERATOR_STAFF,
    PLATFORM_VIEW,
    PLATFORM_MANAGE,
    PLATFORM_SUPPORT,
    PLATFORM_AUDIT,
    PLATFORM_STAFF,
)

MANAGE_STAFF_OF = {
    Tier.MERCHANT: MANAGE_STAFF,
    Tier.OPERATOR: OPERATOR_STAFF,
    Tier.PLATFORM: PLATFORM_STAFF,
}
"""Who may invite, change and remove people at each tier."""
