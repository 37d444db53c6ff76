"""Pages follow each other by key, without gaps or doubles, whatever is written meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.core import signing
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from zhanggui.core.models import LimitCounter
from zhanggui.ui import paging
from zhanggui.ui.paging import Page, keyset

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 22, 6, 30, 0, 123456, tzinfo=UTC)
ORDER = ("-window_starts_at", "-id")


def make_rows(number: int, *, same_moment: int = 3) -> None:
    LimitCounter.objects.bulk_create(
        LimitCounter(
            kind="paging",
            subject=f"{at:03d}",
            window_starts_at=START - timedelta(microseconds=at // same_moment),
            count=at % 4,
        )
        for at in range(number)
    )


def rows() -> QuerySet[LimitCounter]:
    return LimitCounter.objects.filter(kind="paging")


def page(after: str = "", *, order: tuple[str, ...] = ORDER, size: int = 4) -> Page[LimitCounter]:
    return keyset(rows(), order=order, after=after, size=size)


def subjects(shown: Page[LimitCounter]) -> list[str]:
    return [row.subject for row in shown]


def walk(order: tuple[str, ...]) -> list[Page[LimitCounter]]:
    pages = [page(order=order)]
    while pages[-1].next:
        pages.append(page(pages[-1].next, order=order))
    return pages


class TestForward:
    @pytest.mark.parametrize(
        "order",
        [ORDER, ("window_starts_at", "id"), ("count", "-id"), ("-count", "window_starts_at", "id")],
        ids=["descending", "ascending", "mixed", "three-fields"],
    )
    def test_every_row_once_in_order(self, order: tuple[str, ...]) -> None:
        make_rows(18)

        seen = [row.pk for shown in walk(order) for row in shown]

        assert seen == [row.pk for row in rows().order_by(*order)]
        assert len(seen) == 18

    def test_rows_of_one_microsecond_are_not_skipped(self) -> None:
        make_rows(9, same_moment=9)

        assert [len(shown) for shown in walk(ORDER)] == [4, 4, 1]

    def test_new_rows_in_front_change_nothing_behind(self) -> None:
        make_rows(8)
        first = page()
        LimitCounter.objects.create(
            kind="paging", subject="new", window_starts_at=START + timedelta(days=1)
        )

        behind = subjects(page(first.next))
        assert "new" not in behind
        assert sorted(subjects(first) + behind) == [f"{at:03d}" for at in range(8)]

    def test_one_query_and_no_more_rows_than_asked(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        make_rows(8)
        after = page().next

        with django_assert_num_queries(1):
            shown = page(after)

        assert len(shown) == 4

    def test_empty(self) -> None:
        shown = page()
        assert (shown.rows, shown.next, shown.previous) == ([], "", "")


class TestBackward:
    def test_back_is_the_page_one_came_from(self) -> None:
        make_rows(18)
        pages = walk(ORDER)

        for earlier, later in pairwise(pages):
            assert subjects(page(later.previous)) == subjects(earlier)

    def test_the_first_page_has_nothing_before(self) -> None:
        make_rows(8)
        first = page()

        assert first.previous == ""
        assert page(page(first.next).previous).previous == ""

    def test_near_the_start_the_page_is_full(self) -> None:
        make_rows(12, same_moment=1)
        second = page(page().next)
        LimitCounter.objects.filter(subject="000").delete()

        assert subjects(page(second.previous)) == ["001", "002", "003", "004"]


class TestTokens:
    @pytest.mark.parametrize(
        "token",
        [
            "x",
            "eyJ:abc:def",
            signing.dumps(["other"], salt="elsewhere"),
            signing.dumps("text", salt=paging.SALT),
            signing.dumps([list(ORDER), False, [{"t": "yesterday"}, 1]], salt=paging.SALT),
        ],
        ids=["short", "forged", "other-salt", "no-list", "no-date"],
    )
    def test_a_bad_token_shows_the_first_page(self, token: str) -> None:
        make_rows(6)

        assert subjects(page(token)) == subjects(page())

    def test_a_token_of_another_order_shows_the_first_page(self) -> None:
        make_rows(6)
        other = page(order=("count", "id")).next

        assert subjects(page(other)) == subjects(page())

    def test_dates_keep_microseconds_and_days_stay_days(self) -> None:
        assert paging._unpack(paging._pack(START)) == START
        assert paging._unpack(paging._pack(START.date())) == START.date()
        assert paging._unpack(paging._pack(12)) == 12


class TestCounting:
    def test_one_page_is_its_own_count(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        make_rows(4)
        with django_assert_num_queries(1):
            shown = page()
            assert (shown.count, shown.is_more) == (4, False)

    @pytest.mark.parametrize(("up_to", "known"), [(9, (9, False)), (8, (8, True))])
    def test_more_pages_are_counted_once_and_not_beyond_what_people_read(
        self,
        monkeypatch: pytest.MonkeyPatch,
        django_assert_num_queries: DjangoAssertNumQueries,
        up_to: int,
        known: tuple[int, bool],
    ) -> None:
        monkeypatch.setattr(paging, "COUNT_UP_TO", up_to)
        make_rows(9)
        for shown in walk(ORDER):
            with django_assert_num_queries(1):
                assert (shown.count, shown.is_more) == known
                assert (shown.count, shown.is_more) == known

    def test_nobody_knows_what_does_not_come_from_the_database(self) -> None:
        assert Page([1], "more", "", 1).count is None
        assert Page([1], "", "", 1).count == 1
