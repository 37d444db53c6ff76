"""Any list as a spreadsheet: its filters, nothing that runs, masked phones, an audit entry."""

from __future__ import annotations

import csv
import io
import resource
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from python_calamine import CalamineWorkbook

from zhanggui.accounts.models import AuditEntry, Membership, Merchant, Role
from zhanggui.accounts.tests.factories import make_staff, make_store
from zhanggui.core import clock
from zhanggui.files import exports
from zhanggui.files.exports import Column, Export, Query
from zhanggui.files.models import StoredFile, Task, TaskState
from zhanggui.files.permissions import EXPORT
from zhanggui.files.services import retention
from zhanggui.files.tests.factories import run_jobs
from zhanggui.files.writing import Look, writer

COLUMNS = (
    Column("name", "名称"),
    Column("phone", "手机号", kind="phone"),
    Column("paid", "金额", kind="money"),
    Column("at", "时间", kind="moment"),
    Column("on", "日期", kind="day"),
    Column("n", "数量", kind="number"),
)
AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ROW = ("甲", "+8613800138000", 123450, AT, date(2026, 1, 2), -5)
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '  =HYPERLINK("http://x")',
    "＝1+1",
)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)  # closes by itself at its end


def rows_of(book: bytes, folder: Path) -> list[list[Any]]:
    path = folder / "read.xlsx"
    path.write_bytes(book)
    return list(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows())


def written(format_: Any, rows: list[Any], folder: Path, *, whole: bool = False) -> bytes:
    path = folder / f"out.{format_}"
    columns = COLUMNS if len(rows[0]) > 1 else COLUMNS[:1]
    with writer(path, format_, columns, Look("Asia/Shanghai", whole)) as sheet:
        for row in rows:
            sheet.write(row)
    return path.read_bytes()


@pytest.mark.spec("platform P37")
class TestWriting:
    def test_csv_as_excel_opens_it(self, tmp_path: Path) -> None:
        assert written("csv", [ROW], tmp_path).decode("utf-8-sig") == (
            "名称,手机号,金额,时间,日期,数量\r\n"
            "甲,138****8000,1234.50,2026-11-22 22:30,2026-01-02,-5\r\n"
        )
        assert written("csv", [ROW], tmp_path).startswith(b"\xef\xbb\xbf")

    def test_xlsx_has_real_numbers_and_dates(self, tmp_path: Path) -> None:
        _head, row = rows_of(written("xlsx", [ROW], tmp_path, whole=True), tmp_path)
        assert row == [
            "甲", "13800138000", 1234.5, datetime(2026, 11, 22, 22, 30), date(2026, 1, 2), -5,  # noqa: DTZ001
        ]  # fmt: skip

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_formulas_are_neutralised(self, text: str, tmp_path: Path) -> None:
        lines = list(
            csv.reader(io.StringIO(written("csv", [[text]], tmp_path).decode("utf-8-sig")))
        )
        assert lines[1] == [f"'{text}"]
        book = written("xlsx", [[text]], tmp_path)
        path = tmp_path / "raw.xlsx"
        path.write_bytes(book)
        import zipfile

        with zipfile.ZipFile(path) as packed:
            sheet = packed.read("xl/worksheets/sheet1.xml").decode()
            styles = packed.read("xl/styles.xml").decode()
        assert "<f>" not in sheet
        assert 't="inlineStr"' in sheet
        assert 'quotePrefix="1"' in styles

    @pytest.mark.parametrize(
        "text", ["a\0b", "x\u202ey", "😀𠮷", "<script>alert(1)</script>", "字" * 40_000, "\ud800"]
    )
    def test_hostile_texts_do_not_break_the_file(self, text: str, tmp_path: Path) -> None:
        _head, row = rows_of(written("xlsx", [[text]], tmp_path), tmp_path)
        assert row == [text.replace("\0", "").replace("\ud800", "")[:32_000] or ""]
        written("csv", [[text]], tmp_path)

    def test_memory_stays_flat(self, tmp_path: Path) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with writer(tmp_path / "big.xlsx", "xlsx", COLUMNS, Look("Asia/Shanghai")) as sheet:
            for _ in range(20_000):
                sheet.write(ROW)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KB


@pytest.mark.spec("platform P37")
class TestStaffList:
    URL = "/m/tea/exports/accounts.staff"

    @pytest.fixture
    def owner(self, client: Client, tea: Merchant) -> Client:
        make_staff(tea, role=Role.CLERK, name="=甲")
        client.force_login(make_staff(tea, role=Role.OWNER, name="王老板"))
        return client

    def test_with_its_filters(self, owner: Client, tmp_path: Path) -> None:
        response = owner.post(f"{self.URL}?role=owner&after=x", {"format": "xlsx"})
        assert response.status_code == 200
        today = timezone.localdate().strftime("%Y%m%d")
        assert f"-{today}.xlsx" in response["Content-Disposition"]
        assert response["X-Content-Type-Options"] == "nosniff"
        rows = rows_of(content(response), tmp_path)
        assert [row[0] for row in rows] == ["姓名", "王老板"]
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.target) == ("files.export.taken", "export:accounts.staff")
        assert entry.details == {
            "list": "accounts.staff",
            "rows": 1,
            "format": "xlsx",
            "filters": ["role"],
            "whole_phones": True,
        }

    @pytest.mark.spec("repairs U-51")
    def test_phones_are_masked_without_the_right(self, client: Client, tea: Merchant) -> None:
        person = make_staff(tea, "accounts.view_staff", EXPORT.name)
        client.force_login(person)
        text = content(client.post(self.URL, {"format": "csv"})).decode("utf-8-sig")
        assert "139****" in text
        assert person.phone.removeprefix("+86") not in text

    def test_formula_in_a_name(self, owner: Client) -> None:
        text = content(owner.post(self.URL, {"format": "csv"})).decode("utf-8-sig")
        assert "\r\n'=甲," in text

    @pytest.mark.parametrize(
        "rights",
        [["accounts.view_staff"], [EXPORT.name], []],
        ids=["no-export", "not-the-list", "nothing"],
    )
    def test_needs_both_rights(self, client: Client, tea: Merchant, rights: list[str]) -> None:
        client.force_login(make_staff(tea, *rights))
        assert client.post(self.URL, {"format": "csv"}).status_code == 403
        assert not AuditEntry.objects.exists()

    def test_button_only_with_the_right(self, owner: Client, tea: Merchant) -> None:
        assert self.URL in owner.get("/m/tea/staff/?role=owner").content.decode()
        owner.force_login(make_staff(tea, "accounts.view_staff"))
        assert self.URL not in owner.get("/m/tea/staff/").content.decode()

    def test_unknown_list(self, owner: Client) -> None:
        assert owner.post("/m/tea/exports/nothing").status_code == 404

    def test_get_changes_nothing(self, owner: Client) -> None:
        assert owner.get(self.URL).status_code == 405


