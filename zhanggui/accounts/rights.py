"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission

EVERYBODY = frozenset({Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE})
LEADERS = frozenset({Role.OWNER, Role.MANAGER})
OWNERS = frozenset({Role.OWNER})

VIEW_STORES = Permission("accounts.view_stores", _("See the stores"), EVERYBODY)
MANAGE_STORES = Permission("accounts.manage_stores", _("Open, change and close stores"), LEADERS)
VIEW_STAFF = Permission("accounts.view_staff", _("See the staff"), LEADERS)
MANAGE_STAFF = Permission(
    "accounts.manage_staff", _("Add staff, change roles, remove staff"), OWNERS
)
VIEW_AUDIT = Permission("accounts.view_audit", _("Read the audit log"), LEADERS)
OPERATOR_VIEW = Permission(
    "accounts.operator_view", _("See the merchants served"), EVERYBODY, Tier.OPERATOR
)
OPERATOR_MANAGE = Permission(
    "accounts.operator_manage", _("Take in, freeze and unfreeze merchants"), LEADERS, Tier.OPERATOR
)
PLATFORM_VIEW = Permission(
    "accounts.platform_view", _("See operators and merchants"), EVERYBODY, Tier.PLATFORM
)
PLATFORM_MANAGE = Permission(
    "accounts.platform_manage",
    _("Take in operators and merchants, freeze and unfreeze"),
    LEADERS,
    Tier.PLATFORM,
)

ALL = (
    VIEW_STORES,
    MANAGE_STORES,
    VIEW_STAFF,
    MANAGE_STAFF,
    VIEW_AUDIT,
    OPERATOR_VIEW,
    OPERATOR_MANAGE,
    PLATFORM_VIEW,
    PLATFORM_MANAGE,
)
