"""Answers for repeats and counters of tries do not pile up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.core import clock, idempotency, limits, retention, tasks, tenancy
from zhanggui.core.limits import Limit
from zhanggui.core.models import IdempotencyRecord, LimitCounter

SHORT = Limit("short", most=1, window_s=600, lock_s=600)
LONG = Limit("long", most=1, window_s=600, lock_s=7 * 24 * 60 * 60)
START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.mark.django_db
class TestForget:
    def keys_at(self, moment: datetime, key: str) -> None:
        with clock.at(moment), tenancy.merchant_scope(make_merchant().pk):
            idempotency.once(caller="person:1", key=key, content={}, write=dict)

    def test_answers_stay_for_a_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retention, "BATCH", 2)
        for number in range(3):
            self.keys_at(START - timedelta(hours=24), f"old-{number}")
        self.keys_at(START - timedelta(hours=23, minutes=59), "young")

        with clock.at(START):
            tasks.forget(0)

        with tenancy.all_merchants("the test looks at what is left"):
            assert [row.key for row in IdempotencyRecord.objects.all()] == ["young"]

    def test_counters_stay_for_a_day_and_as_long_as_they_lock(self) -> None:
        for limit, age in ((SHORT, 25), (LONG, 25), (SHORT, 23)):
            with clock.at(START - timedelta(hours=age)):
                limits.count(limit, f"{age}")

        with clock.at(START):
            assert retention.forget() == 1

        left = LimitCounter.objects.order_by("kind", "subject").values_list("kind", "subject")
        assert list(left) == [("long", "25"), ("short", "23")]
