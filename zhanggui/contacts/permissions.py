"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW_CUSTOMERS = Permission(
    "contacts.view_customers",
    _("See customers"),
    frozenset({Role.MANAGER, Role.CLERK}),
)
