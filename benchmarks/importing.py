"""A spreadsheet of 100,000 customers: checked, imported, undone, as the worker does it."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.place import Place
    from benchmarks.world import World

ROWS = 100_000
QUICK_ROWS = 10_000
AT_MOST_S = 60.0
KIND = "contacts.customers"
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超秀英华文玉兰建国思远子涵欣怡浩然雨桐志佳琪轩晓燕博宇晨曦"
TAGS = ("老顾客", "爱喝乌龙", "附近上班", "企业团购", "")
LOOK_EVERY_S = 0.25


def measure(world: World, *, is_quick: bool = False) -> list[Result]:
    """Seconds for the dry run, the import, a second import that updates, and the undoing."""
    from zhanggui.accounts.models import Merchant
    from zhanggui.contacts.models import Customer
    from zhanggui.core import tenancy

    rows = QUICK_ROWS if is_quick else ROWS
    merchant = Merchant.objects.create(name="大店", slug="big")
    with tempfile.TemporaryDirectory() as folder, tenancy.merchant_scope(merchant.pk):
        content = spreadsheet(Path(folder) / "customers.xlsx", rows)
        first = _Import(world.place, content)
        check_s, run_s = first.check(), first.run()
        _expect(Customer.objects.count(), rows, "customers made")
        again = _Import(world.place, content)
        again.check()
        update_s = again.run()
        _expect(Customer.objects.count(), rows, "customers after the second import")
        undo_s = first.undo()
        _expect(Customer.objects.count(), 0, "customers after undoing")
    allowed = AT_MOST_S * rows / ROWS
    both = check_s + run_s
    return [
        Result("import.check", check_s, "s"),
        Result("import.run", run_s, "s", run_s / allowed, f"the {allowed:.0f} s allowed"),
        Result("import.check_and_run", both, "s", both / allowed, f"the {allowed:.0f} s allowed"),
        Result("import.rows_a_second", rows / run_s, "rows/s"),
        Result("import.progress_steps", first.steps, "steps", against="seen by another connection"),
        Result("import.same_file_again", update_s, "s", against="nothing changes"),
        Result("import.undo", undo_s, "s"),
    ]


def spreadsheet(path: Path, rows: int) -> bytes:
    """A believable list: every customer with a phone, most with a birthday and a tag."""
    import xlsxwriter

    draw = random.Random(7)
    phones = draw.sample(range(13_800_000_000, 13_899_999_999), rows)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        page = book.add_worksheet("顾客")
        page.write_row(0, 0, ("姓名", "手机号", "生日", "性别", "标签", "备注"))
        for number in range(rows):
            name = draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.choice((1, 2, 2))))
            birthday = f"{draw.randint(1960, 2006)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28)}"
            page.write_row(
                number + 1,
                0,
                (
                    name,
                    str(phones[number]) if number % 2 else phones[number],
                    birthday if number % 4 else "",
                    draw.choice(("男", "女", "")),
                    draw.choice(TAGS),
                    "少糖" if number % 10 == 0 else "",
                ),
            )
    return path.read_bytes()


class _Import:
    """One batch, driven as the pages and the worker do."""

    def __init__(self, place: Place, content: bytes) -> None:
        from django.core.files.uploadedfile import SimpleUploadedFile

        from zhanggui.accounts.actors import system_actor
        from zhanggui.files import imports
        from zhanggui.files.services import importing

        self.place = place
        self.actor = system_actor("benchmarks")
        found = imports.find(KIND)
        if found is None:
            raise LookupError(KIND)
        self.kind = found
        self.steps = 0
        file = SimpleUploadedFile("顾客.xlsx", content)
        self.batch = importing.begin_import(kind=self.kind, file=file, actor=self.actor)

    def check(self) -> float:
        from zhanggui.files.services import importing

        mapping = dict(self.batch.mapping)
        return self._do(
            lambda: (
                importing.check_import(
                    batch=self.batch, kind=self.kind, mapping=mapping, actor=self.actor
                ).pk
            )
        )

    def run(self) -> float:
        from zhanggui.files.models import ImportMode
        from zhanggui.files.services import importing

        return self._do(
            lambda: (
                importing.run_import(batch=self.batch, mode=ImportMode.SKIP, actor=self.actor).pk
            )
        )

    def undo(self) -> float:
        from zhanggui.files.services import importing

        return self._do(
            lambda: importing.undo_import(batch=self.batch, kind=self.kind, actor=self.actor).pk
        )

    def _do(self, start: Callable[[], int]) -> float:
        """Start a task and do its work here, while another connection looks at the bar."""
        from zhanggui.files.models import Task
        from zhanggui.files.services import running

        task_id = start()
        seen: set[int] = set()
        is_over = threading.Event()
        looker = threading.Thread(target=self._look, args=(task_id, seen, is_over))
        looker.start()
        began = time.monotonic()
        try:
            running.run(task_id=task_id)
        finally:
            is_over.set()
            looker.join()
        took = time.monotonic() - began
        task = Task.objects.get(pk=task_id)
        if task.state != "done":
            message = f"{task.kind} ended as {task.state}: {task.error_code} {task.error_details}"
            raise RuntimeError(message)
        self.batch.refresh_from_db()
        self.steps = len(seen)
        return took

    def _look(self, task_id: int, seen: set[int], is_over: threading.Event) -> None:
        with self.place.connect() as connection:
            while not is_over.wait(LOOK_EVERY_S):
                row = connection.execute(
                    "SELECT done FROM files_task WHERE id = %s", [task_id]
                ).fetchone()
                if row:
                    seen.add(int(str(row[0])))


def _expect(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        message = f"{found} {what}, should be {wanted}"
        raise RuntimeError(message)
