"""Taking a list away: small ones at once, large ones as a task; each leaves an audit entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.core.errors import NotAllowed
from zhanggui.files import exports, jobs
from zhanggui.files.errors import ExportTooLong
from zhanggui.files.exports import Export, Query
from zhanggui.files.kinds import CSV, XLSX
from zhanggui.files.permissions import EXPORT, WHOLE_PHONES
from zhanggui.files.services.keeping import keep_result
from zhanggui.files.writing import Format, Look, writer

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.files.models import Task, TierExport

TASK = "files.export"
TAKEN = "files.export.taken"
KEEP_FOR = timedelta(days=3)
ATTEMPTS = 3
"""How often an export of a tier whose worker was killed is taken up again."""
TYPES: dict[str, str] = {"xlsx": XLSX, "csv": CSV}


@dataclass(frozen=True, slots=True)
class Ready:
    """A small export that is answered at once; the file is the receiver's to close."""

    file: Any
    name: str
    content_type: str


def export_list(*, export: Export, query: Query, format_: Format, actor: Actor) -> Ready | Task:
    """Write a list into a spreadsheet, or begin a task that does.

    Args:
        export: the registered list.
        query: its filters and whose rights count.
        format_: ``xlsx`` or ``csv``.
        actor: who takes it away.

    Raises:
        NotAllowed: no right to the list or to exports (E_NOT_ALLOWED, 403).
        ExportTooLong: more rows than a sheet holds (E_EXPORT_TOO_LONG, 409).
    """
    _refuse_without_rights(export, query)
    if is_long(export, query):
        return _begin(export, query, format_, actor)
    ready, written = _write(export, query, format_)
    audit.record(actor, TAKEN, _target(export), details=_details(export, query, format_, written))
    return ready


def export_at_tier(
    *, export: Export, query: Query, format_: Format, actor: Actor
) -> Ready | TierExport:
    """Write a list of the platform, or of an operator, or begin a job that does.

    Args:
        export: the registered list.
        query: its filters, whose rights count, and at which operator.
        format_: ``xlsx`` or ``csv``.
        actor: who takes it away.

    Raises:
        NotAllowed: no right to the list here (E_NOT_ALLOWED, 403).
        ExportTooLong: more rows than a sheet holds (E_EXPORT_TOO_LONG, 409).
    """
    from zhanggui.files.services import tier_exports  # noqa: PLC0415  they need each other

    refuse_at_tier(export, query)
    if is_long(export, query):
        return tier_exports.begin(export=export, query=query, format_=format_, actor=actor)
    ready, written = _write(export, query, format_)
    record_at_tier(export, query, format_, written, actor)
    return ready


def is_long(export: Export, query: Query) -> bool:
    """Whether a list has more rows than are answered at once; huge ones are not counted here.

    Raises:
        ExportTooLong: more rows than a sheet holds, as far as is known (E_EXPORT_TOO_LONG, 409).
    """
    return count_rows(export, replace(query, most=exports.DIRECTLY_AT_MOST)) > (
        exports.DIRECTLY_AT_MOST
    )


def count_rows(export: Export, query: Query) -> int:
    """How many rows a list has.

    Raises:
        ExportTooLong: more than a sheet holds (E_EXPORT_TOO_LONG, 409).
    """
    count = export.count(query)
    if count > exports.MOST_ROWS:
        raise ExportTooLong(rows=count, most=exports.MOST_ROWS)
    return count


def refuse_at_tier(export: Export, query: Query) -> None:
    """Refuse a list that is not for this tier or not for this person.

    Raises:
        NotAllowed: no right to the list here (E_NOT_ALLOWED, 403).
    """
    if export.tiers.get(query.tier) not in query.permissions:
        raise NotAllowed


def record_at_tier(export: Export, query: Query, format_: str, rows: int, actor: Actor) -> None:
    """Note in the installation's log that a list of a tier was taken away."""
    details = _details(export, query, format_, rows)
    if query.operator:
        details["operator"] = query.operator.slug
    audit.record_platform(actor, TAKEN, _target(export), details=details)


