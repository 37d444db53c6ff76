"""Customers from a spreadsheet: cells, checks, writing, undoing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.contacts import cells, services, spreadsheets
from zhanggui.contacts.models import Customer, CustomerState, ImportedCustomer, Tag
from zhanggui.contacts.sample import BROKEN, ODD, ROWS, sample
from zhanggui.contacts.services import importing
from zhanggui.contacts.tests.factories import make_customer, make_link
from zhanggui.core import tenancy
from zhanggui.files import passes
from zhanggui.files.imports import BadCell, Run, Undone
from zhanggui.files.models import ImportBatch
from zhanggui.files.passes import Chunk
from zhanggui.files.sheets import Sheet

KIND = spreadsheets.KIND
HEADER = [column.name for column in KIND.columns]


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def make_batch(**options: str) -> ImportBatch:
    batch = ImportBatch(
        kind=KIND.name,
        file_name="顾客.xlsx",
        file_hash=b"x" * 32,
        header=HEADER,
        mapping={name: place for place, name in enumerate(HEADER)},
        options=options,
    )
    batch.save()
    return batch


def rows_of(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Rows as the sheet gives them, numbered from 2 on."""
    for number, row in enumerate(rows, 2):
        yield number, [row.get(name) for name in HEADER]


def look(*rows: dict[str, Any], batch: ImportBatch | None = None, is_dry: bool = True) -> Chunk:
    """One pass over the rows: parsed and checked."""
    batch = batch or make_batch()
    run = Run(batch, ACTOR, is_dry=is_dry, columns=frozenset(batch.mapping))
    (chunk,) = passes.chunks(Sheet("", HEADER, rows_of(rows), 99), KIND, batch.mapping, run)
    if not is_dry:
        importing.write_rows(chunk.good, run)
    return chunk


def bring(*rows: dict[str, Any], **options: str) -> ImportBatch:
    """Import rows."""
    batch = make_batch(**options)
    look(*rows, batch=batch, is_dry=False)
    return batch


def undo(batch: ImportBatch) -> Undone:
    assert KIND.undo is not None
    return KIND.undo(batch, lambda _done, _total: None)


def wrong(chunk: Chunk) -> list[tuple[int, str]]:
    """Where something is wrong: row and column."""
    return [(p.row, p.column) for row in sorted(chunk.problems) for p in chunk.problems[row]]


class TestCells:
    @pytest.mark.parametrize(
        "cell",
        [
            "13800138000",
            "+86 138 0013 8000",
            "86-138-0013-8000",
            "008613800138000",
            "１３８００１３８０００",
            "'13800138000",
            " 138 0013 8000 ",
            13800138000,
            13800138000.0,
        ],
    )
    def test_phones_in_every_notation(self, cell: Any) -> None:
        assert cells.phone(cell) == "+8613800138000"

    @pytest.mark.parametrize(
        "cell",
        [
            "1.38E+10",
            "1380013",
            "138001380001",
            "12345678901",
            "请问本人",
            "=A1",
            True,
            -1,
            "٣" * 11,
        ],
    )
    def test_no_phones(self, cell: Any) -> None:
        with pytest.raises(BadCell):
            cells.phone(cell)

    def test_fast_way_and_library_agree(self) -> None:
        from zhanggui.accounts import phones

        for prefix in range(130, 200):
            for fourth in "0479":
                typed = f"{prefix}{fourth}1234567"
                try:
                    expected = phones.parse(typed)
                except Exception:  # noqa: BLE001  refused by the library
                    expected = ""
                try:
                    found = cells.phone(typed)
                except BadCell:
                    found = ""
                assert found == expected, typed

    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("1990-05-17", "1990-05-17"),
            ("1990/5/17", "1990-05-17"),
            ("1990年5月17日", "1990-05-17"),
            ("19900517", "1990-05-17"),
            (19900517, "1990-05-17"),
            (19900517.0, "1990-05-17"),
            ("5月17日", "05-17"),
            ("05-17", "05-17"),
            (32994, "1990-05-01"),
            (32994.0, "1990-05-01"),
            (date(1990, 5, 17), "1990-05-17"),
            (datetime(1990, 5, 17, 8, 30), "1990-05-17"),  # noqa: DTZ001  as calamine gives it
            ("2-29", "02-29"),
        ],
    )
    def test_birthdays(self, cell: Any, expected: str) -> None:
        assert str(cells.birthday(cell)) == expected

    @pytest.mark.parametrize(
        "cell", ["1990-02-30", "去年", "2099-01-01", date(2099, 1, 1), 3, 517.5, True, "1890-01-01"]
    )
    def test_no_birthdays(self, cell: Any) -> None:
        with pytest.raises(BadCell):
            cells.birthday(cell)

    def test_a_birthday_in_the_future_is_called_so(self) -> None:
        for cell in ("2099-01-01", date(2099, 1, 1)):
            with pytest.raises(BadCell, match="还没到"):
                cells.birthday(cell)

    def test_tags(self) -> None:
        assert cells.tags("老顾客，附近上班、企业;老顾客 / VIP") == [
            "老顾客",
            "附近上班",
            "企业",
            "VIP",
        ]
        for cell in ("长" * 21, "、".join(map(str, range(11)))):
            with pytest.raises(BadCell):
                cells.tags(cell)


