"""The tasks of this module in the job centre."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant
from zhanggui.contacts.services import bulk_tasks, duplicates
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.ui import formats


def register_all() -> None:
    """Make them known; once per process."""
    customers = _("customers")
    jobs.register(
        jobs.TaskKind(
            bulk_tasks.CHANGE,
            _("Change of many customers"),
            bulk_tasks.run_change,
            "users-group",
            customers,
            url=bulk_tasks.url_of,
            lines=_changed,
        )
    )
    jobs.register(
        jobs.TaskKind(
            bulk_tasks.UNDO,
            _("Undoing of a change"),
            bulk_tasks.run_undo,
            "arrow-back-up",
            customers,
            url=bulk_tasks.url_of,
            lines=_changed,
        )
    )
    jobs.register(
        jobs.TaskKind(
            duplicates.SEARCH,
            _("Search for duplicates"),
            duplicates.run_search,
            "users",
            _("comparisons"),
            url=_duplicates,
            lines=_pairs,
        )
    )


def _changed(task: Task) -> list[tuple[jobs.Text, str]]:
    return [(_("Customers changed"), formats.count(task.result.get("customers", 0)))]


def _pairs(task: Task) -> list[tuple[jobs.Text, str]]:
    return [(_("Pairs that look alike"), formats.count(task.result.get("pairs", 0)))]


def _duplicates(task: Task) -> str:
    slug = Merchant.objects.values_list("slug", flat=True).get(pk=task.merchant_id)
    return reverse("contacts:duplicates", args=[slug])
