"""Sealing beside bookings that are not committed yet: nothing is skipped."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from tests.races.racing import race
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks, sealing, services
from zhanggui.ledger.models import Chain, Unit
from zhanggui.stamps.tests.factories import Shop


def book(number: int) -> Any:
    issue = services.open_account(unit=Unit.STAMP, code="race:issue", is_cached=False)
    card = services.open_account(unit=Unit.STAMP, code="race:card", is_cached=False)
    return services.book(
        unit=Unit.STAMP,
        event="tests.given",
        cause=f"race:{number}",
        amounts={issue.pk: -1, card.pk: 1},
        zone="Asia/Shanghai",
    )


def seal_later(start: int = 0) -> None:
    for minutes in range(start, start + 3):
        with clock.at(timezone.now() + timedelta(minutes=minutes)):
            sealing.seal()


def beside_an_open_booking(shop: Shop) -> None:
    """A booking gets its id, others commit after it, sealing comes; then the first commits."""
    book(0)
    has_booked, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with tenancy.merchant_scope(shop.merchant.pk), transaction.atomic():
            book(1)
            has_booked.set()
            assert may_commit.wait(30)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert has_booked.wait(30)
    book(2)
    seal_later()
    may_commit.set()
    thread.join()


class TestSealing:
    def test_waits_for_a_booking_that_is_not_committed(self, shop: Shop) -> None:
        beside_an_open_booking(shop)
        assert not Chain.objects.get().bookings
        seal_later(10)

        assert Chain.objects.get().bookings == 3
        assert checks.findings() == []

    @pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "another"])
    def test_waits_for_what_this_database_does_and_no_other(
        self, shop: Shop, race_db: str, *, is_ours: bool
    ) -> None:
        place = race_db if is_ours else make_conninfo(race_db, dbname="postgres")
        book(0)
        with psycopg.connect(place) as forgotten:
            forgotten.execute("SELECT pg_current_xact_id()")
            seal_later()
            assert Chain.objects.get().bookings == (0 if is_ours else 1)
        seal_later(10)

        assert Chain.objects.get().bookings == 1

    def test_would_skip_it_without_waiting(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing, "_is_final", lambda head, _x, _o: head.watched_at is not None)
        beside_an_open_booking(shop)
        seal_later(10)

        assert Chain.objects.get().bookings == 2
        assert [finding.rule for finding in checks.findings()] == ["block_counts"]

    def test_by_two_workers_beside_bookings_is_done_once(self, shop: Shop) -> None:
        for start in range(0, 40, 8):
            runners = [lambda n=n: book(n) for n in range(start, start + 8)]
            answers = race(shop.merchant.pk, [*runners, seal_later, seal_later])
            assert [one for one in answers if isinstance(one, Exception)] == []
        seal_later(10)

        assert Chain.objects.get().bookings == 40
        assert checks.findings() == []
