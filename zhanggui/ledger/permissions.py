"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VERIFY = Permission(
    "ledger.verify",
    _("Check the ledger and take its proof"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    explanation=_("Shows whether every balance adds up; the proof holds numbers, no names."),
)
ALL = (VERIFY,)
