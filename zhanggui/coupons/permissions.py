"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

FEATURE = "stamps"
"""The product whose plan switches coupons on; registered by the module above."""

VIEW = Permission(
    "coupons.view",
    _("See coupons and redemptions"),
    frozenset({Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE}),
    feature=FEATURE,
    explanation=_("Who holds which coupon, and every redemption with who confirmed it."),
)
MANAGE = Permission(
    "coupons.manage",
    _("Create and change coupons, links and stock"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE,
    explanation=_("Decides what a coupon is worth and how many there are."),
)
ISSUE = Permission(
    "coupons.issue",
    _("Give coupons to customers"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE,
    explanation=_("To one customer by hand, or to everybody of a segment."),
)
CORRECT = Permission(
    "coupons.correct",
    _("Void and freeze coupons, undo redemptions"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE,
    explanation=_("Each with a reason that stays; redemptions of the last 15 days."),
)
ALL = (VIEW, MANAGE, ISSUE, CORRECT)
