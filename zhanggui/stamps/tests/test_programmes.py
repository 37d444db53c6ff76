"""Programmes: created, changed, paused."""

from __future__ import annotations

from typing import Any

import pytest

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.core.errors import NotFound
from zhanggui.stamps import services
from zhanggui.stamps.errors import ProgrammeNameTaken, ProgrammeOver, RewardsWrong
from zhanggui.stamps.models import Card, Programme, ProgrammeStore, Terms
from zhanggui.stamps.services import ProgrammeInput, RewardInput
from zhanggui.stamps.tests.factories import Shop, make_card, make_programme, stamp


def values(programme: Programme, **wanted: Any) -> ProgrammeInput:
    """What is typed in."""
    given = {"name": programme.name, "reward": "一杯", "gap_s": 0, "per_day": 200, **wanted}
    return ProgrammeInput(**given)


def edit(programme: Programme, **wanted: Any) -> Programme:
    """Change a programme."""
    return services.edit_programme(
        programme_id=programme.pk, values=values(programme, **wanted), actor=ACTOR
    )


def fill(shop: Shop, card: Card, stamps: int) -> None:
    """Put so many stamps on a card."""
    for _ in range(stamps):
        stamp(shop.desk, card)


class TestCreate:
    def test_names_its_ledger_account_after_itself(self, shop: Shop) -> None:
        assert shop.programme.issue_account.code == f"issue:{shop.programme.pk}"
        assert shop.card.account.code == f"card:{shop.card.pk}"

    def test_two_of_one_name_are_refused(self, shop: Shop) -> None:
        make_programme(name="咖啡卡")
        with pytest.raises(ProgrammeNameTaken):
            make_programme(name=" 咖啡卡 ")

    def test_a_store_of_another_merchant_is_not_found(self, shop: Shop) -> None:
        foreign = make_store(make_merchant())
        with pytest.raises(NotFound):
            make_programme(store_ids=[foreign.pk])

        assert Programme.objects.count() == 1


class TestEdit:
    def test_changes_stores_and_notes_before_and_after(self, shop: Shop) -> None:
        second = make_store(shop.merchant)
        edit(shop.programme, store_ids=[shop.store.pk, second.pk], slots=12)
        edit(shop.programme, store_ids=[second.pk], slots=12)

        places = ProgrammeStore.objects.values_list("store_id", flat=True)
        assert list(places) == [second.pk]
        entry = AuditEntry.objects.filter(action="stamps.programme.edited").latest("pk")
        assert entry.details["before"]["stores"] == sorted([shop.store.pk, second.pk])
        assert entry.details["after"]["stores"] == [second.pk]

    def test_a_begun_card_keeps_its_rules_until_its_round_is_over(self, shop: Shop) -> None:
        edit(shop.programme, when_full="renew", slots=4)
        card = make_card(shop.programme)
        fill(shop, card, 3)
        effect = services.effect_of(
            programme_id=shop.programme.pk, values=values(shop.programme, slots=6)
        )
        edit(shop.programme, when_full="renew", slots=6)

        assert (effect.is_new, effect.moving, effect.staying) == (True, 2, 0)
        assert stamp(shop.desk, card).won == ["一杯"]
        card.refresh_from_db()
        assert (card.slots, card.terms.number, card.cycle) == (6, 3, 1)
        assert Card.objects.get(pk=shop.card.pk).slots == 10
        assert shop.adds_up()

    def test_cards_may_go_by_the_new_rules_at_once(self, shop: Shop) -> None:
        fill(shop, shop.card, 3)
        fuller = make_card(shop.programme)
        fill(shop, fuller, 5)
        wanted = {"slots": 5, "on_the_way": [RewardInput(2, "甲"), RewardInput(4, "乙")]}
        effect = services.effect_of(
            programme_id=shop.programme.pk, values=values(shop.programme, **wanted)
        )
        services.edit_programme(
            programme_id=shop.programme.pk,
            values=values(shop.programme, **wanted),
            actor=ACTOR,
            moves_cards=True,
        )

        assert (effect.moving, effect.staying, effect.total) == (1, 1, 2)
        card = Card.objects.get(pk=shop.card.pk)
        assert (card.slots, card.balance, card.due_at) == (5, 3, 4)
        assert Card.objects.get(pk=fuller.pk).slots == 10
        assert stamp(shop.desk, shop.card).won == ["乙"]
        assert stamp(shop.desk, shop.card).won == ["一杯"]
        assert shop.adds_up()

    def test_a_new_name_is_no_new_version(self, shop: Shop) -> None:
        same = {"name": "新名", "reward": "招牌奶茶一杯"}
        effect = services.effect_of(
            programme_id=shop.programme.pk, values=values(shop.programme, **same)
        )
        edit(shop.programme, **same)

        assert not effect.is_new
        assert Terms.objects.filter(programme=shop.programme).count() == 1

    def test_rewards_have_places_of_their_own(self, shop: Shop) -> None:
        for places in ([2, 2], [10], [0]):
            with pytest.raises(RewardsWrong):
                edit(shop.programme, on_the_way=[RewardInput(at, "小食") for at in places])

    def test_a_name_of_another_one_is_refused(self, shop: Shop) -> None:
        make_programme(name="咖啡卡")
        with pytest.raises(ProgrammeNameTaken):
            edit(shop.programme, name="咖啡卡")

    def test_an_unknown_one_is_not_found(self, shop: Shop) -> None:
        with pytest.raises(NotFound):
            services.pause_programme(programme_id=0, actor=ACTOR)


class TestPause:
    def test_twice_is_noted_once(self, shop: Shop) -> None:
        for _ in range(2):
            services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)

        assert AuditEntry.objects.filter(action="stamps.programme.paused").count() == 1


class TestEnd:
    def test_is_for_good(self, shop: Shop) -> None:
        services.end_programme(programme_id=shop.programme.pk, actor=ACTOR)
        with pytest.raises(ProgrammeOver):
            services.resume_programme(programme_id=shop.programme.pk, actor=ACTOR)
        with pytest.raises(ProgrammeOver):
            edit(shop.programme)

    def test_a_copy_has_the_same_rules_and_waits(self, shop: Shop) -> None:
        edit(shop.programme, slots=6, on_the_way=[RewardInput(3, "小食")], valid_days=30)
        copied = services.copy_programme(programme_id=shop.programme.pk, actor=ACTOR)
        again = services.copy_programme(programme_id=shop.programme.pk, actor=ACTOR)

        terms = Terms.objects.get(programme=copied)
        assert (copied.state, terms.slots, terms.valid_days) == ("paused", 6, 30)
        assert terms.reward_at == [3, 6]
        assert copied.name != again.name


class TestOpenCard:
    def test_twice_is_one_card(self, shop: Shop) -> None:
        again = services.open_card(
            programme=shop.programme, customer_id=shop.card.customer_id, actor=ACTOR
        )

        assert again.pk == shop.card.pk
        make_card(shop.programme)
        assert Card.objects.count() == 2
