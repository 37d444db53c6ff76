"""Values are written as shops write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from zhanggui.core import clock
from zhanggui.ui import formats
from zhanggui.ui.money import YuanField

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai


@pytest.fixture(autouse=True)
def _chinese_sunday_afternoon() -> Iterator[None]:
    with clock.at(NOW), translation.override("zh-hans"):
        yield


class TestMoney:
    @pytest.mark.parametrize(
        ("fen", "text"),
        [(0, "¥0.00"), (5, "¥0.05"), (123450, "¥1,234.50"), (-199, "-¥1.99"), (None, "—")],
    )
    def test_fen_become_yuan(self, fen: int | None, text: str) -> None:
        assert formats.money(fen) == text


class TestPhone:
    @pytest.mark.parametrize(
        ("number", "text"),
        [
            ("13812345678", "138****5678"),
            ("+86 138 1234 5678", "138****5678"),
            ("02112345678", "021****5678"),
            ("12345", "*****"),
            ("", "—"),
            (None, "—"),
        ],
    )
    def test_hides_the_middle(self, number: str | None, text: str) -> None:
        assert formats.masked_phone(number) == text


class TestNumbers:
    def test_separators_and_one_decimal(self) -> None:
        assert formats.count(1234567) == "1,234,567"
        assert formats.percent(0.0834) == "8.3%"
        assert formats.count(None) == formats.percent(None) == "—"


class TestDates:
    def test_day_and_moment(self) -> None:
        assert formats.day(NOW) == "11月22日 周日"
        assert formats.day(date(2025, 1, 3)) == "2025年1月3日 周五"
        assert formats.moment(NOW) == "11月22日 周日 14:30"
        assert formats.moment(None) == formats.day(None) == "—"

    @pytest.mark.parametrize("language", ["zh-hans", "en"])
    def test_many_moments_are_written_as_one(self, language: str) -> None:
        values = [NOW, NOW - timedelta(minutes=5), NOW - timedelta(days=400), NOW]
        with translation.override(language):
            assert formats.moments(values) == [formats.moment(value) for value in values]

    def test_english(self) -> None:
        with translation.override("en"):
            assert formats.moment(NOW) == "Sun 22 Nov, 14:30"
            assert formats.day(date(2025, 1, 3)) == "Fri 3 Jan 2025"

    def test_ranges_do_not_repeat_the_day(self) -> None:
        later = NOW + timedelta(hours=1, minutes=30)
        assert formats.span(NOW, later) == "11月22日 周日 14:30–16:00"
        tomorrow = NOW + timedelta(days=1)
        assert formats.span(NOW, tomorrow) == "11月22日 周日 14:30 – 11月23日 周一 14:30"
        assert formats.span(date(2026, 11, 22), date(2026, 11, 22)) == "11月22日 周日"
        assert (
            formats.span(date(2026, 11, 22), date(2026, 11, 24)) == "11月22日 周日 – 11月24日 周二"
        )
        assert formats.span(None, NOW) == "—"


class TestAgo:
    @pytest.mark.parametrize(
        ("gap", "text"),
        [
            (timedelta(seconds=20), "刚刚"),
            (timedelta(minutes=3, seconds=59), "3 分钟前"),
            (timedelta(minutes=59, seconds=59), "59 分钟前"),
            (timedelta(hours=1), "11月22日 周日 13:30"),
            (timedelta(seconds=-20), "马上"),
            (timedelta(minutes=-5), "5 分钟后"),
        ],
    )
    def test_relative_only_under_an_hour(self, gap: timedelta, text: str) -> None:
        assert formats.ago(NOW - gap) == text

    def test_nothing(self) -> None:
        assert formats.ago(None) == "—"


class TestTypedMoney:
    @pytest.mark.parametrize(("typed", "fen"), [("12.5", 1250), ("¥1,200", 120_000), ("0", 0)])
    def test_yuan_become_fen(self, typed: str, fen: int) -> None:
        assert YuanField().clean(typed) == fen

    @pytest.mark.parametrize("typed", ["1e3", "1E3", "NaN", "-1", "0.001", "x"])
    def test_numbers_of_machines_are_none(self, typed: str) -> None:
        with pytest.raises(ValidationError):
            YuanField().clean(typed)
