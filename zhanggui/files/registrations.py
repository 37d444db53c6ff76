"""What this module tells the registries."""

from __future__ import annotations

from collections.abc import Collection

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks, permissions
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.rights import OPERATOR_VIEW, PLATFORM_VIEW
from zhanggui.files import exports, following, jobs, kinds
from zhanggui.files import permissions as rights
from zhanggui.files.lists import PLACES
from zhanggui.files.lists.work import IMPORTS, TASKS
from zhanggui.files.models import ImportBatch, StoredFile, Task
from zhanggui.files.services import import_work, importing
from zhanggui.files.services.exporting import TASK as EXPORT_TASK
from zhanggui.files.services.exporting import rights_to_fetch, run_export
from zhanggui.files.services.keeping import release_all
from zhanggui.ui import formats, navigation, panels, sections

ACTIONS = {
    "files.file.stored": _("File kept"),
    "files.export.taken": _("List exported"),
    "files.task.cancelled": _("Task cancelled"),
    "files.task.retried": _("Task begun again"),
    "files.import.uploaded": _("Spreadsheet sent in"),
    "files.import.checked": _("Import checked"),
    "files.import.started": _("Import begun"),
    "files.import.done": _("Rows imported"),
    "files.import.undo_started": _("Undoing of an import begun"),
    "files.import.undone": _("Import undone"),
    "files.import.discarded": _("Import given up"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    permissions.register(*rights.ALL)
    permissions.register_area("files", _("Files and exports"), order=500)
    kinds.register(*kinds.STANDARD)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("file", _("File"), _file_names)
    audit.register_target("task", _("Task"), _task_titles)
    audit.register_target("import", _("Import"), _batch_names)
    audit.register_target("export", _("List"))
    _register_tasks()
    hooks.on_data_deleted(lambda _merchant, _actor: release_all())
    for place, export in PLACES.items():
        _put_button(place, export)
        exports.register(export)
    exports.register(TASKS)
    exports.register(IMPORTS)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "tasks",
            _("Tasks"),
            "list-check",
            "files:tasks",
            order=600,
            section=sections.ADMINISTRATION,
            badge=following.badge,
        ),
    )
    for surface, right in (
        ("operator", OPERATOR_VIEW),
        ("platform", PLATFORM_VIEW),
    ):
        navigation.register(
            surface=surface,
            entry=navigation.Entry(
                "exports",
                _("Exports"),
                "download",
                f"files:{surface}_exports",
                right.name,
                order=595,
                section=sections.ADMINISTRATION,
            ),
        )


def _put_button(place: str, export: exports.Export) -> None:
    """Put an export's button on a page of a module that knows no exports."""

    def context(request: HttpRequest, subject: object) -> dict[str, str] | None:
        is_merchants = bool(getattr(request, "merchant", None))
        is_here = export.permission if is_merchants else export.tiers
        also = f"of={subject}" if isinstance(subject, str) else ""
        return {"name": export.name, "also": also} if is_here else None

    panels.register(place=place, panel=panels.Panel("files/_export.html", context))


def _register_tasks() -> None:
    rows = _("rows")
    jobs.register(
        jobs.TaskKind(
            EXPORT_TASK,
            _("Export"),
            run_export,
            "download",
            rows,
            lines=_export_lines,
            rights=rights_to_fetch,
        )
    )
    for name, label, run, ended, icon in (
        (
            importing.CHECK,
            _("Check of an import"),
            import_work.check,
            import_work.check_ended,
            "list-search",
        ),
        (importing.RUN, _("Import"), import_work.run, import_work.run_ended, "table-import"),
        (
            importing.UNDO,
            _("Undoing of an import"),
            import_work.undo,
            import_work.undo_ended,
            "arrow-back-up",
        ),
    ):
        jobs.register(
            jobs.TaskKind(
                name,
                label,
                run,
                icon,
                rows,
                url=_batch_url,
                rights=importing.rights_to_fetch,
                may_retry=False,
                on_end=ended,
            )
        )


def _export_lines(task: Task) -> list[tuple[jobs.Text, str]]:
    return [(_("Rows in the file"), formats.count(task.result.get("rows", 0)))]


def _batch_url(task: Task) -> str:
    slug = Merchant.objects.values_list("slug", flat=True).get(pk=task.merchant_id)
    return reverse("files:import", args=[slug, task.arguments["batch"]])


def _file_names(ids: Collection[int]) -> audit.Rows:
    return StoredFile.objects.filter(pk__in=ids).values_list("pk", "name")


def _task_titles(ids: Collection[int]) -> audit.Rows:
    return Task.objects.filter(pk__in=ids).values_list("pk", "title")


def _batch_names(ids: Collection[int]) -> audit.Rows:
    return ImportBatch.objects.filter(pk__in=ids).values_list("pk", "file_name")
