"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW_ALL_TASKS = Permission(
    "files.view_all_tasks",
    _("See and stop everybody's tasks"),
    frozenset({Role.OWNER, Role.MANAGER}),
    explanation=_("Imports and exports of all colleagues, with their results."),
)
EXPORT = Permission(
    "files.export",
    _("Take lists away as spreadsheets"),
    frozenset({Role.OWNER, Role.MANAGER, Role.FINANCE}),
    explanation=_("Only lists this person may see; each time leaves an entry in the audit log."),
    in_support=False,
)
WHOLE_PHONES = Permission(
    "files.whole_phones",
    _("Have whole phone numbers in spreadsheets"),
    frozenset({Role.OWNER}),
    explanation=_("Without it phone numbers in spreadsheets are masked, like 138****5678."),
    in_support=False,
)
"""Without it phones in spreadsheets are masked (U-51)."""

ALL = (VIEW_ALL_TASKS, EXPORT, WHOLE_PHONES)
