"""Many presses at once: one right, one recording, one full card; and without the last guard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from django.db import connection

from tests.races.racing import outcomes, race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.stamps import services
from zhanggui.stamps.hot import pressed
from zhanggui.stamps.models import Case, Press, Seal, SealState, StampRecord
from zhanggui.stamps.tests.factories import Shop, balance_of, make_card, make_shop
from zhanggui.stamps.tests.pressing import T1, make_seal, nonce_of, points_px, press

PARALLEL = 8


@pytest.fixture
def shop(race_db: str) -> Iterator[Shop]:
    made = make_shop()
    with made.scope:
        yield made


@pytest.fixture
def seal(shop: Shop) -> Seal:
    return make_seal(shop.store)


class TestPress:
    def test_one_right_is_one_stamp(self, shop: Shop, seal: Seal) -> None:
        nonce = nonce_of(shop.card)
        runs = [partial(press, shop.card, points_px(T1), nonce=nonce) for _ in range(PARALLEL)]
        answers = race(shop.merchant.pk, runs)

        assert outcomes(answers) == {"ok": 1, "E_NONCE_USED": PARALLEL - 1}
        assert balance_of(shop.card) == 1
        assert shop.adds_up()

    def test_control_without_the_condition_several_win(
        self, shop: Shop, seal: Seal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        careless = pressed.MOVE.replace("AND used_at IS NULL", "")
        assert careless != pressed.MOVE
        monkeypatch.setattr(pressed, "MOVE", careless)
        with connection.cursor() as cursor:
            cursor.execute('ALTER TABLE ledger_transaction DROP CONSTRAINT "one_booking_per_cause"')
        nonce = nonce_of(shop.card)
        runs = [partial(press, shop.card, points_px(T1), nonce=nonce) for _ in range(PARALLEL)]

        assert outcomes(race(shop.merchant.pk, runs))["ok"] > 1

    def test_one_recording_with_many_rights_is_one_stamp(self, shop: Shop, seal: Seal) -> None:
        points = points_px(T1)
        cards = [make_card(shop.programme, f"顾客{n}") for n in range(PARALLEL)]
        answers = race(shop.merchant.pk, [partial(press, card, points) for card in cards])

        assert outcomes(answers) == {"ok": 1, "E_REPLAY": PARALLEL - 1}
        assert StampRecord.objects.count() == 1
        assert Case.objects.count() == 1
        assert shop.adds_up()

    def test_one_key_is_one_answer(self, shop: Shop, seal: Seal) -> None:
        points, nonce = points_px(T1), nonce_of(shop.card)
        run = partial(press, shop.card, points, nonce=nonce, key="k")
        answers = race(shop.merchant.pk, [run] * 4)

        assert set(outcomes(answers)) <= {"ok", "E_NONCE_USED", "E_REPLAY"}
        assert outcomes(answers)["ok"] >= 1
        assert press(shop.card, points, nonce=nonce, key="k").after == 1
        assert balance_of(shop.card) == 1

    def test_the_last_place_of_a_card(self, shop: Shop, seal: Seal) -> None:
        for _ in range(shop.programme.slots - 1):
            press(shop.card)
        runs = [partial(press, shop.card, points_px(T1)) for _ in range(PARALLEL)]
        answers = race(shop.merchant.pk, runs)

        assert outcomes(answers) == {"ok": 1, "E_CARD_FULL": PARALLEL - 1}
        assert shop.adds_up()

    @pytest.mark.edge("seal lost while pressed")
    def test_against_reporting_the_stamp_lost(self, shop: Shop, seal: Seal) -> None:
        lose = partial(
            services.step_seal, seal_id=seal.pk, to=SealState.LOST, reason="x", actor=ACTOR
        )
        answers = race(
            shop.merchant.pk,
            [lose, *[partial(press, shop.card, points_px(T1)) for _ in range(4)]],
        )

        assert not isinstance(answers[0], Exception)
        refused = set(outcomes(answers[1:])) - {"ok"}
        assert refused <= {"E_STAMP_STATE", "E_PRESS_OFF", "E_NONCE_USED"}
        assert Press.objects.count() == 4
        assert balance_of(shop.card) == outcomes(answers[1:])["ok"]
