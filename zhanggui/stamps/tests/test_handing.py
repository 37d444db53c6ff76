"""A reward without a coupon is handed over once, and was used from then on (D32)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core.errors import NotFound
from zhanggui.stamps import services
from zhanggui.stamps.errors import NotManager, RewardUsed, RewardWithdrawn
from zhanggui.stamps.models import Card, ManagerBinding, Reward, RewardState
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    make_programme,
    manager_of,
    stamp,
)
from zhanggui.stamps.tests.test_mobile import DIGITS, Visitor, visitor
from zhanggui.stamps.tests.test_staff import HTMX, Counter, counter

__all__ = ["counter", "visitor"]

TEA = services.RewardInput(at=2, name="小食一份")


def near(shop: Shop, customer_id: int) -> Card:
    """A card with one stamp; its second wins a reward that is handed out at the counter."""
    programme = make_programme(name="两枚一份", slots=5, on_the_way=[TEA])
    card = services.open_card(programme=programme, customer_id=customer_id, actor=ACTOR)
    stamp(shop.desk, card)
    return card


def won(shop: Shop) -> Reward:
    stamp(shop.desk, near(shop, shop.card.customer_id))
    return Reward.objects.get(state=RewardState.ISSUED)


def hand_over(shop: Shop, reward: Reward) -> Reward:
    return services.hand_over(desk=shop.desk, reward_id=reward.pk, actor=manager_of(shop.desk))


class TestHandOver:
    def test_is_noted_once_with_who_and_when(self, shop: Shop) -> None:
        first = hand_over(shop, won(shop))
        again = hand_over(shop, first)

        assert first.handed_at is not None
        assert (again.handed_at, again.handed_by) == (first.handed_at, shop.desk.person_name)
        entry = AuditEntry.objects.get(action="stamps.reward.handed_over")
        assert entry.details["reward"] == first.pk

    def test_a_manager_who_was_removed_may_not(self, shop: Shop) -> None:
        reward = won(shop)
        ManagerBinding.objects.filter(pk=shop.desk.binding_id).update(removed_at=reward.issued_at)
        with pytest.raises(NotManager):
            hand_over(shop, reward)

    def test_another_store_may_not(self, shop: Shop) -> None:
        reward = won(shop)
        Reward.objects.filter(pk=reward.pk).update(store_id=shop.desk.store_id + 1)
        with pytest.raises(NotFound):
            hand_over(shop, reward)

    def test_what_was_handed_over_stays(self, shop: Shop) -> None:
        reward = hand_over(shop, won(shop))
        with pytest.raises(RewardUsed):
            cancel(shop.desk, Card.objects.get(pk=reward.card_id))
        assert balance_of(Card.objects.get(pk=reward.card_id)) == 2

    def test_what_was_withdrawn_is_not_handed_over(self, shop: Shop) -> None:
        reward = won(shop)
        cancel(shop.desk, Card.objects.get(pk=reward.card_id))
        with pytest.raises(RewardWithdrawn):
            hand_over(shop, reward)


class TestPages:
    def test_marked_in_the_result(self, visitor: Visitor, counter: Counter) -> None:
        visitor.card = near(visitor.shop, visitor.card.customer_id)
        digits = DIGITS.search(visitor.tap().content.decode())[1]  # type: ignore[index]
        done = counter.confirm(digits).content.decode()
        assert "标记“小食一份”已交给顾客" in done

        sent = {"reward": Reward.objects.get().pk}
        url = reverse("stamps:staff_hand_over")
        said = counter.client.post(url, sent, headers=HTMX).content.decode()
        assert "data-handed" in said
        assert "小食一份" not in counter.get("desk")

    def test_open_ones_stand_on_the_managers_home_page(self, counter: Counter) -> None:
        reward = won(counter.shop)
        assert "待交给顾客的奖励" in counter.get("desk")

        sent = {"reward": reward.pk}
        answer = counter.client.post(reverse("stamps:staff_hand_over"), sent)
        assert (answer.status_code, answer["Location"]) == (302, reverse("stamps:desk"))
        assert "待交给顾客的奖励" not in counter.get("desk")

    def test_a_cancel_names_it_on_both_phones(self, visitor: Visitor, counter: Counter) -> None:
        visitor.card = near(visitor.shop, visitor.card.customer_id)
        stamp(visitor.shop.desk, visitor.card)
        tapped = visitor.tap("cancel")
        digits = DIGITS.search(tapped.content.decode())[1]  # type: ignore[index]
        assert "如果顾客已经拿到，请先收回" in counter.preview(digits).content.decode()
        assert "已收回奖励：小食一份" in counter.confirm(digits).content.decode()
        assert "奖励“小食一份”随之收回" in visitor.live(tapped).content.decode()
