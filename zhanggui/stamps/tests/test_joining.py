"""Two customers become one: so do their cards of one programme, and come apart again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import services as contacts
from zhanggui.contacts.errors import MergeStuck
from zhanggui.contacts.models import Merge
from zhanggui.contacts.tests.factories import make_customer, make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import CardState, StampsGone
from zhanggui.stamps.models import (
    Adjustment,
    Card,
    CardEvent,
    Kind,
    Reward,
    RewardState,
    StampRecord,
    WhenFull,
)
from zhanggui.stamps.services import expiring
from zhanggui.stamps.services.programmes import RewardInput
from zhanggui.stamps.tests.factories import (
    FakeCoupons,
    Shop,
    cancel,
    confirm,
    make_card,
    make_programme,
    make_shop,
    preview,
    stamp,
    take_code,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
HALFWAY = [RewardInput(5, "小食一份", 1)]


@contextmanager
def two_cards(mine: int, theirs: int, **programme: Any) -> Iterator[tuple[Shop, Card, Card]]:
    """A shop, the survivor's card and the other one, with so many stamps on each."""
    shop = make_shop(**{"max_per_code": 5, "reward_template_id": 1} | programme)
    with shop.scope:
        other = make_card(shop.programme, "王晓明")
        fill(shop, shop.card, mine)
        fill(shop, other, theirs)
        yield shop, shop.card, other
        assert shop.adds_up()


def fill(shop: Shop, card: Card, stamps: int) -> None:
    while stamps > 0:
        amount = min(5, stamps)
        stamp(shop.desk, now(card), amount=amount, reason="多杯")
        stamps -= amount


def merge(survivor: Card, replaced: Card) -> Merge:
    return contacts.merge_customers(
        survivor_id=survivor.customer_id, replaced_id=replaced.customer_id, actor=ACTOR
    )


def undo(made: Merge) -> None:
    contacts.undo_merge(merge_id=made.pk, actor=ACTOR)


def now(card: Card) -> Card:
    return Card.objects.select_related("terms").get(pk=card.pk)


def facts(card: Card) -> tuple[str, int, int]:
    """State, balance, and what the ledger says of it."""
    found = now(card)
    amounts = Entry.objects.filter(account=found.account_id).values_list("amount", flat=True)
    return found.state, found.balance, sum(amounts)


pytestmark = pytest.mark.usefixtures("coupons")


