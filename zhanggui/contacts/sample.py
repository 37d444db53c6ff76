"""A spreadsheet to try the import with: 60 customers, a dozen cells broken in different ways."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import xlsxwriter

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = [
    "思远",
    "子涵",
    "欣怡",
    "浩然",
    "雨桐",
    "志强",
    "秀英",
    "建国",
    "佳琪",
    "明轩",
    "晓燕",
    "文博",
]
HEADER = ("姓名", "手机号", "生日", "性别", "标签", "备注", "会员号")
ROWS = 60
FIRST_PHONE = 13_900_261_000
TAGS = ("老顾客", "爱喝乌龙", "附近上班", "企业团购", "")
NOTES = ("", "少糖", "常带孩子来", "周末下午来得多", "对花生过敏")

# Row of the sheet, column, and what stands there. Each of these is refused by the import.
BROKEN: tuple[tuple[int, int, Any], ...] = (
    (6, 1, "1390026"),
    (11, 1, "请问本人"),
    (16, 1, str(FIRST_PHONE)),  # stands in row 2 already
    (21, 2, "1990-02-30"),
    (25, 2, date(2099, 1, 1)),
    (29, 2, "去年"),
    (33, 3, "男生女生"),
    (38, 0, ""),
    (42, 0, "很长的名字" * 40),
    (46, 4, "这个标签写得实在太长了长到没有人愿意再读下去"),
    (50, 6, "会员 #7"),
    (54, 1, "1.39E+10"),
)
# Unusual, but understood.
ODD: tuple[tuple[int, int, Any], ...] = (
    (3, 1, "+86 139 0026 1001"),
    (4, 1, "１３９００２６１００２"),
    (5, 1, FIRST_PHONE + 3),  # a number, not a text
    (7, 1, "139-0026-1005"),
    (8, 2, 32994),  # a day as spreadsheets count them
    (9, 2, "5月17日"),
    (10, 2, "19900517"),
    (12, 0, "=1+1"),
    (13, 3, "女士"),
    (14, 4, "老顾客，附近上班、企业团购"),
)


def sample() -> bytes:
    """The spreadsheet."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    page = book.add_worksheet("顾客")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    page.set_column(0, len(HEADER) - 1, 16)
    page.write_row(0, 0, HEADER, book.add_format({"bold": True}))
    cells = {(row - 1, column): value for row, column, value in (*BROKEN, *ODD)}
    for number in range(ROWS):
        for column, value in enumerate(_row(number)):
            shown = cells.get((number + 1, column), value)
            if isinstance(shown, date):
                page.write_datetime(number + 1, column, shown, day)
            elif isinstance(shown, int):
                page.write_number(number + 1, column, shown)
            else:
                page.write_string(number + 1, column, shown)
    book.close()
    return target.getvalue()


def _row(number: int) -> tuple[Any, ...]:
    name = SURNAMES[number % len(SURNAMES)] + GIVEN[number * 5 % len(GIVEN)]
    phone = str(FIRST_PHONE + number)
    birthday = date(1975 + number % 30, 1 + number % 12, 1 + number % 28)
    return (
        name,
        phone,
        birthday if number % 3 else "",
        "女" if number % 2 else "男",
        TAGS[number % len(TAGS)],
        NOTES[number % len(NOTES)],
        f"LK{1000 + number}" if number % 4 == 0 else "",
    )
