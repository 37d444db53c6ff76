"""Many confirms at once: one wins, the ledger adds up; and what happens without the condition."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from tests.races.racing import outcomes, race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.codes import services as codes
from zhanggui.codes.models import LIVE, CodeTry, OneTimeCode
from zhanggui.core import clock, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import DomainError
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps import services
from zhanggui.stamps.hot import statements as hot_statements
from zhanggui.stamps.models import Card, CardEvent, Kind, ManagerBinding, Reward, StampRecord
from zhanggui.stamps.services import ProgrammeInput, RewardInput
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    confirm,
    make_card,
    make_manager,
    make_programme,
    preview,
    stamp,
    state_of,
    take_code,
    wrong_digits,
)

PARALLEL = 20
OPERATIONS = 200
"""Enough for every kind of meeting to happen."""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def without_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a turn."""
    monkeypatch.setattr(turns, "TAKE", "SELECT %(turn)s::bigint")


def drop(*constraints: tuple[str, str]) -> None:
    """Take the last guards away."""
    with connection.cursor() as cursor:
        for table, name in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
            cursor.execute(f'DROP INDEX IF EXISTS "{name}"')


def careless_move() -> str:
    """The statement without its condition on the state of the code."""
    states = "AND state IN ('active', 'held')"
    holder = "AND (state = 'active' OR held_by_id = %(person)s OR held_until <= %(now)s)"
    assert states in hot_statements.MOVE
    assert holder in hot_statements.MOVE
    return hot_statements.MOVE.replace(states, "").replace(holder, "")


class TestOneCode:
    @pytest.mark.edge("code one transaction")
    @pytest.mark.spec("stamps D18")
    def test_twenty_managers_confirm_and_one_wins(self, shop: Shop) -> None:
        desks = [make_manager(shop.store, f"店员{n}") for n in range(PARALLEL)]
        for _ in range(3):
            digits = take_code(shop.card).digits
            before = Transaction.objects.count()
            answers = race(shop.merchant.pk, [partial(confirm, desk, digits) for desk in desks])

            assert outcomes(answers) == {"ok": 1, "E_CODE_USED": PARALLEL - 1}
            assert Transaction.objects.count() == before + 1
        assert balance_of(shop.card) == 3
        assert shop.adds_up()

    def test_control_without_the_condition_several_win(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, without_turns: None
    ) -> None:
        monkeypatch.setattr(hot_statements, "MOVE", careless_move())
        drop(
            ("stamps_stamprecord", "code_booked_once"),
            ("ledger_transaction", "one_booking_per_cause"),
        )
        desks = [make_manager(shop.store, f"店员{n}") for n in range(8)]
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [partial(confirm, desk, digits) for desk in desks])

        assert outcomes(answers)["ok"] > 1

    @pytest.mark.edge("code one transaction")
    @pytest.mark.spec("stamps D18")
    def test_without_the_condition_the_constraints_still_hold(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hot_statements, "MOVE", careless_move())
        desks = [make_manager(shop.store, f"店员{n}") for n in range(8)]
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [partial(confirm, desk, digits) for desk in desks])

        assert outcomes(answers) == {"ok": 1, "IntegrityError": 7}
        assert shop.adds_up()

    @pytest.mark.edge("code HELD by another")
    @pytest.mark.spec("stamps D17")
    def test_two_managers_look_and_one_holds(self, shop: Shop) -> None:
        desks = [shop.desk, make_manager(shop.store, "赵店员")]
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [partial(preview, desk, digits) for desk in desks])

        assert outcomes(answers) == {"ok": 1, "E_CODE_HELD": 1}

    def test_control_without_the_holder_both_hold(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rule = "AND (state = 'active' OR held_by_id = %(person)s OR held_until <= %(now)s)"
        careless = codes.HOLDS.replace(rule, "")
        assert careless != codes.HOLDS
        monkeypatch.setattr(codes, "HOLDS", careless)
        desks = [shop.desk, make_manager(shop.store, "赵店员")]
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [partial(preview, desk, digits) for desk in desks])

        assert outcomes(answers) == {"ok": 2}

    @pytest.mark.edge("code ACTIVE>REVOKED by the customer")
    def test_confirm_against_withdraw(self, shop: Shop) -> None:
        for _ in range(4):
            code = take_code(shop.card)
            before = balance_of(shop.card)
            answers = race(
                shop.merchant.pk,
                [
                    partial(confirm, shop.desk, code.digits),
                    partial(
                        services.revoke_code, card=shop.card, code_id=code.code_id, actor=ACTOR
                    ),
                ],
            )
            is_booked = not isinstance(answers[0], Exception)
            assert is_booked == (answers[1].state == "consumed")
            assert balance_of(shop.card) - before == int(is_booked)
        assert shop.adds_up()

    @pytest.mark.edge("code ACTIVE>REVOKED by its card", "card BLOCKED takes none")
    def test_confirm_against_block(self, shop: Shop) -> None:
        for _ in range(4):
            code = take_code(shop.card)
            before = balance_of(shop.card)
            answers = race(
                shop.merchant.pk,
                [
                    partial(confirm, shop.desk, code.digits),
                    partial(services.block_card, card_id=shop.card.pk, reason="查", actor=ACTOR),
                ],
            )
            booked = outcomes(answers[:1])["ok"]
            assert set(outcomes(answers[:1])) <= {"ok", "E_CARD_STATE"}
            assert state_of(code.code_id) == ("consumed" if booked else "revoked")
            assert balance_of(shop.card) - before == booked
            assert services.unblock_card(card_id=shop.card.pk, actor=ACTOR).state == "open"
        assert shop.adds_up()