def test_audit_log(client: Client, tea: Merchant, tmp_path: Path) -> None:
    client.force_login(make_staff(tea, role=Role.OWNER))
    client.post("/m/tea/stores/new", {"name": "=人民路店"})
    response = client.post("/m/tea/exports/accounts.audit?action=accounts.", {"format": "xlsx"})
    rows = rows_of(content(response), tmp_path)
    assert [row[3] for row in rows] == ["做了什么", "新开门店"] or len(rows) == 2


@pytest.fixture
def long_list() -> Iterator[Export]:
    def rows(query: Query) -> Iterator[tuple[str, str]]:
        return ((f"{query.get('q')}{n}", "+8613800138000") for n in range(5_001))

    export = Export(
        name="tests.long",
        label="长名单",
        permission="accounts.view_stores",
        columns=COLUMNS[:2],
        rows=rows,
        count=lambda _query: 5_001,
    )
    exports.register(export)
    yield export
    exports._exports.pop(export.name)


@pytest.mark.spec("platform P37")
class TestLongList:
    def test_becomes_a_task_with_a_file_for_three_days(
        self, client: Client, tea: Merchant, long_list: Export, tmp_path: Path
    ) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))
        make_store(tea)
        response = client.post("/m/tea/exports/tests.long?q=甲", {"format": "xlsx"})
        task = Task.objects.get()
        assert response["Location"] == f"/m/tea/jobs/{task.pk}/"
        assert "1</span>" in client.get("/m/tea/").content.decode()  # the menu's number
        assert not AuditEntry.objects.filter(action="files.export.taken").exists()
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.result["rows"], task.total) == (TaskState.DONE, 5001, 5001)
        fetched = client.get(f"/m/tea/jobs/{task.pk}/file")
        rows = rows_of(content(fetched), tmp_path)
        assert (len(rows), rows[1]) == (5002, ["甲0", "13800138000"])
        assert AuditEntry.objects.get(action="files.export.taken").details["rows"] == 5001
        with clock.at(timezone.now() + timedelta(days=3, minutes=1)):
            assert client.get(f"/m/tea/jobs/{task.pk}/file").status_code == 404
            retention.forget()
        assert not StoredFile.objects.exists()
        assert client.get(f"/m/tea/jobs/{task.pk}/").status_code == 200

    def test_the_file_takes_the_rights_that_made_it(
        self, client: Client, tea: Merchant, long_list: Export
    ) -> None:
        owner = make_staff(tea, role=Role.OWNER)
        client.force_login(owner)
        client.post("/m/tea/exports/tests.long", {"format": "csv"})
        run_jobs()
        page = f"/m/tea/jobs/{Task.objects.get().pk}/"
        manager = Client()
        manager.force_login(make_staff(tea, role=Role.MANAGER))
        seen = manager.get(page)  # sees everybody's tasks, has no right to whole phones
        assert (seen.status_code, f"{page}file" in seen.content.decode()) == (200, False)
        assert manager.get(f"{page}file").status_code == 403
        assert content(client.get(f"{page}file")).startswith(b"\xef\xbb\xbf")
        Membership.objects.filter(person=owner).update(role=Role.MANAGER)
        assert client.get(f"{page}file").status_code == 403

    def test_a_page_does_not_count_a_huge_list(
        self, client: Client, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "DIRECTLY_AT_MOST", 1)
        client.force_login(make_staff(tea, role=Role.OWNER))
        for number in range(3):
            client.post("/m/tea/stores/new", {"name": f"{number} 店"})
        with CaptureQueriesContext(connection) as asked:
            client.post("/m/tea/exports/accounts.audit", {"format": "csv"})
        counts = [one["sql"] for one in asked.captured_queries if "COUNT(" in one["sql"]]
        assert ["LIMIT 2" in sql for sql in counts if "accounts_auditentry" in sql] == [True]
        task = Task.objects.get()
        assert task.total == 0
        run_jobs()
        task.refresh_from_db()
        assert (task.state, task.total) == (TaskState.DONE, 3)

    def test_rights_count_when_it_runs(
        self, client: Client, tea: Merchant, long_list: Export
    ) -> None:
        person = make_staff(tea, role=Role.OWNER)
        client.force_login(person)
        client.post("/m/tea/exports/tests.long", {"format": "csv"})
        Membership.objects.filter(person=person).delete()
        run_jobs()
        task = Task.objects.get()
        assert (task.state, task.error_code) == (TaskState.FAILED, "E_NOT_ALLOWED")
        assert not StoredFile.objects.exists()
