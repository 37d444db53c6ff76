"""The rights of this channel."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission

LEADERS = frozenset({Role.MANAGER})

VIEW_ACCOUNT = Permission(
    "wechat.view_account",
    _("See the official account and its health"),
    LEADERS,
    explanation=_("Which account customers come through, and whether WeChat reaches us."),
)
MANAGE_ACCOUNT = Permission(
    "wechat.manage_account",
    _("Connect, test and disconnect the official account"),
    explanation=_("Needs the account's secret; a wrong change keeps customers out."),
)
EDIT_CONTENT = Permission(
    "wechat.edit_content",
    _("Menu, automatic replies, QR codes and templates"),
    LEADERS,
    explanation=_("What customers see in the chat; a published menu reaches all followers."),
)
OPERATOR_ACCOUNT = Permission(
    "wechat.operator_account",
    _("Look after the operator's own official account"),
    LEADERS,
    Tier.OPERATOR,
    explanation=_("It serves every merchant that has none of its own."),
)
PLATFORM_ACCOUNT = Permission(
    "wechat.platform_account",
    _("Look after the platform's own official account"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_("Staff sign in through it, and it serves whoever has no other account."),
)
ALL = (VIEW_ACCOUNT, MANAGE_ACCOUNT, EDIT_CONTENT, OPERATOR_ACCOUNT, PLATFORM_ACCOUNT)
