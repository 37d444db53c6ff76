"""The rights of this channel."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW_ACCOUNT = Permission(
    "wechat.view_account",
    _("See the official account and its health"),
    frozenset({Role.MANAGER}),
    explanation=_("Which account customers come through, and whether WeChat reaches us."),
)
MANAGE_ACCOUNT = Permission(
    "wechat.manage_account",
    _("Connect, test and disconnect the official account"),
    explanation=_("Needs the account's secret; a wrong change keeps customers out."),
)
