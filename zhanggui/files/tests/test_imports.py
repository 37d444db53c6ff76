"""A spreadsheet on its way in: matched, checked, imported, undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks
from python_calamine import CalamineWorkbook

from zhanggui.accounts.models import AuditEntry, Merchant, Role, Store
from zhanggui.accounts.tests.factories import make_merchant, make_staff, make_store
from zhanggui.core import tenancy
from zhanggui.files import imports, jobs
from zhanggui.files.models import BatchState, ImportBatch, ImportProblem, Task, TaskState
from zhanggui.files.services import import_work, retention, running
from zhanggui.files.tests.factories import STORES, csv_of, run_jobs, upload, xlsx

pytestmark = pytest.mark.spec("platform P36")
NEW = "/m/tea/jobs/imports/new/tests.stores"
HEAD = ["名称", "手机号", "备注"]


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def send(client: Client, rows: list[list[Any]], *, name: str = "门店.xlsx") -> ImportBatch:
    response = client.post(NEW, {"file": upload(xlsx([HEAD, *rows]), name)})
    assert response.status_code == 302, response.content.decode()
    return ImportBatch.objects.latest("pk")


def step(client: Client, batch: ImportBatch, what: str, **values: str) -> ImportBatch:
    response = client.post(f"/m/tea/jobs/imports/{batch.pk}/{what}", values)
    assert response.status_code == 302, response.content.decode()
    run_jobs()
    batch.refresh_from_db()
    return batch


def checked(client: Client, rows: list[list[Any]]) -> ImportBatch:
    batch = send(client, rows)
    return step(client, batch, "check", column_name="0", column_phone="1")


def page(client: Client, batch: ImportBatch) -> str:
    response = client.get(f"/m/tea/jobs/imports/{batch.pk}/")
    assert response.status_code == 200
    return response.content.decode()


class TestTemplate:
    def test_has_header_example_and_notes(self, owner: Client, tmp_path: Path) -> None:
        response = owner.get("/m/tea/jobs/imports/template/tests.stores")
        path = tmp_path / "t.xlsx"
        path.write_bytes(b"".join(response.streaming_content))  # type: ignore[attr-defined]
        book = CalamineWorkbook.from_path(str(path))
        assert book.sheet_names == ["数据", "填写说明"]
        data = list(book.get_sheet_by_index(0).iter_rows())
        assert data == [["*名称", "电话", "大小"], ["示例店", "13800138000", ""]]
        assert ["名称", "是", "店名", "示例店"] in list(book.get_sheet_by_index(1).iter_rows())

    def test_its_example_row_is_left_out(self, owner: Client, tmp_path: Path) -> None:
        template = owner.get("/m/tea/jobs/imports/template/tests.stores")
        owner.post(NEW, {"file": upload(b"".join(template.streaming_content), "t.xlsx")})  # type: ignore[attr-defined]
        batch = ImportBatch.objects.get()
        assert batch.mapping == {"name": 0, "phone": 1, "size": 2}
        step(owner, batch, "check", column_name="0", column_phone="1", column_size="2")
        assert (batch.row_count, batch.bad_count) == (0, 0)
        assert "没有可以导入的行" in page(owner, batch)


class TestColumns:
    def test_are_guessed_and_remembered(self, owner: Client) -> None:
        batch = send(owner, [["甲", "13800138000", "x"]])
        assert batch.mapping == {"name": 0, "phone": 1}
        assert "不导入的列：备注" in page(owner, batch)
        step(owner, batch, "check", column_name="2", column_phone="1")
        assert send(owner, [["乙", "", ""]]).mapping == {"name": 2, "phone": 1}

    def test_needed_one_is_missing(self, owner: Client) -> None:
        batch = send(owner, [["甲", "1", ""]])
        response = owner.post(f"/m/tea/jobs/imports/{batch.pk}/check", {"column_phone": "1"})
        assert response.status_code == 422
        assert "请选择哪一列是“名称”" in response.content.decode()
        assert not Task.objects.exists()

    def test_one_column_for_two(self, owner: Client) -> None:
        batch = send(owner, [["甲", "1", ""]])
        response = owner.post(
            f"/m/tea/jobs/imports/{batch.pk}/check", {"column_name": "0", "column_phone": "0"}
        )
        assert response.status_code == 422

    @pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
    def test_csv(self, owner: Client, encoding: str) -> None:
        owner.post(
            NEW, {"file": upload(csv_of([HEAD, ["甲店", "13800138000", ""]], encoding), "a.csv")}
        )
        batch = step(owner, ImportBatch.objects.get(), "check", column_name="0")
        step(owner, batch, "run", mode="all")
        assert Store.objects.get().name == "甲店"


class TestDryRun:
    def test_a_hundred_broken_cells(self, owner: Client, tmp_path: Path) -> None:
        rows: list[list[Any]] = [[f"店{n}", "13800138000", ""] for n in range(200)]
        for n in range(50):
            rows[n] = [None, "12", ""]  # two errors each
        batch = checked(owner, rows)
        assert batch.state == BatchState.CHECKED
        assert (batch.row_count, batch.bad_count, batch.problem_count) == (200, 50, 100)
        assert not Store.objects.exists()
        text = page(owner, batch)
        assert "A2" in text
        assert "这一格不能为空" in text
        assert "这不是手机号，请填 11 位数字" in text
        assert "New stores" in text  # the cost preview
        assert text.count("<tr>") == 51
        report = owner.get(f"/m/tea/jobs/{batch.check_task_id}/file")
        path = tmp_path / "e.xlsx"
        path.write_bytes(b"".join(report.streaming_content))  # type: ignore[attr-defined]
        lines = list(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows())
        assert len(lines) == 51
        assert lines[0] == [*HEAD, "原表行号", "怎么改"]
        assert lines[1][1:] == [
            "12", "", 2, "这一格不能为空。；这不是手机号，请填 11 位数字，例如 13800138000。",
        ]  # fmt: skip

    def test_what_stands_in_cells_is_sealed(self, owner: Client) -> None:
        checked(owner, [["甲", "13800138", ""]])
        problem = ImportProblem.objects.get()
        assert problem.value == "13800138"
        assert b"13800138" not in bytes(problem.value_sealed or b"")

    def test_errors_of_rows_among_each_other(self, owner: Client, tea: Merchant) -> None:
        make_store(tea, "旧店")
        batch = checked(owner, [["新店", "", ""], ["旧店", "", ""], ["新店", "", ""]])
        found = [(one.row, one.text) for one in ImportProblem.objects.order_by("row")]
        assert found == [
            (3, "There is such a store already."),
            (4, "This name stands in the sheet twice."),
        ]
        assert batch.good_count == 1

    def test_only_the_first_thousand_are_listed(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_work, "PROBLEMS_AT_MOST", 60)
        batch = checked(owner, [[None, "", "x"] for _ in range(120)])
        assert (batch.problem_count, ImportProblem.objects.count()) == (120, 60)
        assert 'rel="next"' in page(owner, batch)

    def test_hostile_texts(self, owner: Client) -> None:
        rows = [
            ["<script>alert(1)</script>", "", ""],
            ["\u202eevil", "x\u202e", ""],
            ["字" * 200, "", ""],
        ]
        batch = checked(owner, [*rows, ["😀𠮷", "13800138000", ""]])
        text = page(owner, batch)
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert batch.good_count == 1

    def test_a_refused_one_goes_back_to_the_columns(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "_kinds", {**imports._kinds})
        from dataclasses import replace

        imports._kinds[STORES.name] = replace(STORES, most_rows=2)
        batch = checked(owner, [[f"店{n}", "", ""] for n in range(4)])
        assert batch.state == BatchState.UPLOADED
        assert Task.objects.get().error_code == "E_SHEET_TOO_LONG"
        assert "最多支持 2 行" in page(owner, batch)


class TestRun:
    def test_all(self, owner: Client) -> None:
        batch = checked(owner, [[f"店{n}", "13800138000", ""] for n in range(120)])
        step(owner, batch, "run", mode="all")
        assert (batch.state, batch.written_count) == (BatchState.DONE, 120)
        assert Store.objects.count() == 120
        assert Store.objects.get(name="店7").phone == "+8613800138000"
        actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
        assert actions == [
            "files.file.stored",
            "files.import.uploaded",
            "files.import.checked",
            "files.import.started",
            "files.import.done",
        ]

    def test_all_or_nothing_refuses_errors(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""], ["", "1", ""]])
        step(owner, batch, "run", mode="all")
        assert batch.state == BatchState.CHECKED
        assert not Store.objects.exists()

    def test_nothing_is_left_when_the_world_changed(self, owner: Client, tea: Merchant) -> None:
        batch = checked(owner, [[f"店{n}", "", ""] for n in range(120)])
        make_store(tea, "店110")  # in the third chunk
        step(owner, batch, "run", mode="all")
        assert list(Store.objects.values_list("name", flat=True)) == ["店110"]
        assert batch.state == BatchState.UPLOADED
        assert "什么都没有导入" in page(owner, batch)

    def test_bad_rows_are_skipped(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""], ["乙", "1", ""], ["丙", "", ""]])
        step(owner, batch, "run", mode="skip")
        assert (batch.written_count, batch.skipped_count) == (2, 1)
        assert sorted(Store.objects.values_list("name", flat=True)) == ["丙", "甲"]

    def test_a_killed_run_goes_on_where_it_was(
        self, owner: Client, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = checked(owner, [["", "1", ""], *([f"店{n}", "", ""] for n in range(119))])
        owner.post(f"/m/tea/jobs/imports/{batch.pk}/run", {"mode": "skip"})
        real = jobs.progress
        calls: list[int] = []

        def killed(task: Task, done: int, total: int | None = None) -> None:
            calls.append(done)
            if len(calls) == 2:
                raise KeyboardInterrupt  # the process is gone: nobody writes an end
            real(task, done, total)

        monkeypatch.setattr(jobs, "progress", killed)
        task = Task.objects.get(kind="files.import_run")
        with pytest.raises(KeyboardInterrupt):
            running.run(task_id=task.pk)
        assert Store.objects.count() == 99
        monkeypatch.undo()
        running.run(task_id=task.pk)
        batch.refresh_from_db()
        task.refresh_from_db()
        assert (batch.state, batch.written_count, batch.skipped_count) == (BatchState.DONE, 119, 1)
        assert task.result == {"created": 119, "changed": 0, "skipped": 1}
        assert Store.objects.count() == 119

    def test_twice_pressed_runs_once(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""]])
        for _ in range(2):
            owner.post(f"/m/tea/jobs/imports/{batch.pk}/run", {"mode": "all"})
        assert Task.objects.filter(kind="files.import_run").count() == 1

    def test_two_of_one_merchant_wait_for_each_other(self, owner: Client) -> None:
        from procrastinate.contrib.django.models import ProcrastinateJob

        for name in ("甲", "乙"):
            batch = checked(owner, [[name, "", ""]])
            owner.post(f"/m/tea/jobs/imports/{batch.pk}/run", {"mode": "all"})
        locks = set(
            ProcrastinateJob.objects.filter(task_name="files.run_task").values_list(
                "lock", flat=True
            )
        )
        assert len(locks) == 1
        assert locks != {None}

    def test_the_same_file_is_recognised(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""]])
        assert "以前导入过" not in page(owner, batch)
        step(owner, batch, "run", mode="all")
        response = owner.post(NEW, {"file": upload(xlsx([HEAD, ["甲", "", ""]]), "anders.xlsx")})
        assert response.status_code == 302
        again = ImportBatch.objects.latest("pk")
        if bytes(again.file_hash) == bytes(batch.file_hash):
            assert "以前导入过" in page(owner, again)


class TestUndo:
    def test_takes_the_batch_back(self, owner: Client, tea: Merchant) -> None:
        make_store(tea, "旧店")
        batch = checked(owner, [["甲", "", ""], ["kept 乙", "", ""]])
        step(owner, batch, "run", mode="all")
        assert "Stores in use stay." in page(owner, batch)
        step(owner, batch, "undo")
        assert (batch.state, batch.kept_count) == (BatchState.UNDONE, 1)
        assert sorted(Store.objects.values_list("name", flat=True)) == ["kept 乙", "旧店"]
        assert "正在使用的行保留" in page(owner, batch)
        assert AuditEntry.objects.filter(action="files.import.undone").count() == 1

    def test_not_twice_and_not_before(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""]])
        step(owner, batch, "undo")
        assert batch.state == BatchState.CHECKED
        step(owner, batch, "run", mode="all")
        step(owner, batch, "undo")
        step(owner, batch, "undo")
        assert Task.objects.filter(kind="files.import_undo").count() == 1

    def test_too_late(self, owner: Client) -> None:
        from datetime import timedelta

        batch = checked(owner, [["甲", "", ""]])
        step(owner, batch, "run", mode="all")
        ImportBatch.objects.update(finished_at=batch.finished_at - timedelta(days=8))  # type: ignore[operator]
        step(owner, batch, "undo")
        assert batch.state == BatchState.DONE
        assert "已经超过可以撤销的时间" in page(owner, batch)

    def test_a_cancelled_run_can_be_undone(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = checked(owner, [["", "1", ""], *([f"店{n}", "", ""] for n in range(119))])
        owner.post(f"/m/tea/jobs/imports/{batch.pk}/run", {"mode": "skip"})

        def stop(*_args: object) -> None:
            raise jobs.Stop

        monkeypatch.setattr(jobs, "progress", stop)
        run_jobs()
        monkeypatch.undo()
        batch.refresh_from_db()
        assert (batch.state, batch.written_count) == (BatchState.DONE, 49)
        step(owner, batch, "undo")
        assert not Store.objects.exists()


class TestGivingUp:
    def test_deletes_the_spreadsheet(
        self,
        owner: Client,
        private_folder: Path,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        batch = checked(owner, [["甲", "", ""]])
        step(owner, batch, "discard")
        assert batch.state == BatchState.DISCARDED
        with django_capture_on_commit_callbacks(execute=True):
            retention.forget()
        assert not [path for path in private_folder.rglob("*") if path.is_file()]
        assert page(owner, batch)

    def test_back_to_the_columns(self, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""]])
        assert step(owner, batch, "columns").state == BatchState.UPLOADED


class TestDoors:
    def test_without_the_right(self, client: Client, owner: Client, tea: Merchant) -> None:
        batch = checked(owner, [["甲", "", ""]])
        client.force_login(make_staff(tea, role=Role.CLERK))
        assert client.get(NEW).status_code == 403
        assert client.get(f"/m/tea/jobs/imports/{batch.pk}/").status_code == 403
        for what in ("check", "columns", "run", "undo", "discard"):
            assert client.post(f"/m/tea/jobs/imports/{batch.pk}/{what}").status_code == 403
        assert "门店.xlsx" not in client.get("/m/tea/jobs/imports/").content.decode()

    def test_other_merchants(self, client: Client, owner: Client) -> None:
        batch = checked(owner, [["甲", "", ""]])
        coffee = make_merchant("coffee")
        with tenancy.merchant_scope(coffee.pk):
            client.force_login(make_staff(coffee, role=Role.OWNER))
            assert client.get(f"/m/coffee/jobs/imports/{batch.pk}/").status_code == 404
            assert client.post(f"/m/coffee/jobs/imports/{batch.pk}/run").status_code == 404

    @pytest.mark.parametrize(
        ("name", "content"),
        [("a.pdf", b"%PDF-1.7"), ("leer.xlsx", b""), ("kopf.xlsx", xlsx([HEAD]))],
        ids=["pdf", "empty", "header-only"],
    )
    def test_files_that_are_none(
        self,
        owner: Client,
        private_folder: Path,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
        name: str,
        content: bytes,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = owner.post(NEW, {"file": upload(content, name)})
        assert response.status_code == 422
        assert "这个文件没有收下" in response.content.decode()
        assert not ImportBatch.objects.exists()
        assert not [path for path in private_folder.rglob("*") if path.is_file()]

    def test_no_file(self, owner: Client) -> None:
        assert "请先选择文件" in owner.post(NEW).content.decode()

    def test_unknown_kind(self, owner: Client) -> None:
        assert owner.get("/m/tea/jobs/imports/new/nothing").status_code == 404

    def test_list(self, owner: Client) -> None:
        checked(owner, [["甲", "", ""]])
        text = owner.get("/m/tea/jobs/imports/").content.decode()
        assert "已检查，等您确认" in text
        assert Task.objects.get().state == TaskState.DONE