@pytest.mark.spec("platform P13")
class TestJoining:
    @pytest.mark.edge("card OPEN>MERGED")
    def test_stamps_go_over_by_a_booking(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            made = merge(mine, theirs)
            assert facts(mine) == ("open", 7, 7)
            assert facts(theirs) == ("merged", 0, 0)
            booked = Transaction.objects.get(event="stamps.merged")
            assert booked.cause == f"merge:{made.pk}:{theirs.pk}"
            sides = Entry.objects.filter(transaction=booked).values_list("account_id", "amount")
            assert dict(sides) == {theirs.account_id: -4, mine.account_id: 4}

    def test_the_wallet_shows_one_card(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            merge(mine, theirs)
            assert [card.pk for card in selectors.cards_of(mine.customer_id)] == [mine.pk]
            found = selectors.card_by_token(theirs.token, mine.customer_id)
            assert found is not None
            assert found.pk == mine.pk

    def test_its_history_has_the_stamps_of_both(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            merge(mine, theirs)
            page = selectors.records_of_card(mine.pk, size=10)
            assert [row.record.amount for row in page.rows] == [4, 3]

    def test_cards_of_two_programmes_both_stay(self, shop: Shop) -> None:
        other = make_card(make_programme(), "王晓明")
        made = merge(shop.card, other)
        assert len(selectors.cards_of(shop.card.customer_id)) == 2
        assert not Transaction.objects.filter(event="stamps.merged").exists()
        undo(made)
        assert now(other).customer_id == other.customer_id

    def test_together_they_win(self, db: None, coupons: FakeCoupons) -> None:
        with two_cards(7, 6, when_full=WhenFull.RENEW) as (_shop, mine, theirs):
            merge(mine, theirs)
            assert facts(mine) == ("open", 3, 3)
            assert now(mine).cycle == 1
            reward = Reward.objects.get()
            assert (reward.card_id, reward.position, reward.cycle) == (mine.pk, 10, 0)
            assert coupons.given == {1: "usable"}

    def test_what_was_won_on_the_way_is_not_won_twice(self, db: None, coupons: FakeCoupons) -> None:
        with two_cards(2, 6, on_the_way=HALFWAY) as (shop, mine, theirs):
            merge(mine, theirs)
            assert coupons.given == {1: "usable"}
            assert Reward.objects.get().card_id == mine.pk
            stamp(shop.desk, now(mine))
            assert Reward.objects.count() == 1
            # three taken off: below five, and the reward goes with them
            for record in StampRecord.objects.filter(amount=5):
                services.cancel_record(record_id=record.pk, reason="误集", actor=ACTOR)
            assert facts(mine) == ("open", 4, 4)
            assert Reward.objects.get().state == RewardState.VOIDED

    def test_what_finds_no_room_stays_behind(self, db: None) -> None:
        with two_cards(7, 6) as (_shop, mine, theirs):
            made = merge(mine, theirs)
            assert facts(mine) == ("rewarded", 0, 0)
            assert facts(theirs) == ("merged", 3, 3)
            undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 7, 7), ("open", 6, 6))

    @pytest.mark.parametrize("ends", ["expired", "full"])
    def test_the_card_that_has_not_ended_goes_on(self, db: None, ends: str) -> None:
        start = clock.now()
        with two_cards(0, 0, slots=5, valid_days=10) as (shop, mine, theirs):
            fill(shop, mine, 5 if ends == "full" else 2)
            late = start + timedelta(days=0 if ends == "full" else 12)
            with clock.at(late + timedelta(minutes=1)):
                fill(shop, theirs, 3)
                made = merge(mine, theirs)
                (kept,) = selectors.cards_of(mine.customer_id)
                assert (kept.pk, kept.balance) == (theirs.pk, 3)
                undo(made)
            state = "rewarded" if ends == "full" else "expired"
            assert (facts(mine), facts(theirs)) == ((state, 0, 0), ("open", 3, 3))
            assert now(mine).customer_id != now(theirs).customer_id

    def test_the_later_end_holds(self, db: None) -> None:
        with clock.at(T0), two_cards(1, 0, valid_days=10) as (shop, mine, theirs):
            first = now(mine).expires_at
            with clock.at(T0 + timedelta(days=4)):
                fill(shop, theirs, 1)
                later = now(theirs).expires_at
                made = merge(mine, theirs)
                assert now(mine).expires_at == later
                undo(made)
                assert (now(mine).expires_at, now(theirs).expires_at) == (first, later)

    def test_stamps_whose_time_was_up_do_not_come_along(self, db: None) -> None:
        with clock.at(T0), two_cards(0, 4, valid_days=10) as (shop, mine, theirs):
            late = T0 + timedelta(days=12)
            with clock.at(late):
                fill(shop, mine, 2)
                merge(mine, theirs)  # the nightly job has not seen it yet
            assert (facts(mine), facts(theirs)) == (("open", 2, 2), ("merged", 0, 0))
            with clock.at(late):
                assert expiring.expire_due(system_actor("test")) == 0

    @pytest.mark.parametrize("blocked", ["mine", "theirs"])
    def test_a_blocked_card_blocks(self, db: None, blocked: str) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            which = mine if blocked == "mine" else theirs
            services.block_card(card_id=which.pk, reason="可疑", actor=ACTOR)
            made = merge(mine, theirs)
            assert facts(mine) == ("blocked", 7, 7)
            with pytest.raises(CardState):
                take_code(now(mine))
            undo(made)
            states = {"mine": now(mine).state, "theirs": now(theirs).state}
            assert states == {"mine": "open", "theirs": "open"} | {blocked: "blocked"}

    def test_what_is_owed_comes_along(self, db: None, coupons: FakeCoupons) -> None:
        with two_cards(3, 4, slots=4, when_full=WhenFull.RENEW) as (_shop, mine, theirs):
            coupons.given[1] = "used"
            newest = StampRecord.objects.filter(card=theirs).latest("pk")
            services.cancel_record(record_id=newest.pk, reason="误集", actor=ACTOR, is_forced=True)
            assert facts(theirs) == ("open", -4, -4)
            made = merge(mine, theirs)
            assert facts(mine) == ("open", -1, -1)
            undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 3, 3), ("open", -4, -4))

    def test_an_adjustment_that_waits_is_for_the_card_that_goes_on(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            row = services.adjust(card_id=theirs.pk, amount=-4, reason="误集", actor=ACTOR)
            asked = Adjustment.objects.filter(pk=row.pk)
            asked.update(state="waiting")
            made = merge(mine, theirs)
            assert asked.get().card_id == mine.pk
            undo(made)
            assert asked.get().card_id == theirs.pk


class TestCodes:
    @pytest.mark.edge("card OPEN>MERGED", "card MERGED takes none")
    def test_an_open_code_of_the_other_card_stamps_the_one_that_goes_on(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            code = take_code(theirs)
            merge(mine, theirs)
            assert confirm(shop.desk, code.digits).after == 8
            assert facts(mine) == ("open", 8, 8)

    def test_of_two_open_codes_the_one_of_the_card_that_goes_on_stays(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            ours, other = take_code(mine), take_code(theirs)
            merge(mine, theirs)
            states = dict(OneTimeCode.objects.values_list("pk", "state"))
            assert (states[ours.code_id], states[other.code_id]) == ("active", "revoked")
            assert confirm(shop.desk, ours.digits).after == 8

    @pytest.mark.edge("code ACTIVE>REVOKED by its card", "code REVOKED stays")
    @pytest.mark.parametrize("blocked", ["mine", "theirs"])
    def test_where_one_card_is_blocked_the_code_of_the_other_ends(
        self, db: None, blocked: str
    ) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            which, other = (mine, theirs) if blocked == "mine" else (theirs, mine)
            services.block_card(card_id=which.pk, reason="可疑", actor=ACTOR)
            code = take_code(other)
            merge(mine, theirs)
            with pytest.raises(CardState):
                confirm(shop.desk, code.digits)
            assert OneTimeCode.objects.get(pk=code.code_id).state == "revoked"
            assert facts(mine) == ("blocked", 7, 7)


class TestCancelling:
    def test_a_stamp_from_before_is_made_good(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            record = StampRecord.objects.filter(card=theirs).latest("pk")
            merge(mine, theirs)
            done = cancel(shop.desk, now(mine), record_id=record.pk)
            assert (done.before, done.after) == (7, 3)
            assert (facts(mine), facts(theirs)) == (("open", 3, 3), ("merged", 0, 0))
            assert StampRecord.objects.get(pk=done.record_id).reverses_id == record.pk

    def test_the_choice_at_the_counter_has_both_cards_stamps(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            merge(mine, theirs)
            code = take_code(now(mine), Kind.CANCEL)
            seen = preview(shop.desk, code.digits)
            assert [choice.amount for choice in seen.choices] == [4, 3]

    @pytest.mark.parametrize("theirs_is_newer", [True, False])
    @pytest.mark.parametrize("depth", [1, 2])
    def test_without_a_choice_the_newest_of_both_goes(
        self, db: None, depth: int, *, theirs_is_newer: bool
    ) -> None:
        with two_cards(0, 0) as (shop, mine, theirs):
            order = [(mine, 2), (theirs, 4)] if theirs_is_newer else [(theirs, 4), (mine, 2)]
            for minutes, (card, stamps) in zip((9, 6), order, strict=True):
                with clock.at(clock.now() - timedelta(minutes=minutes)):
                    fill(shop, card, stamps)
            if depth > 1:  # it went into a third one first
                third = make_card(shop.programme, "王小")
                merge(third, theirs)
                merge(mine, now(third))
            else:
                merge(mine, theirs)
            done = cancel(shop.desk, now(mine))
            assert done.amount == (-4 if theirs_is_newer else -2)
            again = cancel(shop.desk, now(mine))
            assert again.amount == (-2 if theirs_is_newer else -4)
            assert facts(mine) == ("open", 0, 0)

    def test_then_taken_apart(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            record = StampRecord.objects.filter(card=theirs).latest("pk")
            made = merge(mine, theirs)
            fill(shop, mine, 1)
            cancel(shop.desk, now(mine), record_id=record.pk)
            undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 4, 4), ("open", 0, 0))

    def test_through_two_merges_and_back(self, db: None) -> None:
        with two_cards(1, 2) as (shop, mine, theirs):
            third = make_card(shop.programme, "王小")
            fill(shop, third, 3)
            first = merge(mine, theirs)
            second = merge(third, mine)
            assert facts(third) == ("open", 6, 6)
            record = StampRecord.objects.get(card=theirs)
            services.cancel_record(record_id=record.pk, reason="误集", actor=ACTOR)
            assert facts(third) == ("open", 4, 4)
            undo(second)
            assert (facts(third), facts(mine)) == (("open", 3, 3), ("open", 1, 1))
            undo(first)
            assert (facts(mine), facts(theirs)) == (("open", 1, 1), ("open", 0, 0))


class TestApart:
    @pytest.mark.edge("card MERGED>OPEN")
    @pytest.mark.spec("platform P13")
    def test_exactly_as_before(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            before = now(theirs)
            undo(merge(mine, theirs))
            after = now(theirs)
            assert (facts(mine), facts(theirs)) == (("open", 3, 3), ("open", 4, 4))
            assert after.customer_id == before.customer_id
            assert (after.due_at, after.floor, after.expires_at) == (
                before.due_at,
                before.floor,
                before.expires_at,
            )
            assert after.merged_into_id is None

    def test_later_stamps_stay_on_the_card_that_went_on(self, db: None) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            made = merge(mine, theirs)
            fill(shop, mine, 2)
            undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 5, 5), ("open", 4, 4))

    def test_a_reward_they_won_together_becomes_void(self, db: None, coupons: FakeCoupons) -> None:
        with two_cards(7, 6, when_full=WhenFull.RENEW) as (_shop, mine, theirs):
            undo(merge(mine, theirs))
            assert coupons.given == {1: "voided"}
            assert (facts(mine), facts(theirs)) == (("open", 7, 7), ("open", 6, 6))
            assert now(mine).cycle == 0

    def test_not_once_that_reward_was_used(self, db: None, coupons: FakeCoupons) -> None:
        with two_cards(7, 6, when_full=WhenFull.RENEW) as (_shop, mine, theirs):
            made = merge(mine, theirs)
            coupons.given[1] = "used"
            with pytest.raises(MergeStuck):
                undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 3, 3), ("merged", 0, 0))

    def test_not_once_the_stamps_were_taken_off(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            made = merge(mine, theirs)
            services.adjust(card_id=mine.pk, amount=-5, reason="误集", actor=ACTOR)
            with pytest.raises(MergeStuck):
                undo(made)
            assert facts(mine) == ("open", 2, 2)

    def test_what_the_other_reached_by_itself_since_is_given(
        self, db: None, coupons: FakeCoupons
    ) -> None:
        with two_cards(2, 5, on_the_way=HALFWAY) as (shop, mine, theirs):
            made = merge(mine, theirs)
            fill(shop, mine, 2)
            undo(made)
            assert facts(mine) == ("open", 4, 4)
            fill(shop, mine, 1)
            given = Reward.objects.filter(state=RewardState.ISSUED).values_list("card_id", "name")
            assert sorted(given) == [(mine.pk, "小食一份"), (theirs.pk, "小食一份")]

    def test_merged_again(self, db: None) -> None:
        with two_cards(3, 4) as (_shop, mine, theirs):
            undo(merge(mine, theirs))
            undo(merge(theirs, mine))
            made = merge(mine, theirs)
            assert facts(mine) == ("open", 7, 7)
            undo(made)
            assert (facts(mine), facts(theirs)) == (("open", 3, 3), ("open", 4, 4))


class TestPages:
    def test_the_preview_says_what_becomes_of_the_card(self, db: None, client: Client) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            client.force_login(make_staff(shop.merchant, role=Role.OWNER))
            address = reverse(
                "contacts:merge",
                args=[shop.merchant.slug, mine.customer_id, theirs.customer_id],
            )
            assert "合并后共 7 个章" in client.get(address).content.decode()

    def test_the_preview_says_that_there_is_no_card(self, db: None, client: Client) -> None:
        with two_cards(3, 4) as (shop, mine, _theirs):
            client.force_login(make_staff(shop.merchant, role=Role.OWNER))
            cardless = make_customer(shop.merchant, "没卡的人")
            address = reverse(
                "contacts:merge", args=[shop.merchant.slug, mine.customer_id, cardless.pk]
            )
            page = client.get(address).content.decode()
            assert "0 张卡" in page
            assert "保留的顾客原有 1 张卡" in page

    def test_the_office_finds_the_way_from_the_joined_card(self, db: None, client: Client) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            merge(mine, theirs)
            client.force_login(make_staff(shop.merchant, role=Role.OWNER))
            pages = [
                client.get(
                    reverse("stamps:office_card", args=[shop.merchant.slug, card.pk])
                ).content.decode()
                for card in (theirs, mine)
            ]
            to_mine = reverse("stamps:office_card", args=[shop.merchant.slug, mine.pk])
            assert to_mine in pages[0]
            assert "从另一张卡转来" in pages[1]
            assert "已并入另一张卡" in pages[0]

    @pytest.mark.edge("card MERGED takes none")
    def test_an_old_address_leads_to_the_card(self, db: None, client: Client) -> None:
        with two_cards(3, 4) as (shop, mine, theirs):
            account = make_account(merchant=shop.merchant)
            link = make_link(shop.merchant, account.pk)
            merge(mine, theirs)
            type(link).objects.filter(pk=link.pk).update(customer_id=mine.customer_id)
            link.refresh_from_db()
            sign_in_customer(client, link)
            response = client.get(
                reverse("stamps:card", args=[shop.merchant.slug, theirs.token]),
                headers={"User-Agent": PHONE_AGENT},
            )
            assert response["Location"] == reverse(
                "stamps:card", args=[shop.merchant.slug, mine.token]
            )


@pytest.mark.edge("card MERGED takes none")
def test_no_stamp_reaches_a_card_that_went(db: None) -> None:
    with two_cards(3, 4) as (_shop, mine, theirs):
        merge(mine, theirs)
        row = services.adjust(card_id=theirs.pk, amount=1, reason="补", actor=ACTOR)
        assert row.state == "done"
        assert facts(theirs) == ("merged", 0, 0)
        assert facts(mine) == ("open", 8, 8)
        assert CardEvent.objects.filter(card=theirs, kind="adjust").count() == 0


def test_a_cancel_that_finds_too_few_stamps_is_refused(db: None) -> None:
    with two_cards(0, 4) as (shop, mine, theirs):
        record = StampRecord.objects.get(card=theirs)
        merge(mine, theirs)
        services.adjust(card_id=mine.pk, amount=-3, reason="误集", actor=ACTOR)
        with pytest.raises(StampsGone):
            cancel(shop.desk, now(mine), record_id=record.pk)
        assert (facts(mine), facts(theirs)) == (("open", 1, 1), ("merged", 0, 0))
