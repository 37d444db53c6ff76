"""Programmes: created, changed, paused."""

from __future__ import annotations

import pytest

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.core.errors import NotFound
from zhanggui.stamps import services
from zhanggui.stamps.errors import ProgrammeNameTaken, SlotsTooFew
from zhanggui.stamps.models import Card, Programme, ProgrammeStore
from zhanggui.stamps.services import ProgrammeInput
from zhanggui.stamps.tests.factories import Shop, make_card, make_programme, stamp


def edit(programme: Programme, **values: object) -> Programme:
    """Change a programme."""
    base = {"name": programme.name, "reward": "一杯"}
    return services.edit_programme(
        programme_id=programme.pk,
        values=ProgrammeInput(**(base | values)),  # type: ignore[arg-type]
        actor=ACTOR,
    )


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

    def test_a_card_keeps_its_places(self, shop: Shop) -> None:
        for _ in range(3):
            stamp(shop.desk, shop.card)
        with pytest.raises(SlotsTooFew):
            edit(shop.programme, slots=2)

        assert edit(shop.programme, slots=3).slots == 3

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


class TestOpenCard:
    def test_twice_is_one_card(self, shop: Shop) -> None:
        again = services.open_card(
            programme=shop.programme, customer_id=shop.card.customer_id, actor=ACTOR
        )

        assert again.pk == shop.card.pk
        make_card(shop.programme)
        assert Card.objects.count() == 2
