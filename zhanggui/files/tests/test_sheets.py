"""Spreadsheets: looked through before they are opened, read as people wrote them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from zhanggui.core.errors import DomainError
from zhanggui.files import cells, kinds, sheets
from zhanggui.files.cells import BadCell
from zhanggui.files.errors import (
    SheetBomb,
    SheetDamaged,
    SheetEmpty,
    SheetEncoding,
    SheetKind,
    SheetLocked,
    SheetMacros,
    SheetTooLong,
)
from zhanggui.files.kinds import CSV, XLSX
from zhanggui.files.tests.factories import archive, csv_of, picture, saved, xlsx

SHEET = "xl/worksheets/sheet1.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def lying(content: bytes) -> bytes:
    """The zip's directory says that its entry is small."""
    true = (len(b"x") * 0).to_bytes(4, "little")
    return content.replace((9_000_000).to_bytes(4, "little"), b"\x10\0\0\0") + true


def locked() -> bytes:
    out = io.BytesIO(archive({}))
    content = bytearray(out.getvalue())
    for at in range(len(content) - 4):
        if content[at : at + 4] == b"PK\x01\x02":
            content[at + 8] |= 1
    return bytes(content)


def many() -> bytes:
    return archive({f"xl/media/{number}": b"" for number in range(1100)})


def zeros(size: int) -> Callable[[], bytes]:
    """So many bytes that pack well; packed by the test itself, not while tests are collected."""
    return lambda: archive({"xl/media/a": bytes(size)})


def far(cell: str, entry: str = SHEET) -> bytes:
    content = f'<sheetData><row r="1"><c r="A1"/>{cell}</row></sheetData>'
    return archive({entry: content.encode()})


@pytest.mark.spec("platform P34")
@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (zeros(300_000_000), SheetBomb),
        (zeros(20_000_000), SheetBomb),
        (many, SheetBomb),
        (lambda: lying(zeros(9_000_000)()), SheetDamaged),
        (far('<c r="XFD1048576"/>'), SheetTooLong),
        (archive({SHEET: b'<row r="1048576"><c><v>1</v></c></row>'}), SheetTooLong),
        (far("<c r='XFD1048576'/>"), SheetTooLong),
        (far('<c r = "xfd1048576"/>'), SheetTooLong),
        (far('<x:c xmlns:x="y" r="XFD0000001048576"/>'), SheetTooLong),
        (far(f'<c {" " * 300_000} s=">" r="XFD1048576"/>'), SheetTooLong),
        (far('<c s="<" r="XFD1048576"/>'), SheetDamaged),
        (far('<c r="XFDD1"/>'), SheetDamaged),
        (far("<c/>" * 300), SheetTooLong),
        (far('<c r="XFD1048576"/>', "xl/elsewhere.XML"), SheetTooLong),
        (archive({"xl/_rels/workbook.xml.rels": b'<a><b Target="x.bin"/></a>'}), SheetDamaged),
        (archive({SHEET: b"<!DOCTYPE c [<!ENTITY a 'b'>]><c/>"}), SheetDamaged),
        (archive({"xl/vbaProject.bin": b"x"}), SheetMacros),
        (archive({"xl/externalLinks/externalLink1.xml": b"x"}), SheetMacros),
        (archive({"xl/embeddings/oleObject1.bin": b"x"}), SheetMacros),
        (locked(), SheetLocked),
        (OLE + "EncryptedPackage".encode("utf-16-le"), SheetLocked),
        (OLE + b"\0" * 600, SheetKind),
        (b"PK\x03\x04 nothing", SheetDamaged),
        (picture(), SheetKind),
        (b"%PDF-1.7", SheetKind),
        (b"<html><table>", SheetKind),
        (b"\0\0\0\0", SheetKind),
    ],
    ids=[
        "bomb-300MB", "bomb-ratio", "bomb-entries", "lying-directory", "far-cell", "far-row",
        "quoted-otherwise", "blanks-and-small-letters", "prefix-and-zeros", "padded",
        "sign-in-a-value", "no-column", "wide-without-places", "elsewhere", "no-xml", "doctype",
        "macros", "links", "objects", "encrypted-zip", "encrypted-xlsx", "old-xls", "broken-zip",
        "picture", "pdf", "html", "zeros",
    ],
)  # fmt: skip
def test_is_not_opened(
    content: bytes | Callable[[], bytes], refusal: type[DomainError], tmp_path: Path
) -> None:
    path = saved(content if isinstance(content, bytes) else content(), tmp_path)
    with pytest.raises(refusal):
        kinds.check_spreadsheet(path)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("word/document.xml", "<x/>")
    with pytest.raises(SheetKind):
        kinds.check_spreadsheet(saved(out.getvalue(), tmp_path))


