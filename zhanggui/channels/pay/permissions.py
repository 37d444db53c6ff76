"""The rights of this channel."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission

FINANCE = frozenset({Role.FINANCE})
LEADERS = frozenset({Role.MANAGER, Role.FINANCE})

VIEW = Permission(
    "pay.view",
    _("See payments and bills"),
    LEADERS,
    explanation=_("What came in through WeChat Pay, and whether it agrees with its daily bill."),
)
REFUND = Permission(
    "pay.refund",
    _("Give money back through WeChat Pay"),
    FINANCE,
    explanation=_("The money leaves the merchant account at once and cannot be called back."),
    in_support=False,
)
MANAGE = Permission(
    "pay.manage_account",
    _("Connect and change the WeChat Pay account"),
    explanation=_("Decides on which merchant number customers' money arrives; needs its keys."),
    in_support=False,
)
OPERATOR_VIEW = Permission(
    "pay.operator_view",
    _("See payments and bills of the operator's WeChat Pay"),
    LEADERS,
    Tier.OPERATOR,
    explanation=_("What merchants paid the operator, and whether it agrees with the daily bill."),
)
OPERATOR_MANAGE = Permission(
    "pay.operator_manage",
    _("Connect the operator's WeChat Pay, give money back"),
    frozenset(),
    Tier.OPERATOR,
    explanation=_("Decides on which merchant number merchants' money arrives; needs its keys."),
)
PLATFORM_VIEW = Permission(
    "pay.platform_view",
    _("See payments and bills of the platform's WeChat Pay"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_("What merchants paid the platform, and whether it agrees with the daily bill."),
)
PLATFORM_MANAGE = Permission(
    "pay.platform_manage",
    _("Connect the platform's WeChat Pay, give money back"),
    frozenset(),
    Tier.PLATFORM,
    explanation=_("Decides on which merchant number merchants' money arrives; needs its keys."),
)

ALL = (
    VIEW,
    REFUND,
    MANAGE,
    OPERATOR_VIEW,
    OPERATOR_MANAGE,
    PLATFORM_VIEW,
    PLATFORM_MANAGE,
)
