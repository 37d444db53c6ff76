"""A reward that is handed over while its stamp is cancelled: one of the two, never both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.races.racing import outcomes, race
from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, Kind, Reward, RewardState
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    confirm,
    make_card,
    make_programme,
    manager_of,
    stamp,
    take_code,
)

ROUNDS = 8


def won(shop: Shop, number: int) -> Reward:
    programme = make_programme(
        name=f"两枚一份{number}", slots=5, on_the_way=[services.RewardInput(2, "小食一份")]
    )
    card = services.open_card(
        programme=programme, customer_id=make_card(shop.programme).customer_id, actor=ACTOR
    )
    stamp(shop.desk, card)
    stamp(shop.desk, card)
    return Reward.objects.get(card_id=card.pk)


def hand_over(shop: Shop, reward: Reward) -> None:
    services.hand_over(desk=shop.desk, reward_id=reward.pk, actor=manager_of(shop.desk))


def test_a_cancel_and_a_handing_over_never_both(shop: Shop) -> None:
    for number in range(ROUNDS):
        reward = won(shop, number)
        card = Card.objects.get(pk=reward.card_id)
        digits = take_code(card, Kind.CANCEL).digits
        runners: list[Callable[[], Any]] = [
            partial(confirm, shop.desk, digits),
            partial(hand_over, shop, reward),
        ]
        found = outcomes(race(shop.merchant.pk, runners))

        reward.refresh_from_db()
        is_handed = reward.handed_at is not None
        other = "E_REWARD_USED" if is_handed else "E_REWARD_WITHDRAWN"
        assert found == {"ok": 1, other: 1}
        assert (reward.state == RewardState.VOIDED) != is_handed
        assert balance_of(card) == (2 if is_handed else 1)


def test_two_managers_note_it_once(shop: Shop) -> None:
    reward = won(shop, 0)
    assert outcomes(race(shop.merchant.pk, [partial(hand_over, shop, reward)] * 5)) == {"ok": 5}
    assert AuditEntry.objects.filter(action="stamps.reward.handed_over").count() == 1
