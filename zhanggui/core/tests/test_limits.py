"""What can be guessed is counted, and no rollback gives a try back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from zhanggui.core import clock, limits
from zhanggui.core.errors import TooMany
from zhanggui.core.limits import Limit
from zhanggui.core.models import LimitCounter
from zhanggui.core.tests.threads import together

LIMIT = Limit("guess", most=5, window_s=600, lock_s=900)
START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def count_times(times: int, subject: str = "shop:1") -> datetime | None:
    until = None
    for _ in range(times):
        until = limits.count(LIMIT, subject)
    return until


@pytest.mark.django_db
class TestLock:
    def test_the_fifth_try_locks(self) -> None:
        with clock.at(START):
            assert count_times(4) is None
            assert limits.seconds_locked([(LIMIT, "shop:1")]) == 0
            assert count_times(1) == START + timedelta(seconds=900)
            assert limits.seconds_locked([(LIMIT, "shop:1")]) == 900

    def test_check_refuses_with_the_seconds_to_wait(self) -> None:
        with clock.at(START):
            count_times(5)
        with clock.at(START + timedelta(seconds=300)), pytest.raises(TooMany) as refusal:
            limits.check((LIMIT, "shop:2"), (LIMIT, "shop:1"))
        assert refusal.value.retry_after_s == 600
        assert refusal.value.status == 429

    def test_other_subjects_and_kinds_are_free(self) -> None:
        with clock.at(START):
            count_times(5)
            limits.check((LIMIT, "shop:2"))
            limits.check((Limit("other", 5, 600, 900), "shop:1"))

    def test_ends_after_its_time(self) -> None:
        with clock.at(START):
            count_times(5)
        with clock.at(START + timedelta(seconds=900)):
            limits.check((LIMIT, "shop:1"))

    def test_the_window_starts_anew_after_its_end(self) -> None:
        with clock.at(START):
            count_times(4)
        with clock.at(START + timedelta(seconds=600)):
            assert count_times(4) is None
            assert count_times(1) is not None

    def test_a_try_during_the_lock_prolongs_it(self) -> None:
        with clock.at(START):
            count_times(5)
        later = START + timedelta(seconds=60)
        with clock.at(later):
            assert count_times(1) == later + timedelta(seconds=900)

    def test_most_one_locks_at_once(self) -> None:
        once = Limit("once", most=1, window_s=60, lock_s=60)
        with clock.at(START):
            assert limits.count(once, "x") == START + timedelta(seconds=60)

    def test_forget_starts_anew(self) -> None:
        count_times(4)
        limits.forget(LIMIT, "shop:1")
        assert count_times(4) is None


def test_counts_inside_no_transaction(race_db: str) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        limits.count(LIMIT, "shop:1")
    assert not LimitCounter.objects.exists()


def test_a_rollback_afterwards_gives_no_try_back(race_db: str) -> None:
    count_times(3)
    with transaction.atomic():
        LimitCounter.objects.filter(subject="shop:2").exists()
        transaction.set_rollback(True)
    assert LimitCounter.objects.get().count == 3


def test_twenty_at_once_count_twenty(race_db: str) -> None:
    limit = Limit("flood", most=20, window_s=600, lock_s=900)
    answers = together(lambda _number: limits.count(limit, "shop:1"), times=20)
    assert LimitCounter.objects.get().count == 20
    assert [isinstance(answer, datetime) for answer in answers].count(True) == 1


@pytest.mark.django_db
class TestClaim:
    def test_the_fifth_gets_through_and_the_sixth_does_not(self) -> None:
        with clock.at(START):
            for _ in range(5):
                limits.claim(LIMIT, "shop:1")
            with pytest.raises(TooMany) as refusal:
                limits.claim(LIMIT, "shop:1")
            limits.claim(LIMIT, "shop:2")
        assert refusal.value.retry_after_s == 900
        assert LimitCounter.objects.get(subject="shop:1").count == 5
        with clock.at(START + timedelta(seconds=901)):
            limits.claim(LIMIT, "shop:1")

    def test_one_given_back_is_free_again(self) -> None:
        with clock.at(START):
            for _ in range(5):
                limits.claim(LIMIT, "shop:1")
            limits.release(LIMIT, "shop:1")
            limits.claim(LIMIT, "shop:1")
            with pytest.raises(TooMany):
                limits.claim(LIMIT, "shop:1")

    def test_a_limit_of_one(self) -> None:
        once = Limit("once", most=1, window_s=60, lock_s=60)
        limits.claim(once, "x")
        with pytest.raises(TooMany):
            limits.claim(once, "x")


def test_of_many_claims_at_once_no_more_than_allowed_get_through(race_db: str) -> None:
    answers = together(lambda _number: limits.claim(LIMIT, "shop:1"), times=12)
    assert sum(isinstance(answer, TooMany) for answer in answers) == 7
    assert answers.count(None) == 5


def test_control_counting_after_the_check_lets_more_through(race_db: str) -> None:
    def check_then_count(_number: int) -> None:
        limits.check((LIMIT, "shop:1"))
        time.sleep(0.2)  # the password's hash
        limits.count(LIMIT, "shop:1")

    assert together(check_then_count, times=12).count(None) > 5
