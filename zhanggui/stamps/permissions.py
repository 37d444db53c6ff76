"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.features import Feature
from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

FEATURE = Feature(
    "stamps",
    _("Stamp cards"),
    _("Customers collect stamps in WeChat; managers confirm them on their phone."),
    order=10,
)

VIEW = Permission(
    "stamps.view",
    _("See stamp cards, ledger and figures"),
    frozenset({Role.OWNER, Role.MANAGER, Role.CLERK, Role.FINANCE}),
    feature=FEATURE.name,
    explanation=_("Balances and every stamp given or taken back, with who did it."),
)
MANAGE_PROGRAMMES = Permission(
    "stamps.manage_programmes",
    _("Create, change and pause stamp programmes"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_("A running programme keeps its rules for cards that are begun."),
)
MANAGE_MANAGERS = Permission(
    "stamps.manage_managers",
    _("Invite and remove store managers"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_("They confirm codes at the counter with their own WeChat."),
)
CANCEL = Permission(
    "stamps.cancel",
    _("Cancel stamps in the back office"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_("Takes back stamps given by mistake; the ledger keeps both lines."),
)

ADJUST = Permission(
    "stamps.adjust",
    _("Adjust stamps by hand, and approve such adjustments"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_("Large ones need two people: nobody approves their own."),
)
HANDLE_CASES = Permission(
    "stamps.handle_cases",
    _("See and settle reports of customers"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_(
        "A customer says that a stamp, or its cancel, was not theirs. A card can be blocked"
        " until that is clear."
    ),
)

MANAGE_SEALS = Permission(
    "stamps.manage_seals",
    _("Make, enrol and retire physical stamps; set up counter screens"),
    frozenset({Role.OWNER, Role.MANAGER}),
    feature=FEATURE.name,
    explanation=_("Whoever holds a stamp in use, or a screen, can stamp every card of its store."),
)

ALL = (
    *(VIEW, MANAGE_PROGRAMMES, MANAGE_MANAGERS, CANCEL, ADJUST, HANDLE_CASES),
    MANAGE_SEALS,
)
