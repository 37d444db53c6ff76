"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW = Permission(
    "stamps.view",
    _("See stamp cards, ledger and figures"),
    frozenset({Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE}),
)
MANAGE_PROGRAMMES = Permission(
    "stamps.manage_programmes",
    _("Create, change and pause stamp programmes"),
    frozenset({Role.OWNER, Role.MANAGER}),
)
MANAGE_MANAGERS = Permission(
    "stamps.manage_managers",
    _("Invite and remove store managers"),
    frozenset({Role.OWNER, Role.MANAGER}),
)
CANCEL = Permission(
    "stamps.cancel",
    _("Cancel stamps in the back office"),
    frozenset({Role.OWNER, Role.MANAGER}),
)

ALL = (VIEW, MANAGE_PROGRAMMES, MANAGE_MANAGERS, CANCEL)
