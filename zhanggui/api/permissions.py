"""The right of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.permissions import Permission

TOKENS = Permission(
    "api.manage_tokens",
    _("Make and revoke tokens for tills"),
    explanation=_("A token stamps and redeems without a store manager; whoever has it can, too."),
    in_support=False,
)
ALL = (TOKENS,)