def read(content: bytes, folder: Path) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    path = saved(content, folder)
    checked = kinds.check_spreadsheet(path)
    with sheets.opened(path, checked.content_type) as sheet:
        return sheet.header, list(sheet.rows)


class TestReading:
    def test_numbers_of_rows_are_those_of_the_spreadsheet(self, tmp_path: Path) -> None:
        rows: list[list[Any]] = [
            [None],
            [None, "名称", "手机"],
            [None],
            [None, "甲", 13800138000],
            [None, " "],
        ]
        header, found = read(xlsx(rows), tmp_path)
        assert header == ["", "名称", "手机"]
        assert found == [(4, [None, "甲", 13800138000.0])]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    def test_csv_of_chinese_programs(self, encoding: str, tmp_path: Path) -> None:
        header, found = read(
            csv_of([["名称", "手机"], ["𠮷野家😀", "1"], ["", ""]], encoding), tmp_path
        )
        assert header == ["名称", "手机"]
        assert found == [(2, ["𠮷野家😀", "1"])]

    @pytest.mark.parametrize("sign", [";", "\t"])
    def test_other_signs_between_columns(self, sign: str, tmp_path: Path) -> None:
        header, found = read(f"a{sign}b\n1{sign}2".encode(), tmp_path)
        assert (header, found) == (["a", "b"], [(2, ["1", "2"])])

    def test_signs_of_no_known_encoding(self, tmp_path: Path) -> None:
        with pytest.raises(SheetEncoding):
            read(b"a,b\n\xff\xff\xff,1", tmp_path)

    def test_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(SheetEmpty):
            read(xlsx([]), tmp_path)

    def test_a_quotation_that_never_ends(self, tmp_path: Path) -> None:
        with pytest.raises(SheetDamaged):
            read(b'a,b\n"' + b"x" * 200_000, tmp_path)

    def test_a_formula_counts_as_its_result(self, tmp_path: Path) -> None:
        _header, found = read(xlsx([["a"], ["=1+1"]]), tmp_path)
        assert found == [(2, [0.0])]  # as saved by a program that computes nothing

    def test_columns_have_letters(self) -> None:
        assert [sheets.letter_of(place) for place in (0, 25, 26, 701, 702)] == [
            "A", "Z", "AA", "ZZ", "AAA",
        ]  # fmt: skip


class TestCells:
    @pytest.mark.parametrize(
        ("parse", "cell", "value"),
        [
            (cells.phone, 13800138000.0, "+8613800138000"),
            (cells.phone, "１３８ 0013-8000", "+8613800138000"),
            (cells.text(5), 12.0, "12"),
            (cells.text(5), " a\u202eb\0 ", "ab"),
            (cells.text(5), True, "1"),
            (cells.whole(), "1,200", 1200),
            (cells.choice({"男": 1, "Female": 2}), "FEMALE", 2),
            (cells.day, datetime(2026, 11, 22, 5), date(2026, 11, 22)),  # noqa: DTZ001  a cell's
            (cells.day, "2026年1月2日", date(2026, 1, 2)),
            (cells.day, 20260102.0, date(2026, 1, 2)),
            (cells.moment, "2026/1/2 9:05", datetime(2026, 1, 2, 9, 5, tzinfo=cells.CHINA)),
        ],
    )
    def test_value(self, parse: Any, cell: Any, value: object) -> None:
        assert parse(cell) == value

    @pytest.mark.parametrize(
        ("parse", "cell"),
        [
            (cells.phone, "12"),
            (cells.text(2), "abc"),
            (cells.whole(most=5), "6"),
            (cells.whole(), "1.5"),
            (cells.choice({"a": 1}), "b"),
            (cells.day, "2026-02-30"),
            (cells.day, "soon"),
            (cells.moment, "2026-01-02 25:00"),
        ],
    )
    def test_no_value(self, parse: Any, cell: Any) -> None:
        with pytest.raises(BadCell) as refused:
            parse(cell)
        assert refused.value.message


def test_content_types(tmp_path: Path) -> None:
    assert kinds.check_spreadsheet(saved(xlsx([["a"]]), tmp_path)).content_type == XLSX
    assert kinds.check_spreadsheet(saved(b"a,b", tmp_path)).content_type == CSV
