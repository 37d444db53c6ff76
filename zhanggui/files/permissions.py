"""The rights of this module."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Role
from zhanggui.accounts.permissions import Permission

VIEW_ALL_TASKS = Permission(
    "files.view_all_tasks",
    _("See and stop everybody's tasks"),
    frozenset({Role.OWNER, Role.MANAGER}),
)
EXPORT = Permission(
    "files.export",
    _("Take lists away as spreadsheets"),
    frozenset({Role.OWNER, Role.MANAGER, Role.FINANCE}),
)
WHOLE_PHONES = Permission(
    "files.whole_phones",
    _("Have whole phone numbers in spreadsheets"),
    frozenset({Role.OWNER}),
)
"""Without it phones in spreadsheets are masked (U-51)."""

ALL = (VIEW_ALL_TASKS, EXPORT, WHOLE_PHONES)
