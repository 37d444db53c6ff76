"""Codes: issued once, held, spent, revoked, wiped."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.codes import services
from zhanggui.codes.errors import (
    Busy,
    CodeExpired,
    CodeFormat,
    CodeHeld,
    CodeInvalid,
    CodeRevoked,
    CodeUsed,
    TooManyCodes,
    WrongStore,
)
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.codes.services import Issued, Order
from zhanggui.core import clock, tenancy

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
STORE, OTHER_STORE = 7, 8
PERSON, COLLEAGUE = 1, 2
SUBJECT = "tests.subject"


def order(subject_id: int = 1, **values: Any) -> Order:
    """An order for a code that is good at ``STORE``."""
    base: dict[str, Any] = {
        "operation": "tests.give",
        "subject_type": SUBJECT,
        "subject_id": subject_id,
        "customer_id": subject_id,
        "store_ids": [STORE],
        "life_s": 180,
    }
    return Order(**(base | values))


def issue(subject_id: int = 1, **values: Any) -> Issued:
    """Issue a code."""
    return services.issue(order(subject_id, **values))


def consume(digits: str, store_id: int = STORE, person_id: int = PERSON) -> int | None:
    """Spend a code."""
    return services.consume(
        digits=digits, store_id=store_id, person_id=person_id, subject_type=SUBJECT
    )


def hold(digits: str, person_id: int = PERSON) -> int | None:
    """Hold a code."""
    return services.hold(digits=digits, store_id=STORE, person_id=person_id, subject_type=SUBJECT)


def why_not(digits: str, store_id: int = STORE, person_id: int = PERSON) -> Any:
    """Why a code is refused."""
    reason = services.why_not(
        digits=digits, store_id=store_id, person_id=person_id, subject_types=[SUBJECT]
    )
    return type(reason.refusal)


def row(issued: Issued) -> OneTimeCode:
    """The row of a code."""
    return OneTimeCode.objects.get(pk=issued.code.pk)


@pytest.fixture(autouse=True)
def _scope(db: None) -> Iterator[None]:
    with tenancy.merchant_scope(make_merchant().pk), clock.at(T0):
        yield


class TestNormalise:
    @pytest.mark.spec("stamps D16")
    @pytest.mark.parametrize(
        "typed",
        [
            "123456",
            "１２３ 456",
            " 123-456\n",
            "123　456",
            "１２３－４５６",
            "1 2 3 4 5 6",
            "123–456",
        ],
    )
    def test_folds_width_blanks_and_dashes(self, typed: str) -> None:
        assert services.normalise(typed) == "123456"

    @pytest.mark.spec("stamps R09")
    def test_keeps_leading_zeros(self) -> None:
        assert services.normalise("000 007") == "000007"

    @pytest.mark.spec("stamps D16")
    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "12345",
            "1234567",
            "12345a",
            "１２３４５Ａ",
            "12.456",
            "१२३४५६",
            "12345²",
            "-" * 6,
            "9" * 5000,
        ],
    )
    def test_refuses_everything_else(self, typed: str) -> None:
        with pytest.raises(CodeFormat):
            services.normalise(typed)


class TestIssue:
    @pytest.mark.spec("stamps R09")
    def test_six_digits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("secrets.randbelow", lambda _most: 42)

        assert issue().digits == "000042"

    @pytest.mark.edge("threat guessing")
    def test_every_number_is_drawn_alike(self) -> None:
        first = Counter(services.draw()[0] for _ in range(5000))

        assert set(first) == set("0123456789")
        assert max(first.values()) < 620

    @pytest.mark.spec("stamps D13")
    def test_second_tap_shows_the_same_code(self) -> None:
        first = issue()
        with clock.at(T0 + timedelta(seconds=150)):
            again = issue()

        assert (again.code.pk, again.digits, again.is_new) == (first.code.pk, first.digits, False)
        assert again.code.expires_at == T0 + timedelta(seconds=180)

    @pytest.mark.spec("stamps D13")
    def test_with_less_than_30_s_left_a_new_one_replaces_it(self) -> None:
        first = issue()
        with clock.at(T0 + timedelta(seconds=150.1)):
            again = issue()

        assert again.is_new
        assert row(first).state == CodeState.REVOKED
        assert again.code.expires_at == T0 + timedelta(seconds=330.1)

    @pytest.mark.spec("stamps D14")
    def test_another_operation_replaces_it(self) -> None:
        first = issue()
        second = issue(operation="tests.take")

        assert row(first).state == CodeState.REVOKED
        assert why_not(first.digits) is CodeRevoked
        assert consume(second.digits) == second.code.pk

    @pytest.mark.spec("stamps D13")
    def test_sixth_new_code_in_ten_minutes_is_refused(self) -> None:
        for number in range(5):
            with clock.at(T0 + timedelta(seconds=number)):
                issue(operation=f"tests.{number}")
        with clock.at(T0 + timedelta(seconds=10)), pytest.raises(TooManyCodes) as refusal:
            issue(operation="tests.6")

        assert refusal.value.retry_after_s == 590
        assert OneTimeCode.objects.count() == 5
        assert OneTimeCode.objects.filter(state=CodeState.ACTIVE).count() == 1
        with clock.at(T0 + timedelta(seconds=600)):
            assert issue(operation="tests.6").is_new

    def test_of_another_customer_is_not_counted(self) -> None:
        for number in range(5):
            issue(operation=f"tests.{number}")

        assert issue(2).is_new

    @pytest.mark.spec("stamps D15")
    def test_a_clash_with_a_live_code_draws_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter(["111111", "111111", "222222"])
        monkeypatch.setattr(services, "draw", lambda: next(drawn))

        assert issue(1).digits == "111111"
        assert issue(2).digits == "222222"

    @pytest.mark.spec("stamps D15")
    def test_gives_up_after_five_clashes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        draws: list[str] = []

        def draw() -> str:
            draws.append("111111")
            return draws[-1]

        monkeypatch.setattr(services, "draw", draw)
        issue(1)
        with pytest.raises(Busy):
            issue(2)

        assert len(draws) == 6
        assert OneTimeCode.objects.count() == 1

    @pytest.mark.spec("stamps D15")
    def test_an_expired_code_gives_its_digits_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "draw", lambda: "111111")
        first = issue(1)
        with clock.at(T0 + timedelta(seconds=180)):
            second = issue(2)

            assert second.digits == "111111"
            assert row(first).state == CodeState.EXPIRED
            assert row(first).ended_at == T0 + timedelta(seconds=180)
            assert consume("111111") == second.code.pk

    @pytest.mark.spec("stamps D15")
    def test_too_many_live_codes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert services.LIVE_AT_MOST == 50_000
        monkeypatch.setattr(services, "LIVE_AT_MOST", 2)
        for number in range(3):
            issue(number)
        with pytest.raises(Busy):
            issue(4)

        assert OneTimeCode.objects.count() == 3

    @pytest.mark.edge("number clash")
    @pytest.mark.spec("stamps D15")
    def test_ten_thousand_live_codes_and_no_clash(self) -> None:
        drawn = [services.draw() for _ in range(9_990)]
        # what _insert sends for each of them, but in one go
        rows = [row_of(digits, number) for number, digits in enumerate(drawn)]
        with connection.cursor() as cursor:
            cursor.executemany(services._INSERT, rows)
        live = OneTimeCode.objects.filter(state=CodeState.ACTIVE)
        assert live.count() == len(set(drawn))
        while (number := live.count()) < 10_000:
            assert issue(100_000 + number).is_new

        assert live.values("digits_hash").distinct().count() == 10_000

    def test_live_codes_never_clash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # of 160 possible digits 120 get used: clashes are certain, doubles must not be
        monkeypatch.setattr("secrets.randbelow", _small(160))
        monkeypatch.setattr(services, "DRAWS", 200)
        digits = [issue(number).digits for number in range(120)]

        assert len(set(digits)) == 120

    def test_shown_digits_are_nowhere_in_clear(self) -> None:
        issued = issue()
        stored = row(issued)
        everything = repr({k: v for k, v in vars(stored).items() if k != "_state"}) + "".join(
            bytes(value).decode("latin-1")
            for value in (stored.digits_hash, stored.digits_sealed)
            if value
        )

        assert issued.digits not in everything


def row_of(digits: str, number: int) -> dict[str, Any]:
    """The values of one code for the statement that inserts it."""
    return {
        "merchant": tenancy.current_merchant_id(),
        "operation": "tests.give",
        "subject_type": SUBJECT,
        "subject_id": number,
        "customer_id": number,
        "store_ids": [STORE],
        "hash": services.hashes_of(digits)[0],
        "sealed": b"sealed",
        "key_version": 1,
        "now": T0,
        "expires_at": T0 + timedelta(seconds=180),
    }


def _small(most: int) -> Any:
    import random

    chance = random.Random(4)  # noqa: S311  a test wants the same draw every time
    return lambda _most: chance.randrange(most)


class TestConsume:
    @pytest.mark.spec("stamps D12")
    @pytest.mark.parametrize(("after_s", "works"), [(0, True), (179.9, True), (180.0, False)])
    def test_lives_180_seconds(self, after_s: float, works: bool) -> None:
        issued = issue()
        with clock.at(T0 + timedelta(seconds=after_s)):
            assert (consume(issued.digits) is not None) is works
            if not works:
                assert why_not(issued.digits) is CodeExpired

    def test_marks_who_where_and_when_and_forgets_the_shown_digits(self) -> None:
        issued = issue()
        assert consume(issued.digits) == issued.code.pk

        stored = row(issued)
        assert stored.state == CodeState.CONSUMED
        assert (stored.ended_by_id, stored.ended_store_id, stored.ended_at) == (PERSON, STORE, T0)
        assert stored.digits_sealed is None

    def test_works_once(self) -> None:
        issued = issue()
        consume(issued.digits)

        assert consume(issued.digits) is None
        assert why_not(issued.digits) is CodeUsed

    @pytest.mark.spec("stamps D20")
    def test_wrong_store_keeps_the_code(self) -> None:
        issued = issue()

        assert consume(issued.digits, store_id=OTHER_STORE) is None
        assert why_not(issued.digits, store_id=OTHER_STORE) is WrongStore
        assert consume(issued.digits) == issued.code.pk

    def test_without_stores_it_is_good_everywhere(self) -> None:
        issued = issue(store_ids=[])

        assert consume(issued.digits, store_id=OTHER_STORE) == issued.code.pk

    @pytest.mark.edge("threat oracle")
    @pytest.mark.spec("stamps D21")
    def test_of_another_merchant_is_unknown_and_asks_the_same(self) -> None:
        foreign = issue().digits
        unknown = f"{(int(foreign) + 1) % 10**6:06d}"
        asked = []
        with tenancy.merchant_scope(make_merchant().pk):
            for digits in (foreign, unknown):
                with CaptureQueriesContext(connection) as queries:
                    assert consume(digits) is None
                    assert why_not(digits) is CodeInvalid
                # the same statements take the same time: only the hash differs
                asked.append([re.sub(r"'.*?'::bytea", "?", q["sql"]) for q in queries])

        assert asked[0] == asked[1]
        assert len(asked[0]) == 2

    def test_another_subject_type_is_unknown(self) -> None:
        issued = issue(subject_type="tests.other")

        assert consume(issued.digits) is None
        assert why_not(issued.digits) is CodeInvalid


class TestHold:
    @pytest.mark.spec("stamps D17")
    def test_keeps_colleagues_away_for_60_seconds(self) -> None:
        issued = issue()
        assert hold(issued.digits) == issued.code.pk
        with clock.at(T0 + timedelta(seconds=59.9)):
            assert hold(issued.digits, COLLEAGUE) is None
            assert consume(issued.digits, person_id=COLLEAGUE) is None
            assert why_not(issued.digits, person_id=COLLEAGUE) is CodeHeld
        with clock.at(T0 + timedelta(seconds=60)):
            assert hold(issued.digits, COLLEAGUE) == issued.code.pk

    def test_the_holder_may_look_again_and_confirm(self) -> None:
        issued = issue()
        hold(issued.digits)
        with clock.at(T0 + timedelta(seconds=30)):
            assert hold(issued.digits) == issued.code.pk
            assert row(issued).held_until == T0 + timedelta(seconds=90)
            assert consume(issued.digits) == issued.code.pk

    @pytest.mark.spec("stamps D17")
    def test_never_lengthens_the_life(self) -> None:
        issued = issue()
        with clock.at(T0 + timedelta(seconds=170)):
            hold(issued.digits)
            assert row(issued).held_until == T0 + timedelta(seconds=180)
            assert row(issued).expires_at == T0 + timedelta(seconds=180)
        with clock.at(T0 + timedelta(seconds=180)):
            assert consume(issued.digits) is None


class TestWhyNot:
    @pytest.mark.spec("stamps D22")
    @pytest.mark.parametrize(
        ("after_s", "store_id", "refusal"),
        [
            (180, STORE, CodeExpired),
            (780, STORE, CodeExpired),
            (780.1, STORE, CodeInvalid),
            (180, OTHER_STORE, CodeInvalid),
        ],
        ids=["just-now", "ten-minutes", "longer", "elsewhere"],
    )
    def test_expired_is_told_for_ten_minutes_in_scope(
        self, after_s: float, store_id: int, refusal: type[Exception]
    ) -> None:
        issued = issue()
        with clock.at(T0 + timedelta(seconds=after_s)):
            assert why_not(issued.digits, store_id=store_id) is refusal

    def test_a_live_code_counts_before_an_ended_one_with_the_same_digits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "draw", lambda: "111111")
        consume(issue(1).digits)
        issue(2, store_ids=[OTHER_STORE])

        assert why_not("111111") is WrongStore


class TestRevoke:
    @pytest.mark.spec("stamps D39")
    def test_ends_a_live_code(self) -> None:
        issued = issue()

        assert services.revoke(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=1)
        assert row(issued).state == CodeState.REVOKED
        assert consume(issued.digits) is None
        assert why_not(issued.digits) is CodeRevoked

    def test_leaves_a_used_code_as_it_is(self) -> None:
        issued = issue()
        consume(issued.digits)

        assert not services.revoke(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=1)
        assert row(issued).state == CodeState.CONSUMED

    def test_of_somebody_else_does_nothing(self) -> None:
        issued = issue()

        assert not services.revoke(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=2)
        assert row(issued).state == CodeState.ACTIVE


class TestStatus:
    def test_says_expired_before_anybody_tidied(self) -> None:
        issued = issue()
        with clock.at(T0 + timedelta(seconds=180)):
            found = services.status_of(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=1)

        assert found is not None
        assert found.state == CodeState.EXPIRED
        assert row(issued).state == CodeState.ACTIVE

    def test_a_hold_that_has_passed_is_over(self) -> None:
        issued = issue()
        hold(issued.digits)
        with clock.at(T0 + timedelta(seconds=61)):
            found = services.status_of(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=1)

        assert found is not None
        assert found.state == CodeState.ACTIVE

    def test_of_somebody_else_is_unknown(self) -> None:
        issued = issue()

        assert (
            services.status_of(code_id=issued.code.pk, subject_type=SUBJECT, subject_id=2) is None
        )


class TestTidy:
    @pytest.mark.edge("threat database leak")
    def test_marks_expired_and_wipes_digits_after_24_hours(self) -> None:
        used, left = issue(1), issue(2)
        consume(used.digits)
        with clock.at(T0 + timedelta(seconds=180)):
            assert services.tidy() == (1, 0)
            assert row(left).state == CodeState.EXPIRED
            assert row(left).digits_sealed is None
        with clock.at(T0 + timedelta(hours=24, seconds=179)):
            assert services.tidy() == (0, 1)
            assert row(used).digits_hash is None
            assert row(left).digits_hash is not None
        with clock.at(T0 + timedelta(hours=24, seconds=180)):
            assert services.tidy() == (0, 1)
            assert row(left).digits_hash is None


class TestKeyRing:
    def test_a_code_of_the_older_key_still_works_and_keeps_its_digits(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "draw", lambda: "111111")
        issue(1)
        settings.KEY_RING = {**settings.KEY_RING, 2: base64.b64decode("AAAA" * 10 + "AAA=")}
        drawn = iter(["111111", "222222"])
        monkeypatch.setattr(services, "draw", lambda: next(drawn))

        second = issue(2)

        assert second.digits == "222222"
        assert consume("111111") is not None
        assert consume("222222") == second.code.pk
        assert [code.key_version for code in OneTimeCode.objects.order_by("pk")] == [1, 2]
