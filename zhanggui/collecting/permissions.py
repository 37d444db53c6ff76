"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW = Permission(
    "collecting.view",
    _("See what is collected and who paid"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    explanation=_("Requests for money with their payers and what was given back."),
)
REQUEST = Permission(
    "collecting.request",
    _("Ask customers for money, stop asking"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    explanation=_("Makes links and QR codes; the money arrives on the shop's merchant number."),
)
ALL = (VIEW, REQUEST)