class TestCheck:
    @pytest.mark.spec("platform P17")
    def test_names_row_column_and_reason(self, tea: Merchant) -> None:
        make_store(tea, "一号店")
        chunk = look(
            {"name": "王小明", "phone": "13800138000", "stores": "一号店"},
            {"name": "", "phone": "13800138001"},
            {"name": "长" * 200},
            {"name": "李", "phone": "138"},
            {"name": "赵", "phone": "+86 138 0013 8000"},
            {"name": "钱", "stores": "二号店"},
            {"name": "孙", "number": "会员"},
            {"name": "周", "birthday": "2-30", "gender": "?"},
        )
        assert [row.number for row in chunk.good] == [2]
        assert wrong(chunk) == [
            (3, "name"),
            (4, "name"),
            (5, "phone"),
            (6, "phone"),
            (7, "stores"),
            (8, "number"),
            (9, "birthday"),
            (9, "gender"),
        ]
        assert "2" in chunk.problems[6][0].text
        assert not Customer.objects.exists()

    def test_a_member_number_of_somebody_else(self, tea: Merchant) -> None:
        bring({"name": "王", "phone": "13800138000", "number": "A100"})
        make_customer(tea, "李", phone="13900139000")
        chunk = look(
            {"name": "李", "phone": "13900139000", "number": "A100"},
            {"name": "张", "phone": "13700137000", "number": "a100"},
            {"name": "王", "phone": "13800138000", "number": "A100"},
        )
        assert wrong(chunk)[:2] == [(2, "number"), (3, "number")]

    def test_more_tags_than_a_shop_can_have(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "MOST_TAGS", 2)
        chunk = look({"name": "王", "tags": "甲、乙"}, {"name": "李", "tags": "乙、丙"})
        assert wrong(chunk) == [(3, "tags")]

    def test_a_hundred_broken_cells(self, tea: Merchant) -> None:
        chunk = look(*({"name": f"客{n}", "phone": "坏", "gender": "?"} for n in range(50)))
        assert len(wrong(chunk)) == 100
        assert chunk.good == []


class TestWrite:
    @pytest.mark.spec("platform P17")
    def test_makes_customers_that_are_found(self, tea: Merchant) -> None:
        store = make_store(tea, "一号店")
        bring(
            {
                "name": "王小明",
                "phone": 13800138000,
                "birthday": "5月17日",
                "gender": "男",
                "tags": "老顾客、VIP",
                "note": "少糖",
                "stores": "一号店",
                "number": "a1024",
            },
            {"name": "=1+1", "source": "微信"},
        )
        customer = Customer.objects.get(number="A1024")
        assert customer.name == "王小明"
        assert customer.name_key == "王小明|wangxiaoming|wxm"
        assert customer.phone == "+8613800138000"
        assert (customer.birthday, customer.birth_year, customer.gender) == (517, None, "m")
        assert customer.store_ids == [store.pk]
        assert customer.tag_ids == sorted(Tag.objects.values_list("pk", flat=True))
        assert (customer.note, customer.source) == ("少糖", "import")
        other = Customer.objects.get(name="=1+1")
        assert len(other.number) == 8
        assert other.source == "wechat"
        made = services.create_customer(name="王小明", phone=None, actor=ACTOR)
        assert set(made.search) - set(customer.search) <= {made.number[:n] for n in range(3, 9)}

    def test_updates_who_has_the_phone(self, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone="13800138000")
        Customer.objects.filter(pk=known.pk).update(note="常客", gender="m", tag_ids=[7])
        batch = bring({"name": "王晓明", "phone": "138 0013 8000", "tags": "VIP", "gender": ""})
        now = Customer.objects.get()
        assert (now.pk, now.name, now.note, now.gender) == (known.pk, "王晓明", "常客", "m")
        assert "晓" in now.search
        assert now.tag_ids == [7, Tag.objects.get().pk] or 7 in now.tag_ids
        assert ImportedCustomer.objects.get(batch_id=batch.pk).was_created is False

    def test_leaves_known_ones_alone_by_choice(self, tea: Merchant) -> None:
        make_customer(tea, "王小明", phone="13800138000")
        bring(
            {"name": "王晓明", "phone": "13800138000"},
            {"name": "李", "phone": "13900139000"},
            existing="skip",
        )
        assert set(Customer.objects.values_list("name", flat=True)) == {"王小明", "李"}

    def test_reaches_the_survivor_of_a_merge(self, tea: Merchant) -> None:
        kept = make_customer(tea, "王", phone="13800138000")
        gone = make_customer(tea, "李", phone="13900139000")
        services.merge_customers(survivor_id=kept.pk, replaced_id=gone.pk, actor=ACTOR)
        bring({"name": "王小明", "phone": "13900139000"})
        assert Customer.objects.get(pk=kept.pk).name == "王小明"
        assert Customer.objects.get(pk=gone.pk).name == "李"

    def test_odd_texts(self, tea: Merchant) -> None:
        names = ["<script>alert(1)</script>", "😀" * 40, 'a"b\\c,{}', "\u202eabc", "O'Neil"]
        bring(*({"name": name, "tags": 'a"\\'} for name in names))
        bring(*({"name": name, "phone": f"1380013{n:04d}"} for n, name in enumerate(names)))
        bring(
            *({"name": f"{name[:40]}!", "phone": f"1380013{n:04d}"} for n, name in enumerate(names))
        )
        assert Customer.objects.filter(phone_hash__isnull=False).count() == 5
        assert Customer.objects.filter(name="abc!").exists(), "no sign that turns others"


