"""Pictures, spreadsheets and a kind of import to test with."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import Store
from zhanggui.accounts.rights import MANAGE_STORES
from zhanggui.files import imports
from zhanggui.files.imports import (
    CellError,
    Column,
    CostLine,
    ImportKind,
    Row,
    Run,
    Undone,
    Written,
)
from zhanggui.files.models import ImportBatch

CONTENT_TYPES = '<?xml version="1.0"?><Types/>'


def picture(
    *, format_: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **how: Any
) -> bytes:
    """A picture, red at the left and blue at the right."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, format_, **how)
    return out.getvalue()


def upload(content: bytes, name: str = "a.jpg") -> SimpleUploadedFile:
    """A file as a view gets it."""
    return SimpleUploadedFile(name, content)


def xlsx(rows: Iterable[Sequence[Any]], *, sheet: str = "Sheet1") -> bytes:
    """A spreadsheet with these rows; formulas stay formulas."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    page = book.add_worksheet(sheet)
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            if cell is not None:
                page.write(number, place, cell)
    book.close()
    return out.getvalue()


def csv_of(rows: Iterable[Sequence[Any]], encoding: str = "utf-8") -> bytes:
    """The same as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def archive(entries: dict[str, bytes]) -> bytes:
    """A zip that looks like a spreadsheet, with more in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", CONTENT_TYPES)
        packed.writestr("xl/workbook.xml", "<workbook/>")
        for name, content in entries.items():
            packed.writestr(name, content)
    return out.getvalue()


def run_jobs() -> int:
    """Run what waits in the queue, as the worker would; answers how many."""
    done: set[int] = set()
    while True:
        waiting = ProcrastinateJob.objects.filter(status="todo").exclude(pk__in=done)
        jobs = list(waiting.order_by("pk"))
        if not jobs:
            return len(done)
        for job in jobs:
            done.add(job.pk)
            app.tasks[job.task_name].func(**job.args)


# -- stores can be imported in tests


def _check(rows: Sequence[Row], run: Run) -> Iterable[CellError]:
    seen: set[str] = run.memory.setdefault("names", set())
    names = [str(row.values["name"]) for row in rows]
    there = set(Store.objects.filter(name__in=names).values_list("name", flat=True))
    for row in rows:
        name = str(row.values["name"])
        if name in seen:
            yield CellError(row.number, "name", "This name stands in the sheet twice.")
        elif name in there:
            yield CellError(row.number, "name", "There is such a store already.")
        seen.add(name)


def _write(rows: Sequence[Row], run: Run) -> Written:
    merchant_id = run.batch.merchant_id
    Store.objects.bulk_create(
        Store(
            merchant_id=merchant_id,
            name=row.values["name"],
            phone=row.values.get("phone") or "",
            address=f"batch {run.batch.pk}",
        )
        for row in rows
    )
    return Written(created=len(rows))


def _undo(batch: ImportBatch, progress: imports.Progress) -> Undone:
    removed = Store.objects.filter(address=f"batch {batch.pk}").exclude(name__startswith="kept")
    count = removed._raw_delete("default")
    progress(count, count)
    return Undone(removed=count, kept=Store.objects.filter(address=f"batch {batch.pk}").count())


def _cost(run: Run) -> Iterable[CostLine]:
    return [CostLine("New stores", str(run.good_rows))]


STORES = ImportKind(
    name="tests.stores",
    label="门店",
    permission=MANAGE_STORES.name,
    columns=(
        Column("name", "名称", imports.text(20), required=True, example="示例店", help="店名"),
        Column("phone", "电话", imports.phone, aliases=("手机号",), example="13800138000"),
        Column("size", "大小", imports.whole(least=1, most=9), choices=("1", "2")),
    ),
    check_rows=_check,
    write_rows=_write,
    undo=_undo,
    undo_note="Stores in use stay.",
    cost=_cost,
    chunk=50,
)


def saved(content: bytes, folder: Path, name: str = "file.xlsx") -> Path:
    """A file on the disk."""
    path = folder / name
    path.write_bytes(content)
    return path
