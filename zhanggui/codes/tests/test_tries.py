"""When wrong codes lock: any five within ten minutes, twenty within a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.codes.tries import Tries

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def after(*seconds: float) -> Tries:
    """Wrong codes at these moments."""
    return Tries(tuple(sorted((T0 + timedelta(seconds=s) for s in seconds), reverse=True)))


def locked(tries: Tries, at_s: float) -> int:
    """Seconds of lock at that moment."""
    return tries.seconds_locked(T0 + timedelta(seconds=at_s))


class TestLock:
    @pytest.mark.spec("stamps D23")
    @pytest.mark.parametrize(
        ("seconds", "at_s", "wait"),
        [
            ((0, 1, 2, 3), 3, 0),
            ((0, 1, 2, 3, 4), 4, 600),
            ((0, 1, 2, 3, 4), 603.5, 1),
            ((0, 1, 2, 3, 4), 604, 0),
            ((0, 150, 300, 450, 599.9), 599.9, 600),
            ((0, 150, 300, 450, 600), 600, 0),
            ((590, 591, 592, 593, 604), 604, 600),
        ],
        ids=["four", "five", "last-second", "over", "just-inside", "just-outside", "any-window"],
    )
    def test_five_within_any_ten_minutes(
        self, seconds: tuple[float, ...], at_s: float, wait: int
    ) -> None:
        assert locked(after(*seconds), at_s) == wait

    @pytest.mark.spec("stamps D23")
    def test_twenty_a_day(self) -> None:
        spread = [number * 1000.0 for number in range(20)]

        assert locked(after(*spread[:19]), 18_500) == 0
        assert locked(after(*spread), 19_500) == 86_400 - 19_500
        assert locked(after(*spread), 86_400) == 0


class TestLeft:
    @pytest.mark.parametrize(
        ("seconds", "at_s", "left"), [((), 0, 5), ((0, 1), 2, 3), ((0, 1), 601, 5)]
    )
    def test_counts_down(self, seconds: tuple[float, ...], at_s: float, left: int) -> None:
        assert after(*seconds).left(T0 + timedelta(seconds=at_s)) == left


class TestExpired:
    @pytest.mark.spec("stamps D22")
    def test_is_told_three_times_in_ten_minutes(self) -> None:
        told = Tries((), tuple(T0 + timedelta(seconds=s) for s in (20, 10, 0)))

        assert not told.may_hear_expired(T0 + timedelta(seconds=30))
        assert told.may_hear_expired(T0 + timedelta(seconds=601))
