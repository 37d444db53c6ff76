"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.features import Feature
from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

IMPORTING = Feature(
    "customer_import",
    _("Import of customers"),
    _("Take over a list from a spreadsheet, with a check of every cell first."),
    order=30,
)

VIEW_CUSTOMERS = Permission(
    "contacts.view_customers",
    _("See customers"),
    frozenset({Role.MANAGER, Role.CLERK}),
    explanation=_("Names, cards and visits; phone numbers stay masked."),
)
EDIT_CUSTOMERS = Permission(
    "contacts.edit_customers",
    _("Add and change customers, put tags on them"),
    frozenset({Role.MANAGER, Role.CLERK}),
    explanation=_("Name, phone, birthday, note and tags of one customer at a time."),
)
MANAGE_CUSTOMERS = Permission(
    "contacts.manage_customers",
    _("Block customers, change many at once, keep tags and segments"),
    frozenset({Role.MANAGER}),
    explanation=_("Changes of many can be undone; a blocked customer collects no stamps."),
)
REVEAL_PHONES = Permission(
    "contacts.reveal_phones",
    _("See whole phone numbers of customers"),
    frozenset({Role.MANAGER}),
    explanation=_("Numbers are shown as 138****5678. Each look at a whole one is logged."),
    in_support=False,
)
MERGE_CUSTOMERS = Permission(
    "contacts.merge_customers",
    _("Merge and split customers"),
    frozenset({Role.MANAGER}),
    explanation=_("Make one customer out of two that are the same person, and take it back."),
)
IMPORT_CUSTOMERS = Permission(
    "contacts.import_customers",
    _("Import customers from a spreadsheet"),
    frozenset({Role.MANAGER}),
    feature=IMPORTING.name,
    explanation=_("A check of every cell comes first; a whole batch can be taken back."),
)
KEEP_PRIVACY = Permission(
    "contacts.keep_privacy",
    _("Hand out or erase everything about one customer"),
    explanation=_("For people who ask what is known about them, or ask to be forgotten."),
    in_support=False,
)