class TestUndo:
    @pytest.mark.spec("platform P17")
    def test_removes_who_was_made_and_restores_who_was_changed(self, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone="13800138000")
        before = Customer.objects.values().get()
        batch = bring(
            {"name": "王晓明", "phone": "13800138000", "birthday": "1990-05-17", "tags": "VIP"},
            {"name": "李", "phone": "13900139000"},
        )
        assert undo(batch) == Undone(removed=2, kept=0)
        assert Customer.objects.values().get() == before
        assert Customer.objects.get().pk == known.pk

    def test_keeps_who_was_used_since(self, tea: Merchant) -> None:
        batch = bring(*({"name": f"客{n}", "phone": f"1380013800{n}"} for n in range(4)))
        linked, edited, merged, free = Customer.objects.order_by("pk")
        link = make_link(tea, 1)
        type(link).objects.filter(pk=link.pk).update(customer=linked)
        services.write_note(customer=edited, note="熟客", actor=ACTOR)
        services.merge_customers(survivor_id=link.customer_id, replaced_id=merged.pk, actor=ACTOR)
        assert undo(batch) == Undone(removed=1, kept=3)
        left = set(Customer.objects.values_list("pk", flat=True))
        assert {linked.pk, edited.pk, merged.pk} < left
        assert free.pk not in left
        assert undo(batch) == Undone(removed=0, kept=3)

    def test_keeps_a_later_change_of_a_field(self, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone="13800138000")
        batch = bring({"name": "王晓明", "phone": "13800138000", "gender": "女"})
        services.edit_customer(
            customer=known,
            values=services.CustomerInput(name="王明", phone="+8613800138000", gender="f"),
            actor=ACTOR,
        )
        undo(batch)
        now = Customer.objects.get()
        assert (now.name, now.gender) == ("王明", "")

    def test_brings_nobody_back_who_was_erased(self, tea: Merchant) -> None:
        make_customer(tea, "王小明", phone="13800138000")
        batch = bring({"name": "王晓明", "phone": "13800138000"})
        Customer.objects.update(state=CustomerState.ERASED, name="x")
        assert undo(batch).kept == 1
        assert Customer.objects.get().name == "x"


def test_in_a_chunk_of_2000_asks_few_questions(
    tea: Merchant, django_assert_max_num_queries: Any
) -> None:
    rows = [{"name": f"客{n}", "phone": 13800000000 + n, "tags": "VIP"} for n in range(300)]
    batch = make_batch()
    with django_assert_max_num_queries(20):
        look(*rows, batch=batch, is_dry=False)
    assert Customer.objects.count() == 300


@pytest.mark.spec("platform P17")
def test_the_sample_is_refused_exactly_where_it_is_broken(tea: Merchant) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(sample()))
    rows = book.get_sheet_by_index(0).to_python()
    mapping = {"name": 0, "phone": 1, "birthday": 2, "gender": 3, "tags": 4, "note": 5, "number": 6}
    sheet = Sheet(
        "",
        [str(text) for text in rows[0]],
        ((n, [None if c == "" else c for c in row]) for n, row in enumerate(rows[1:], 2)),
        61,
    )
    batch = make_batch()
    run = Run(batch, ACTOR, is_dry=True, columns=frozenset(mapping))
    (chunk,) = passes.chunks(sheet, KIND, mapping, run)
    places = {place: name for name, place in mapping.items()}
    assert wrong(chunk) == [(row, places[column]) for row, column, _value in BROKEN]
    assert len(chunk.good) == ROWS - len(BROKEN)
    assert {row for row, _column, _value in ODD} <= {row.number for row in chunk.good}