def _write(export: Export, query: Query, format_: Format) -> tuple[Ready, int]:
    file = NamedTemporaryFile(suffix=f".{format_}")  # noqa: SIM115  the response closes it
    written = write_rows(Path(file.name), export, query, format_)
    name = file_name(export, format_, query.time_zone)
    return Ready(file, name, TYPES[format_]), written


def _refuse_without_rights(export: Export, query: Query) -> None:
    if not {EXPORT.name, export.permission} <= query.permissions | {""}:
        raise NotAllowed


def file_name(export: Export, format_: str, time_zone: str) -> str:
    """What the download is called: the list and today's date."""
    today = clock.local_date(clock.now(), time_zone)
    return f"{export.label}-{today:%Y%m%d}.{format_}"


def write_rows(
    path: Path,
    export: Export,
    query: Query,
    format_: Format,
    tell: Callable[[int], None] = lambda _done: None,
) -> int:
    """Write the rows of a list into a file; answers how many."""
    look = Look(query.time_zone, whole_phones=WHOLE_PHONES.name in query.permissions)
    written = 0
    with writer(path, format_, export.columns, look) as sheet:
        for row in export.rows(query):
            sheet.write(row)
            written += 1
            tell(written)
            if written >= exports.MOST_ROWS:
                break
    return written


def _target(export: Export) -> str:
    return f"export:{export.name}"


def _details(export: Export, query: Query, format_: str, rows: int) -> dict[str, Any]:
    return {
        "list": export.name,
        "rows": rows,
        "format": format_,
        "filters": sorted(name for name in export.parameters if query.get(name)),
        "whole_phones": WHOLE_PHONES.name in query.permissions,
    }


def _begin(export: Export, query: Query, format_: str, actor: Actor) -> Task:
    with transaction.atomic():
        return jobs.start(
            kind=TASK,
            title=_("%(list)s as %(format)s") % {"list": export.label, "format": format_},
            arguments={
                "export": export.name,
                "format": format_,
                "values": {name: query.get(name) for name in export.parameters if query.get(name)},
            },
            actor=actor,
        )


def run_export(task: Task) -> jobs.Outcome:
    """The work of a large export.

    The rights are looked up again: who lost them meanwhile gets nothing.

    Raises:
        NotAllowed: the person may not have the list any more (E_NOT_ALLOWED, 403).
        ExportTooLong: more rows than a sheet holds (E_EXPORT_TOO_LONG, 409).
    """
    export = exports.find(task.arguments["export"])
    format_: Format = task.arguments["format"]
    if export is None:
        raise NotAllowed
    actor = jobs.actor_of(task)
    query = _query_of(task)
    _refuse_without_rights(export, query)
    jobs.progress(task, 0, count_rows(export, query))
    with NamedTemporaryFile(suffix=f".{format_}") as file:
        path = Path(file.name)
        rows = write_rows(path, export, query, format_, lambda done: jobs.progress(task, done))
        with transaction.atomic():
            stored = keep_result(
                path=path,
                name=file_name(export, format_, query.time_zone),
                content_type=TYPES[format_],
                actor=actor,
                expires_in=KEEP_FOR,
            )
            details = _details(export, query, format_, rows)
            audit.record(actor, TAKEN, _target(export), details=details)
    has_phones = WHOLE_PHONES.name in query.permissions
    return jobs.Outcome({"rows": rows, "whole_phones": has_phones}, stored)


def rights_to_fetch(task: Task) -> frozenset[str]:
    """Which rights the file of a large export takes: those that made it."""
    export = exports.find(task.arguments["export"])
    needed = {EXPORT.name, export.permission if export else ""}
    if task.result.get("whole_phones", True):
        needed.add(WHOLE_PHONES.name)
    return frozenset(needed - {""})


def _query_of(task: Task) -> Query:
    merchant = Merchant.objects.get(pk=task.merchant_id)
    values = task.arguments["values"]
    return Query(values, jobs.rights_of(task), merchant.time_zone, task.person_id, merchant)