class TestDoubleTap:
    @pytest.mark.spec("stamps D19")
    def test_the_same_key_at_once_books_once_and_answers_the_same(self, shop: Shop) -> None:
        digits = take_code(shop.card).digits
        answers = race(
            shop.merchant.pk, [lambda: confirm(shop.desk, digits, key="double") for _ in range(6)]
        )

        assert outcomes(answers) == {"ok": 6}
        assert len({answer.record_id for answer in answers}) == 1
        assert len({answer.at for answer in answers}) == 1
        assert Transaction.objects.count() == 1
        assert IdempotencyRecord.objects.count() == 1

    def test_control_without_a_key_the_others_are_refused(self, shop: Shop) -> None:
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [lambda: confirm(shop.desk, digits) for _ in range(6)])

        assert outcomes(answers) == {"ok": 1, "E_CODE_USED": 5}


class TestCancel:
    @pytest.mark.edge("card cancel stays")
    @pytest.mark.spec("stamps D29")
    def test_desk_and_office_take_the_same_stamp_back_once(self, shop: Shop) -> None:
        for _ in range(3):
            given = stamp(shop.desk, shop.card)
            digits = take_code(shop.card, Kind.CANCEL).digits
            answers = race(
                shop.merchant.pk,
                [
                    partial(confirm, shop.desk, digits, record_id=given.record_id),
                    *[
                        partial(
                            services.cancel_record,
                            record_id=given.record_id,
                            reason="误盖",
                            actor=ACTOR,
                        )
                    ]
                    * 2,
                ],
            )
            assert outcomes(answers) == {"ok": 1, "E_NOTHING_TO_CANCEL": 2}
            assert balance_of(shop.card) == 0
            shop.card = make_card(shop.programme)
        assert shop.adds_up()

    def test_control_without_constraints_it_is_taken_back_twice(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stamp(shop.desk, shop.card)
        given = stamp(shop.desk, shop.card)
        drop(
            ("stamps_stamprecord", "cancelled_once"),
            ("ledger_transaction", "one_reversal_each"),
            ("ledger_transaction", "one_booking_per_cause"),
        )
        careless = hot_statements.MOVE.replace("AND c.reverses_id = r.id", "AND c.reverses_id = -1")
        assert careless != hot_statements.MOVE
        monkeypatch.setattr(hot_statements, "MOVE", careless)
        services.cancel_record(record_id=given.record_id, reason="误盖", actor=ACTOR)
        digits = take_code(shop.card, Kind.CANCEL).digits
        confirm(shop.desk, digits, record_id=given.record_id)

        assert StampRecord.objects.filter(reverses_id=given.record_id).count() == 2


class TestIssue:
    @pytest.mark.edge("code one per subject")
    @pytest.mark.spec("stamps D14")
    def test_one_card_has_one_live_code(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        kinds = [Kind.ACCUMULATE, Kind.CANCEL, Kind.ACCUMULATE, Kind.CANCEL]
        answers = race(shop.merchant.pk, [partial(take_code, shop.card, kind) for kind in kinds])

        assert outcomes(answers) == {"ok": 4}
        live = OneTimeCode.objects.filter(state__in=LIVE)
        assert live.count() == 1

    @pytest.mark.edge("code one per subject")
    @pytest.mark.spec("stamps D13")
    def test_taps_at_once_show_one_code(self, shop: Shop) -> None:
        answers = race(shop.merchant.pk, [lambda: take_code(shop.card) for _ in range(6)])

        assert len({answer.digits for answer in answers}) == 1
        assert [answer.is_new for answer in answers].count(True) == 1

    def cards_of_one_customer(self, shop: Shop) -> list[Card]:
        from zhanggui.stamps.tests.factories import make_programme

        return [
            services.open_card(
                programme=make_programme(), customer_id=shop.card.customer_id, actor=ACTOR
            )
            for _ in range(8)
        ]

    @pytest.mark.spec("stamps D13")
    def test_five_new_codes_however_many_cards(self, shop: Shop) -> None:
        cards = self.cards_of_one_customer(shop)
        answers = race(shop.merchant.pk, [partial(take_code, card) for card in cards])

        assert outcomes(answers) == {"ok": 5, "E_TOO_MANY_CODES": 3}

    def test_control_without_turns_more_than_five(self, shop: Shop, without_turns: None) -> None:
        cards = self.cards_of_one_customer(shop)
        most = 0
        for _ in range(4):  # a race shows itself soon, not always at once
            answers = race(shop.merchant.pk, [partial(take_code, card) for card in cards])
            most = max(most, outcomes(answers)["ok"])
            OneTimeCode.objects.update(state="revoked", created_at=LONG_AGO)

        assert most > 5


class TestGuesses:
    @pytest.mark.spec("stamps D23")
    def test_sent_at_once_count_like_one_after_the_other(self, shop: Shop) -> None:
        guesses = [wrong_digits() for _ in range(PARALLEL)]
        answers = race(shop.merchant.pk, [partial(confirm, shop.desk, guess) for guess in guesses])

        assert outcomes(answers) == {"E_CODE_INVALID": 4, "E_LOCKED": PARALLEL - 4}
        assert CodeTry.objects.count() == 5

    @pytest.mark.spec("stamps D23")
    def test_a_right_guess_behind_five_wrong_ones_is_locked_out(self, shop: Shop) -> None:
        for _ in range(4):
            with pytest.raises(DomainError):
                confirm(shop.desk, wrong_digits())
        right = take_code(shop.card).digits
        runners: list[Any] = [lambda: confirm(shop.desk, wrong_digits())] * 6
        answers = race(shop.merchant.pk, [*runners, lambda: confirm(shop.desk, right)])
        is_booked = not isinstance(answers[-1], Exception)

        # it may come first, then it is good; after the fifth wrong one it is not even looked at
        assert outcomes(answers[-1:]) == ({"ok": 1} if is_booked else {"E_LOCKED": 1})
        assert balance_of(shop.card) == int(is_booked)

    def test_control_without_turns_more_are_tried(self, shop: Shop, without_turns: None) -> None:
        most = 0
        for _ in range(4):
            guesses = [wrong_digits() for _ in range(PARALLEL)]
            race(shop.merchant.pk, [partial(confirm, shop.desk, guess) for guess in guesses])
            most = max(most, CodeTry.objects.count())
            CodeTry.objects.all().delete()

        assert most > 5


class TestCaps:
    @pytest.mark.spec("stamps D25")
    def test_at_once_a_card_gets_no_more_than_a_day_allows(self, shop: Shop) -> None:
        services.edit_programme(
            programme_id=shop.programme.pk,
            values=ProgrammeInput("集章卡", "一杯", slots=20, gap_s=0, per_day=2, max_per_code=3),
            actor=ACTOR,
        )
        # two cards of one person share no code: here both codes are for one card
        desks = [make_manager(shop.store, f"店员{n}") for n in range(6)]
        codes_ = []
        for _ in desks:
            OneTimeCode.objects.update(state="consumed", created_at=LONG_AGO)
            codes_.append(take_code(shop.card))
        with connection.cursor() as cursor:  # as if a card could have many live codes
            cursor.execute('DROP INDEX IF EXISTS "one_live_code_per_subject"')
        OneTimeCode.objects.update(state="active")
        answers = race(
            shop.merchant.pk,
            [partial(confirm, desk, code.digits) for desk, code in zip(desks, codes_, strict=True)],
        )

        assert outcomes(answers) == {"ok": 2, "E_VELOCITY": 4}
        assert balance_of(shop.card) == 2
        assert shop.adds_up()

    @pytest.mark.spec("stamps D25")
    def test_at_once_a_manager_does_no_more_than_a_day_allows(self, shop: Shop) -> None:
        today = clock.local_date(clock.now(), shop.desk.zone)
        ManagerBinding.objects.filter(pk=shop.desk.binding_id).update(
            operated_on=today, operations=198
        )
        cards = [make_card(shop.programme, f"顾客{n}") for n in range(6)]
        answers = race(
            shop.merchant.pk,
            [partial(confirm, shop.desk, take_code(card).digits) for card in cards],
        )

        assert outcomes(answers) == {"ok": 2, "E_VELOCITY": 4}
        assert ManagerBinding.objects.get(pk=shop.desk.binding_id).operations == 200

    @pytest.mark.edge("card last place once")
    @pytest.mark.spec("stamps D27")
    def test_the_last_place_wins_once(self, shop: Shop) -> None:
        for _ in range(3):
            stamp(shop.desk, shop.card, amount=3, reason="三杯")
        desks = [make_manager(shop.store, f"店员{n}") for n in range(6)]
        digits = take_code(shop.card).digits
        answers = race(shop.merchant.pk, [partial(confirm, desk, digits) for desk in desks])

        assert outcomes(answers) == {"ok": 1, "E_CODE_USED": 5}
        assert Reward.objects.count() == 1
        assert shop.adds_up()


class TestFirstVisit:
    @pytest.mark.edge("card one per customer")
    def test_ten_at_once_open_one_card(self, shop: Shop) -> None:
        programme, customer_id = make_programme(), shop.card.customer_id
        opened = race(
            shop.merchant.pk,
            [partial(services.open_card, programme=programme, customer_id=customer_id, actor=ACTOR)]
            * 10,
        )
        assert outcomes(opened) == {"ok": 10}
        assert len({card.pk for card in opened}) == 1
        assert Card.objects.filter(programme=programme).count() == 1


class TestRandomRun:
    @pytest.mark.timeout(240)
    def test_a_long_mixed_run_adds_up(self, shop: Shop) -> None:
        chance = random.Random(7)  # noqa: S311  the same run every time
        desks = [shop.desk, *(make_manager(shop.store, f"店员{n}") for n in range(3))]
        rounds = make_programme(
            slots=4, max_per_code=3, when_full="renew", on_the_way=[RewardInput(2, "小食")]
        )
        cards = [make_card(shop.programme, f"顾客{n}") for n in range(30)]
        cards += [make_card(rounds, f"熟客{n}") for n in range(10)]
        plans = [
            [
                (chance.choice(cards), chance.random(), chance.randint(1, 3))
                for _ in range(OPERATIONS // 4)
            ]
            for _ in desks
        ]
        done = race(
            shop.merchant.pk,
            [partial(_work, desk, plan) for desk, plan in zip(desks, plans, strict=True)],
        )
        booked = sum(done)

        assert booked > 100
        of_rounds = CardEvent.objects.exclude(transaction=None).count()
        assert of_rounds > 5
        assert Transaction.objects.count() == booked + of_rounds
        assert sum(Entry.objects.values_list("amount", flat=True)) == 0
        assert shop.adds_up()
        assert all(0 <= card.balance <= 10 for card in Card.objects.all())


def _work(desk: Any, plan: list[tuple[Card, float, int]]) -> int:
    booked = 0
    for card, what, amount in plan:
        # the limit on new codes is not what is tried here
        OneTimeCode.objects.filter(customer_id=card.customer_id).update(created_at=LONG_AGO)
        try:
            kind = Kind.CANCEL if what < 0.35 else Kind.ACCUMULATE
            digits = take_code(card, kind).digits
            if what > 0.8:
                preview(desk, digits)
            key = f"{desk.person_id}-{what}"
            confirm(desk, digits, amount=amount, reason="多杯", key=key)
            booked += 1
        except DomainError:
            continue
    return booked


@pytest.fixture(autouse=True)
def _all_in_scope() -> Iterator[None]:
    yield
    tenancy._scope.set(None)
