"""The calendar of plans and the price of an upgrade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.accounts.standing import Phase
from zhanggui.billing import capitals, periods
from zhanggui.core import clock

SHANGHAI = "Asia/Shanghai"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(SHANGHAI))


class TestMonths:
    @pytest.mark.spec("repairs U-42")
    @pytest.mark.parametrize(
        ("begin", "months", "end"),
        [
            ("2026-01-15 14:30", 1, "2026-02-15 14:30"),
            ("2026-01-31 14:30", 1, "2026-02-28 14:30"),
            ("2028-01-31 00:00", 1, "2028-02-29 00:00"),
            ("2026-12-31 23:59", 12, "2027-12-31 23:59"),
            ("2028-02-29 08:00", 12, "2029-02-28 08:00"),
            ("2028-02-29 08:00", 48, "2032-02-29 08:00"),
            ("2026-11-30 10:00", 24, "2028-11-30 10:00"),
            ("2026-05-31 10:00", 36, "2029-05-31 10:00"),
            ("2026-03-01 00:30", 1, "2026-04-01 00:30"),
        ],
    )
    def test_are_calendar_months_in_the_merchants_zone(
        self, begin: str, months: int, end: str
    ) -> None:
        found = periods.add_months(at(begin).astimezone(UTC), months, SHANGHAI)
        assert found == at(end)
        assert found.tzinfo == UTC

    @pytest.mark.parametrize(
        ("begin", "end"),
        [
            ("2026-02-20 14:30", "2026-03-07 14:30"),
            ("2028-02-20 14:30", "2028-03-06 14:30"),
            ("2026-12-25 00:01", "2027-01-09 00:01"),
        ],
        ids=["month-end", "leap-day", "new-year"],
    )
    @pytest.mark.spec("repairs A7")
    def test_a_trial_ends_15_days_later_to_the_minute(self, begin: str, end: str) -> None:
        assert periods.add_days(at(begin), periods.TRIAL_DAYS, SHANGHAI) == at(end)

    @pytest.mark.parametrize(
        ("ends_at", "expected"),
        [
            ("2026-06-20 12:00", "2026-07-20 12:00"),
            ("2026-06-08 12:00", "2026-07-10 09:00"),
            ("2026-01-01 12:00", "2026-07-10 09:00"),
        ],
        ids=["before-the-end", "in-grace", "long-after"],
    )
    def test_a_renewal_begins_at_the_later_of_now_and_the_end(
        self, ends_at: str, expected: str
    ) -> None:
        with clock.at(at("2026-06-10 09:00")):
            found = periods.extended(at(ends_at), months=1, days=0, zone=SHANGHAI)
        assert found == at(expected)


END = at("2026-06-10 09:00")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        (END - SECOND, Phase.RUNNING),
        (END, Phase.GRACE),
        (END + timedelta(days=7) - SECOND, Phase.GRACE),
        (END + timedelta(days=7), Phase.READ_ONLY),
        (END + timedelta(days=97) - SECOND, Phase.READ_ONLY),
        (END + timedelta(days=97), Phase.ARCHIVED),
        (END + timedelta(days=1000), Phase.ARCHIVED),
    ],
)
def test_phases_change_at_their_second(moment: datetime, phase: Phase) -> None:
    assert periods.phase_at(END, moment) == phase


def test_a_merchant_without_an_end_always_runs() -> None:
    assert periods.phase_at(None, END) == Phase.RUNNING


@pytest.mark.spec("platform P10")
class TestUpgradePrice:
    @pytest.mark.spec("repairs U-43")
    @pytest.mark.parametrize(
        ("difference", "left", "fen"),
        [
            (660, timedelta(days=100), 66_000),
            (660, timedelta(hours=12), 330),
            (1, timedelta(hours=12), 1),
            (1, timedelta(hours=12) - timedelta(microseconds=1), 0),
            (3, timedelta(hours=12), 2),
            (-5, timedelta(days=100), 0),
            (660, timedelta(0), 0),
        ],
        ids=["days", "half-a-day", "half-up", "below-half", "one-and-a-half", "cheaper", "over"],
    )
    def test_is_difference_times_remaining_days_half_up(
        self, difference: int, left: timedelta, fen: int
    ) -> None:
        assert periods.upgrade_fen([(difference, left)]) == fen

    @given(
        old=st.integers(0, 100_000),
        new=st.integers(0, 100_000),
        left=st.timedeltas(timedelta(0), timedelta(days=4000)),
        passes=st.timedeltas(timedelta(0), timedelta(days=4000)),
    )
    def test_then_time_passes_never_yields_more_value_than_paid(
        self, old: int, new: int, left: timedelta, passes: timedelta
    ) -> None:
        paid = periods.upgrade_fen([(new - old, left)])
        day = timedelta(days=1)
        remaining = max(left - passes, timedelta(0))
        gained = (new - old) * (remaining / day)
        assert gained <= paid + 0.5 + 1e-6
        assert paid >= 0

    @given(
        difference=st.integers(1, 10_000),
        first=st.timedeltas(timedelta(0), timedelta(days=1000)),
        second=st.timedeltas(timedelta(0), timedelta(days=1000)),
    )
    def test_waiting_makes_it_cheaper_never_dearer(
        self, difference: int, first: timedelta, second: timedelta
    ) -> None:
        shorter, longer = sorted((first, second))
        assert periods.upgrade_fen([(difference, shorter)]) <= periods.upgrade_fen(
            [(difference, longer)]
        )


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (10, "壹角整"),
        (101, "壹元零壹分"),
        (299_800, "贰仟玖佰玖拾捌元整"),
        (1_000_000, "壹万元整"),
        (10_005_000, "壹拾万零伍拾元整"),
        (1_234_567_890, "壹仟贰佰叁拾肆万伍仟陆佰柒拾捌元玖角整"),
    ],
)
def test_amounts_in_capital_numerals(fen: int, text: str) -> None:
    assert capitals.yuan(fen) == text
