"""Merging at the same moment as everything else: one order wins, nothing is lost, no circle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from tests.races.racing import outcomes, race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, Merge
from zhanggui.contacts.services import merging
from zhanggui.contacts.tests.factories import make_customer, make_link
from zhanggui.stamps import rules, services
from zhanggui.stamps.models import Card, StampRecord
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    make_card,
    stamp,
    take_code,
)

ROUNDS = 12


def merge(survivor_id: int, replaced_id: int) -> Merge:
    return contacts.merge_customers(survivor_id=survivor_id, replaced_id=replaced_id, actor=ACTOR)


def is_circle_free() -> bool:
    """Whether every merged customer leads to one that is not merged."""
    gone = Customer.objects.filter(state=CustomerState.REPLACED)
    ends = [contacts.survivor_of(pk) for pk in gone.values_list("pk", flat=True)]
    kept = Customer.objects.exclude(state=CustomerState.REPLACED)
    return set(ends) <= set(kept.values_list("pk", flat=True))


@pytest.mark.spec("platform P13")
class TestTwoMerges:
    def test_of_the_same_two_both_ways_is_one(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            one, two = make_link(shop.merchant, 1).customer, make_link(shop.merchant, 1).customer
            answers = race(
                shop.merchant.pk,
                [partial(merge, one.pk, two.pk), partial(merge, two.pk, one.pk)] * 2,
            )
            assert outcomes(answers) == {"ok": 1, "E_MERGE_REPLACED": 3}
        assert Merge.objects.count() == ROUNDS
        assert is_circle_free()

    def test_in_a_ring_leave_one_customer_or_a_chain(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            ring = [make_customer(shop.merchant).pk for _ in range(3)]
            answers = race(
                shop.merchant.pk,
                [partial(merge, ring[n], ring[(n + 1) % 3]) for n in range(3)],
            )
            found = outcomes(answers)
            assert set(found) <= {"ok", "E_MERGE_REPLACED"}
            assert 1 <= found["ok"] <= 2
        assert is_circle_free()

    def test_control_without_the_lock_they_make_a_circle(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both_looked = threading.Barrier(2, timeout=3)

        def look(ids: Collection[int]) -> dict[int, Customer]:
            found = {one.pk: one for one in Customer.objects.filter(pk__in=ids)}
            with suppress(threading.BrokenBarrierError):
                both_looked.wait()
            return found

        monkeypatch.setattr(merging, "take", look)
        most = 0
        for _ in range(ROUNDS):
            one, two = make_customer(shop.merchant), make_customer(shop.merchant)
            answers = race(
                shop.merchant.pk, [partial(merge, one.pk, two.pk), partial(merge, two.pk, one.pk)]
            )
            most = max(most, outcomes(answers)["ok"])
            if most > 1:
                break
        assert most == 2

    def test_and_two_undos_are_one(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            card = make_card(shop.programme)
            kept = make_customer(shop.merchant)
            made = merge(kept.pk, card.customer_id)
            answers = race(
                shop.merchant.pk,
                [partial(contacts.undo_merge, merge_id=made.pk, actor=ACTOR)] * 4,
            )
            assert outcomes(answers) == {"ok": 1, "E_MERGE_UNDONE": 3}
            assert Card.objects.get(pk=card.pk).customer_id == card.customer_id


@pytest.mark.spec("platform P13")
class TestWithStamps:
    def test_a_stamp_confirmed_meanwhile_is_the_survivors(self, shop: Shop) -> None:
        for number in range(ROUNDS):
            card = make_card(shop.programme)
            goes_on = make_card(shop.programme)
            kept = goes_on.customer_id
            digits = take_code(card).digits
            runners: list[Callable[[], Any]] = [
                partial(merge, kept, card.customer_id),
                partial(confirm, shop.desk, digits),
            ]
            answers = race(shop.merchant.pk, runners[:: 1 if number % 2 else -1])
            assert outcomes(answers) == {"ok": 2}
            assert (balance_of(goes_on), balance_of(card)) == (1, 0)
            assert Card.objects.get(pk=card.pk).customer_id == kept
            assert StampRecord.objects.latest("pk").customer_id == kept
        assert shop.adds_up()

    def test_a_stamp_taken_back_meanwhile_too(self, shop: Shop) -> None:
        for _ in range(ROUNDS // 2):
            card = make_card(shop.programme)
            stamp(shop.desk, card)
            kept = make_customer(shop.merchant).pk
            made = merge(kept, card.customer_id)
            answers = race(
                shop.merchant.pk,
                [
                    partial(contacts.undo_merge, merge_id=made.pk, actor=ACTOR),
                    partial(cancel, shop.desk, Card.objects.get(pk=card.pk)),
                ],
            )
            assert outcomes(answers) == {"ok": 2}
            assert balance_of(card) == 0
            owners = StampRecord.objects.filter(card=card).values_list("customer_id", flat=True)
            assert set(owners) == {card.customer_id}
        assert shop.adds_up()

    def test_a_stamp_on_the_survivors_own_card_waits_for_nobody(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            kept = make_card(shop.programme)
            gone = make_card(shop.programme, phone=f"138{make_customer(shop.merchant).pk:08d}")
            digits = take_code(kept).digits
            answers = race(
                shop.merchant.pk,
                [
                    partial(merge, kept.customer_id, gone.customer_id),
                    partial(confirm, shop.desk, digits),
                ],
            )
            assert outcomes(answers) == {"ok": 2}
            assert balance_of(kept) == 1
        assert shop.adds_up()

    def test_stamps_on_both_cards_meanwhile_are_on_one(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            goes_on, goes = make_card(shop.programme), make_card(shop.programme)
            stamp(shop.desk, goes)
            codes = [take_code(goes_on).digits, take_code(goes).digits]
            answers = race(
                shop.merchant.pk,
                [
                    partial(merge, goes_on.customer_id, goes.customer_id),
                    *(partial(confirm, shop.desk, digits) for digits in codes),
                ],
            )
            found = outcomes(answers)
            assert set(found) <= {"ok", "E_CODE_REVOKED"}
            assert found["ok"] >= 2
            assert (balance_of(goes_on), balance_of(goes)) == (found["ok"], 0)
        assert shop.adds_up()

    def test_taken_apart_meanwhile_each_keeps_its_own(self, shop: Shop) -> None:
        for number in range(ROUNDS):
            goes_on, goes = make_card(shop.programme), make_card(shop.programme)
            stamp(shop.desk, goes_on)
            stamped = stamp(shop.desk, goes)
            made = merge(goes_on.customer_id, goes.customer_id)
            digits = take_code(Card.objects.get(pk=goes_on.pk)).digits
            runners: list[Callable[[], Any]] = [
                partial(contacts.undo_merge, merge_id=made.pk, actor=ACTOR),
                partial(confirm, shop.desk, digits),
                partial(
                    services.cancel_record,
                    record_id=stamped.record_id,
                    reason="误集",
                    actor=ACTOR,
                ),
            ]
            answers = race(shop.merchant.pk, runners[:: 1 if number % 2 else -1])
            assert outcomes(answers) == {"ok": 3}
            assert (balance_of(goes_on), balance_of(goes)) == (2, 0)
        assert shop.adds_up()

    def test_a_card_taken_meanwhile_is_the_survivors(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            kept, gone = make_customer(shop.merchant), make_customer(shop.merchant)
            answers = race(
                shop.merchant.pk,
                [
                    partial(merge, kept.pk, gone.pk),
                    partial(
                        services.open_card,
                        programme=shop.programme,
                        customer_id=gone.pk,
                        actor=ACTOR,
                    ),
                ],
            )
            assert outcomes(answers) == {"ok": 2}
            assert not Card.objects.filter(customer_id=gone.pk).exists()
            assert Card.objects.filter(customer_id=kept.pk, merged_into=None).count() == 1

    def test_an_identity_met_meanwhile_is_the_survivors(self, shop: Shop) -> None:
        for number in range(ROUNDS):
            kept = make_customer(shop.merchant)
            gone = make_link(shop.merchant, 1, unionid=f"u-{number}").customer
            met = partial(make_link, shop.merchant, 2, unionid=f"u-{number}")
            answers = race(shop.merchant.pk, [partial(merge, kept.pk, gone.pk), met])
            assert outcomes(answers) == {"ok": 2}
            owners = IdentityLink.objects.filter(unionid=f"u-{number}")
            assert set(owners.values_list("customer_id", flat=True)) == {kept.pk}


class TestErasing:
    def test_somebody_who_spends_their_code_waits_for_the_end(self, shop: Shop) -> None:
        """Each waited for what the other held: the code, the customer."""
        take_code(shop.card)
        code = OneTimeCode.objects.get()
        is_spent, is_held = threading.Event(), threading.Event()

        def spends() -> CustomerState:
            with transaction.atomic():
                OneTimeCode.objects.select_for_update().get(pk=code.pk)
                is_spent.set()
                assert is_held.wait(30)
                customers = Customer.objects.select_for_update()
                return CustomerState(customers.get(pk=shop.card.customer_id).state)

        def erases() -> None:
            assert is_spent.wait(30)
            with transaction.atomic():
                Customer.objects.select_for_update().get(pk=shop.card.customer_id)
                is_held.set()
                contacts.request_erasure(
                    customer_id=shop.card.customer_id,
                    typed=shop.card.customer.number,
                    at_once=True,
                    actor=ACTOR,
                )

        assert race(shop.merchant.pk, [spends, erases]) == [CustomerState.ERASED, None]


class TestBesideAMerge:
    def test_a_card_that_is_handed_over_is_waited_for(self, shop: Shop) -> None:
        """Locked together with its customer it was not found any more."""
        other = make_customer(shop.merchant)
        is_merged, may_commit = threading.Event(), threading.Event()

        def slow() -> None:
            with transaction.atomic():
                merge(other.pk, shop.card.customer_id)
                is_merged.set()
                assert may_commit.wait(30)

        def locked() -> int:
            assert is_merged.wait(30)
            threading.Timer(0.2, may_commit.set).start()
            with transaction.atomic():
                return rules.card_of(shop.card.pk, is_locked=True).card.customer_id

        answers = race(shop.merchant.pk, [slow, locked])

        assert answers == [None, other.pk]
