"""The same key twice is one write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import Store
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.core import clock, idempotency, tenancy
from zhanggui.core.errors import InProgress, KeyReused
from zhanggui.core.models import IdempotencyRecord
from zhanggui.core.tests.threads import together

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def open_store(name: str) -> Callable[[], dict[str, Any]]:
    def write() -> dict[str, Any]:
        store = Store(name=name)
        store.save()
        return {"store_id": store.pk}

    return write


def once(key: str, name: str = "South", caller: str = "person:1") -> dict[str, Any]:
    return idempotency.once(caller=caller, key=key, content={"name": name}, write=open_store(name))


@pytest.mark.django_db
class TestOnce:
    @pytest.fixture(autouse=True)
    def _scope(self) -> Iterator[None]:
        with tenancy.merchant_scope(make_merchant().pk):
            yield

    def test_a_repeat_answers_the_same_and_writes_nothing(self) -> None:
        first = once("key-1")
        assert once("key-1") == first
        assert Store.objects.count() == 1

    def test_the_same_key_with_other_content_is_refused(self) -> None:
        once("key-1", "South")
        with pytest.raises(KeyReused) as refusal:
            once("key-1", "North")
        assert refusal.value.status == 409
        assert [store.name for store in Store.objects.all()] == ["South"]

    def test_callers_do_not_share_keys(self) -> None:
        once("key-1", "South", caller="person:1")
        once("key-1", "North", caller="person:2")
        assert Store.objects.count() == 2

    def test_merchants_do_not_share_keys(self) -> None:
        once("key-1", "South")
        with tenancy.merchant_scope(make_merchant().pk):
            once("key-1", "North")
            assert Store.objects.count() == 1

    def test_without_a_key_the_write_simply_runs(self) -> None:
        once("", "South")
        once("", "North")
        assert Store.objects.count() == 2
        assert not IdempotencyRecord.objects.exists()

    def test_an_overlong_key_is_cut_and_still_found(self) -> None:
        assert once("k" * 200) == once("k" * 200)
        assert Store.objects.count() == 1

    def test_a_failed_write_leaves_no_record(self) -> None:
        def fail() -> dict[str, Any]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            idempotency.once(caller="person:1", key="key-1", content={"name": "South"}, write=fail)
        assert not IdempotencyRecord.objects.exists()
        assert once("key-1")["store_id"] == Store.objects.get().pk

    def test_after_a_day_the_key_is_free_again(self) -> None:
        with clock.at(START):
            once("key-1", "South")
        with clock.at(START + timedelta(hours=24)):
            once("key-1", "North")
        assert Store.objects.count() == 2
        assert IdempotencyRecord.objects.count() == 1

    def test_the_fingerprint_does_not_depend_on_the_order(self) -> None:
        one = idempotency.fingerprint({"a": 1, "b": START})
        assert one == idempotency.fingerprint({"b": START, "a": 1})
        assert len(one) == 32


def test_two_at_once_write_once(race_db: str) -> None:
    merchant = make_merchant()

    def send(number: int) -> dict[str, Any]:
        with tenancy.merchant_scope(merchant.pk):
            return idempotency.once(
                caller="person:1", key="key-1", content={"x": 1}, write=slow(number)
            )

    def slow(number: int) -> Callable[[], dict[str, Any]]:
        def write() -> dict[str, Any]:
            answer = open_store(f"Store {number}")()
            time.sleep(0.2)  # both have looked for a record before either commits
            return answer

        return write

    answers = together(send)
    with tenancy.merchant_scope(merchant.pk):
        written = Store.objects.get()
    assert all(
        answer == {"store_id": written.pk} or isinstance(answer, InProgress) for answer in answers
    )
    assert {"store_id": written.pk} in answers
