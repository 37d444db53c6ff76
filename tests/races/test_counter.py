"""Codes on the counter's screen: of all who scanned one, one has the stamp."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.races.racing import outcomes, race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.ledger.errors import AlreadyBooked
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, CounterScreen, CounterTicket, StampRecord
from zhanggui.stamps.services import countering
from zhanggui.stamps.tests.factories import Shop, balance_of, customer_of, make_card

ROUNDS = 8
GUESTS = 5


@pytest.fixture
def screen(shop: Shop) -> CounterScreen:
    """A screen of a shop whose programme takes its codes."""
    shop.programme.ways = ["counter"]
    shop.programme.save(update_fields=["ways"])
    made, _token = services.make_screen(name="收银台", store=shop.store, actor=ACTOR)
    return made


def scanned(screen: CounterScreen, cards: list[Card]) -> list[str]:
    """The proofs of all who scanned the newest code."""
    shown = services.next_code(screen=screen, ref="")
    assert shown is not None
    return [services.scan(token=shown.token, actor=customer_of(card)).proof for card in cards]


def stamp(card: Card, proof: str) -> None:
    services.stamp_by_counter(card=card, proof=proof, actor=customer_of(card), zone="Asia/Shanghai")


def by_all(shop: Shop, screen: CounterScreen) -> Counter[str]:
    """Let everybody stamp by one code at once; one of them gets the stamp."""
    cards = [make_card(shop.programme) for _ in range(GUESTS)]
    pairs = zip(cards, scanned(screen, cards), strict=True)
    found = outcomes(race(shop.merchant.pk, [partial(stamp, *pair) for pair in pairs]))
    assert sum(balance_of(card) for card in cards) == found["ok"]
    return found


class TestOneCode:
    def test_is_one_stamp_for_one_of_many(self, shop: Shop, screen: CounterScreen) -> None:
        for _ in range(ROUNDS):
            assert by_all(shop, screen) == {"ok": 1, "E_COUNTER_USED": GUESTS - 1}
        assert StampRecord.objects.count() == ROUNDS
        assert shop.adds_up()

    def test_control_without_the_condition_only_the_ledger_stops_them(
        self, shop: Shop, screen: CounterScreen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def take(ticket: CounterTicket, card: Card, **values: Any) -> None:
            CounterTicket.objects.filter(pk=ticket.pk).update(card_id=card.pk, **values)

        monkeypatch.setattr(countering, "_take", take)
        found = by_all(shop, screen)
        assert found["ok"] == 1
        assert found[AlreadyBooked.code] == GUESTS - 1
        assert shop.adds_up()

    def test_pressed_twice_by_one_hand_is_one(self, shop: Shop, screen: CounterScreen) -> None:
        for _ in range(ROUNDS):
            card = make_card(shop.programme)
            (proof,) = scanned(screen, [card])
            found = outcomes(race(shop.merchant.pk, [partial(stamp, card, proof)] * 4))
            assert found == {"ok": 1, "E_COUNTER_USED": 3}
            assert balance_of(card) == 1
