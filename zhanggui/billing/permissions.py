"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission
from zhanggui.core.errors import NotAllowed

FINANCE = frozenset({Role.FINANCE})
LEADERS = frozenset({Role.MANAGER, Role.FINANCE})

VIEW = Permission(
    "billing.view",
    _("See plan, balance and orders"),
    LEADERS,
    explanation=_("Shows what the shop has bought and until when; nothing can be ordered with it."),
)
PAY = Permission(
    "billing.pay",
    _("Renew, upgrade and pay"),
    FINANCE,
    explanation=_("Orders cost money: give it to whoever may spend the shop's money."),
    in_support=False,
)
OPERATOR_SALES = Permission(
    "billing.operator_sales",
    _("See orders of merchants, check transfers"),
    LEADERS,
    Tier.OPERATOR,
    explanation=_("Approving a transfer extends the merchant's plan at once."),
)
OPERATOR_PRICES = Permission(
    "billing.operator_prices",
    _("Set own prices, give periods as a gift"),
    frozenset({Role.MANAGER}),
    Tier.OPERATOR,
    explanation=_("Within the range the platform allows."),
)
PLATFORM_SALES = Permission(
    "billing.platform_sales",
    _("See all orders, check transfers, refund"),
    LEADERS,
    Tier.PLATFORM,
    explanation=_("Approving a transfer extends the merchant's plan at once."),
)
PLATFORM_EDITIONS = Permission(
    "billing.platform_editions",
    _("Change editions and prices, give periods as a gift"),
    frozenset({Role.MANAGER}),
    Tier.PLATFORM,
    explanation=_("A change of an edition reaches every merchant that has it at once."),
)

ALL = (VIEW, PAY, OPERATOR_SALES, OPERATOR_PRICES, PLATFORM_SALES, PLATFORM_EDITIONS)


def refuse_without(given: frozenset[str], permission: Permission) -> None:
    """Refuse when a page does more by POST than its guard asks for.

    Raises:
        NotAllowed: the right is missing (E_NOT_ALLOWED, 403).
    """
    if permission.name not in given:
        raise NotAllowed
