"""Two customers become one and two again; identities go out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_store
from zhanggui.contacts import services
from zhanggui.contacts.errors import (
    MergeErasing,
    MergeReplaced,
    MergeSame,
    MergeStuck,
    MergeUndone,
    NothingToSplit,
    PhoneTaken,
)
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    Erasure,
    IdentityLink,
    LinkMove,
    Merge,
)
from zhanggui.contacts.tests.factories import make_customer, make_link, sign_in_customer
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Iterator[Merchant]:
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def again(customer: Customer) -> Customer:
    """The row as it stands now."""
    return Customer.objects.get(pk=customer.pk)


def merge(survivor: Customer, replaced: Customer, **values: Any) -> Merge:
    return services.merge_customers(
        survivor_id=survivor.pk, replaced_id=replaced.pk, actor=ACTOR, **values
    )


def rows() -> list[dict[str, Any]]:
    """All customers and identities, to be compared before and after."""
    customers: list[dict[str, Any]] = [{**row} for row in Customer.objects.order_by("pk").values()]
    for row in customers:
        for column in ("phone_sealed", "phone_hash", "phone_tail_hash"):
            row[column] = row[column] and bytes(row[column])
    return [*customers, *({**row} for row in IdentityLink.objects.order_by("pk").values())]


class TestMerge:
    @pytest.mark.spec("platform P13")
    def test_moves_identities_with_their_history(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea, "王小明"), make_link(tea, 1, nickname="小明")

        made = merge(kept, gone.customer)

        link = IdentityLink.objects.get()
        assert link.customer_id == kept.pk
        assert again(gone.customer).state == CustomerState.REPLACED
        move = LinkMove.objects.get()
        assert (move.link_id, move.from_customer_id, move.to_customer_id) == (
            link.pk,
            gone.customer_id,
            kept.pk,
        )
        entry = AuditEntry.objects.get(action="contacts.customer.merged")
        assert entry.target == f"customer:{kept.pk}"
        assert entry.details["replaced"] == gone.customer_id
        assert entry.details["merge"] == made.pk
        assert entry.details["fields"] == []

    def test_leads_the_next_visit_to_the_survivor(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea), make_link(tea, 1, openid="o-1")
        merge(kept, gone.customer)
        assert make_link(tea, 1, openid="o-1").customer_id == kept.pk

    def test_ends_the_sessions_of_moved_identities(self, tea: Merchant, client: Client) -> None:
        kept, gone = make_link(tea, 1), make_link(tea, 1)
        sign_in_customer(client, kept)
        sign_in_customer(client, gone)
        merge(kept.customer, gone.customer)
        assert CustomerSession.objects.get().link_id == kept.pk

    def test_fills_empty_fields_and_joins_tags_stores_and_notes(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea, "王小明"), make_customer(tea, "小明", phone="13800138000")
        Customer.objects.filter(pk=kept.pk).update(note="常客", tag_ids=[1, 2], store_ids=[7])
        Customer.objects.filter(pk=gone.pk).update(
            note="对花生过敏",
            tag_ids=[2, 3],
            store_ids=[8],
            birthday=517,
            birth_year=1990,
            gender="m",
        )

        merge(kept, gone)

        now = again(kept)
        assert now.name == "王小明"
        assert now.phone == "+8613800138000"
        assert (now.birthday, now.birth_year, now.gender) == (517, 1990, "m")
        assert now.note == "常客\n对花生过敏"
        assert now.tag_ids == [1, 2, 3]
        assert now.store_ids == [7, 8]
        assert again(gone).phone == ""

    def test_takes_over_what_was_chosen(self, tea: Merchant) -> None:
        kept = make_customer(tea, "王小明", phone="13800138000")
        gone = make_customer(tea, "王晓明", phone="13900139000")
        merge(kept, gone, taken=["name", "phone"])
        assert again(kept).name == "王晓明"
        assert again(kept).name_key == "王晓明|wangxiaoming|wxm"
        assert again(kept).phone == "+8613900139000"
        assert again(gone).phone == "+8613800138000"

    def test_tells_numbers_apart_whose_masks_are_alike(self, tea: Merchant) -> None:
        kept = make_customer(tea, "王小明", phone="+8613812349611")
        gone = make_customer(tea, "王小明", phone="+8613812759611")
        choices = services.preview_merge(survivor=kept, replaced=gone).choices
        phone = next(choice for choice in choices if choice.name == "phone")
        assert (phone.of_survivor, phone.of_replaced) == ("138**3*9611", "138**7*9611")
        assert phone.is_choice

    def test_keeps_the_other_number_taken(self, tea: Merchant) -> None:
        kept = make_customer(tea, phone="13800138000")
        gone = make_customer(tea, phone="13900139000")
        merge(kept, gone)
        with pytest.raises(PhoneTaken):
            services.create_customer(name="x", phone="13900139000", actor=ACTOR)

    def test_a_block_holds(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea), make_customer(tea)
        Customer.objects.filter(pk=gone.pk).update(state=CustomerState.BLOCKED)
        made = merge(kept, gone)
        assert again(kept).state == CustomerState.BLOCKED
        services.undo_merge(merge_id=made.pk, actor=ACTOR)
        assert again(kept).state == CustomerState.ACTIVE
        assert again(gone).state == CustomerState.BLOCKED

    def test_the_survivor_is_customer_since_the_first_day(self, tea: Merchant) -> None:
        old, new = make_customer(tea), make_customer(tea)
        merge(new, old)
        assert again(new).created_at == old.created_at


class TestRefusals:
    def test_the_same_customer_twice(self, tea: Merchant) -> None:
        customer = make_customer(tea)
        with pytest.raises(MergeSame):
            merge(customer, customer)

    def test_somebody_who_was_merged_in_either_place(self, tea: Merchant) -> None:
        one, two, three = (make_customer(tea) for _ in range(3))
        merge(one, two)
        for pair in ((three, two), (two, three), (two, one)):
            with pytest.raises(MergeReplaced):
                merge(*pair)
        assert Merge.objects.count() == 1

    def test_a_customer_of_another_merchant(self, tea: Merchant) -> None:
        foreign = make_customer(make_merchant("coffee"))
        with pytest.raises(NotFound):
            merge(make_customer(tea), foreign)
        assert not Merge.objects.exists()

    def test_somebody_who_waits_to_be_erased(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea), make_customer(tea)
        Erasure(customer=gone, due_at=clock.now()).save()
        with pytest.raises(MergeErasing):
            merge(kept, gone)


class TestChain:
    def test_leads_to_the_end(self, tea: Merchant) -> None:
        people = [make_customer(tea) for _ in range(4)]
        for gone, kept in pairwise(people):
            merge(kept, gone)
        assert {services.survivor_of(one.pk) for one in people[:3]} == {people[3].pk}
        assert services.survivor_of(people[3].pk) is None
        assert services.hold(people[0].pk) == people[3].pk

    def test_is_taken_back_from_its_end(self, tea: Merchant) -> None:
        one, two, three = (make_customer(tea) for _ in range(3))
        before = rows()
        first, second = merge(two, one), merge(three, two)
        with pytest.raises(MergeStuck):
            services.undo_merge(merge_id=first.pk, actor=ACTOR)
        services.undo_merge(merge_id=second.pk, actor=ACTOR)
        services.undo_merge(merge_id=first.pk, actor=ACTOR)
        assert rows() == before


class TestUndo:
    @pytest.mark.spec("platform P13")
    @pytest.mark.parametrize("taken", [(), ("name", "phone", "birthday", "gender")])
    def test_restores_both_exactly(self, tea: Merchant, taken: tuple[str, ...]) -> None:
        store = make_store(tea)
        kept = make_link(tea, 1).customer
        gone = make_link(tea, 1).customer
        for customer, phone, day in ((kept, "13800138000", 101), (gone, "13900139000", 202)):
            services.edit_customer(
                customer=customer,
                values=services.CustomerInput(name=f"名{day}", phone=f"+86{phone}", note=str(day)),
                actor=ACTOR,
            )
            Customer.objects.filter(pk=customer.pk).update(
                birthday=day, store_ids=[store.pk], gender="f" if day == 101 else "m"
            )
        before = rows()

        made = merge(kept, gone, taken=taken)
        assert rows() != before
        services.undo_merge(merge_id=made.pk, actor=ACTOR)

        assert rows() == before
        assert [move.cause for move in LinkMove.objects.order_by("pk")] == ["merge", "undo"]

    def test_happens_once(self, tea: Merchant) -> None:
        made = merge(make_customer(tea), make_customer(tea))
        services.undo_merge(merge_id=made.pk, actor=ACTOR)
        with pytest.raises(MergeUndone):
            services.undo_merge(merge_id=made.pk, actor=ACTOR)

    def test_keeps_what_was_edited_since(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea, "微信用户"), make_customer(tea, "小明")
        made = merge(kept, gone)
        Customer.objects.filter(pk=kept.pk).update(name="王小明")
        services.undo_merge(merge_id=made.pk, actor=ACTOR)
        assert again(kept).name == "王小明"
        assert again(gone).name == "小明"

    def test_says_that_the_phone_was_changed_since(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea), make_customer(tea, phone="13800138000")
        made = merge(kept, gone)
        services.edit_customer(
            customer=again(kept),
            values=services.CustomerInput(name="王小明", phone="+8613900139000"),
            actor=ACTOR,
        )
        with pytest.raises(MergeStuck) as refusal:
            services.undo_merge(merge_id=made.pk, actor=ACTOR)
        assert "手机号" in refusal.value.message
        assert again(gone).state == CustomerState.REPLACED

    def test_says_that_an_identity_was_split_off_since(self, tea: Merchant) -> None:
        kept, gone = make_link(tea, 1), make_link(tea, 1)
        made = merge(kept.customer, gone.customer)
        services.split_link(link_id=gone.pk, actor=ACTOR)
        with pytest.raises(MergeStuck):
            services.undo_merge(merge_id=made.pk, actor=ACTOR)

    def test_merging_again_afterwards_works(self, tea: Merchant) -> None:
        kept, gone = make_customer(tea), make_customer(tea)
        services.undo_merge(merge_id=merge(kept, gone).pk, actor=ACTOR)
        merge(gone, kept)
        assert services.survivor_of(kept.pk) == gone.pk


class TestSplit:
    @pytest.mark.spec("platform P13")
    def test_makes_a_customer_of_the_identity(self, tea: Merchant, client: Client) -> None:
        customer = make_link(tea, 1, unionid="u-1").customer
        second = make_link(tea, 2, unionid="u-1", nickname="妈妈")
        assert second.customer_id == customer.pk
        sign_in_customer(client, second)

        new = services.split_link(link_id=second.pk, actor=ACTOR)

        assert new.name == "妈妈"
        assert IdentityLink.objects.get(pk=second.pk).customer_id == new.pk
        assert not CustomerSession.objects.exists()
        assert LinkMove.objects.get().cause == "split"
        assert services.find_duplicates(actor=ACTOR) == 0, "told apart"

    def test_of_the_only_way_is_refused(self, tea: Merchant) -> None:
        link = make_link(tea, 1)
        with pytest.raises(NothingToSplit):
            services.split_link(link_id=link.pk, actor=ACTOR)
        assert Customer.objects.count() == 1

    def test_of_a_foreign_identity_is_not_found(self, tea: Merchant) -> None:
        link = make_link(make_merchant("coffee"), 1)
        with pytest.raises(NotFound):
            services.split_link(link_id=link.pk, actor=ACTOR)
