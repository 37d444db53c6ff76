"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role, Tier
from zhanggui.accounts.permissions import Permission

VIEW = Permission(
    "messaging.view",
    _("See messages and SMS credit"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    explanation=_("What went to whom and what became of it; numbers stay masked."),
)
MANAGE = Permission(
    "messaging.manage",
    _("Change messages and their rules, send again"),
    frozenset({Role.MANAGER}),
    explanation=_("Decides what customers are told; messages by SMS cost credit."),
)
MAILING = Permission(
    "messaging.mailing",
    _("Send to many customers"),
    frozenset({Role.MANAGER}),
    explanation=_("One press reaches everybody and may use up the SMS credit."),
    in_support=False,
)
OPERATOR_CREDIT = Permission(
    "messaging.operator_credit",
    _("Give merchants SMS credit"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    Tier.OPERATOR,
    explanation=_("Out of the operator's stock; it cannot be taken back."),
)
PLATFORM_CREDIT = Permission(
    "messaging.platform_credit",
    _("Give SMS credit, set its prices"),
    frozenset({Role.MANAGER, Role.FINANCE}),
    Tier.PLATFORM,
    explanation=_("Credit given away costs the platform money at the SMS provider."),
)

ALL = (VIEW, MANAGE, MAILING, OPERATOR_CREDIT, PLATFORM_CREDIT)
