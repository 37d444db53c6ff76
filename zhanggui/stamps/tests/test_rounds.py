"""Full cards, rewards, new rounds, cancels across them, expiry: every edge of 5.3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock
from zhanggui.ledger.models import Account, Entry, Transaction
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    CardFull,
    CardNotOver,
    CardState,
    RewardUsed,
    RewardUsedOffice,
)
from zhanggui.stamps.models import Card, CardEvent, Kind, Reward
from zhanggui.stamps.services import expiring
from zhanggui.stamps.services.programmes import RewardInput
from zhanggui.stamps.tests.factories import (
    FakeCoupons,
    Shop,
    balance_of,
    cancel,
    confirm,
    customer_of,
    make_manager,
    make_shop,
    preview,
    stamp,
    take_code,
)

pytestmark = pytest.mark.usefixtures("coupons")
T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


@contextmanager
def opened(**programme: Any) -> Iterator[Shop]:
    """A shop with such a programme."""
    shop = make_shop(**{"reward_template_id": 1, "max_per_code": 3} | programme)
    with shop.scope:
        yield shop


def fill(shop: Shop, stamps: int) -> None:
    """Put so many stamps on the card, three at a time."""
    while stamps:
        amount = min(3, stamps)
        stamp(shop.desk, shop.card, amount=amount, reason="多杯")
        stamps -= amount


def now(shop: Shop) -> Card:
    """The card as it is."""
    return Card.objects.select_related("terms").get(pk=shop.card.pk)


def total(code: str) -> int:
    """What lies in an account of the ledger."""
    account = Account.objects.get(code=code)
    return sum(Entry.objects.filter(account=account).values_list("amount", flat=True))


def admin_cancels(shop: Shop, **values: Any) -> None:
    """The office takes the newest stamp back."""
    newest = max(record.pk for record in shop.records() if record.amount > 0)
    services.cancel_record(record_id=newest, reason="误集", actor=ACTOR, **values)


class TestStop:
    @pytest.mark.spec("stamps D27")
    def test_the_last_stamp_wins_and_no_other_comes(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4) as shop:
            fill(shop, 3)
            last = take_code(shop.card)
            assert preview(shop.desk, last.digits).wins == ((1, "招牌奶茶一杯"),)
            done = confirm(shop.desk, last.digits)

            assert (done.before, done.after, done.won) == (3, 4, ["招牌奶茶一杯"])
            card = now(shop)
            assert (card.state, card.balance, card.shown) == ("rewarded", 0, 4)
            assert coupons.given == {1: "usable"}
            assert total(f"redeem:{shop.programme.pk}") == 4
            with pytest.raises(CardFull) as refusal:
                take_code(shop.card)
            assert refusal.value.details == {"balance": 4, "slots": 4}
            assert shop.adds_up()

    @pytest.mark.edge("card REWARDED takes none")
    @pytest.mark.spec("stamps D27")
    def test_more_than_fit_are_refused(self, db: None) -> None:
        with opened(slots=4) as shop:
            fill(shop, 2)
            code = take_code(shop.card)
            assert preview(shop.desk, code.digits).most == 2
            with pytest.raises(CardFull):
                confirm(shop.desk, code.digits, amount=3, reason="三杯")
            assert confirm(shop.desk, code.digits, amount=2, reason="两杯").after == 4

    @pytest.mark.edge("card REWARDED takes none", "code whose card refuses")
    def test_a_code_taken_before_is_refused_at_the_desk(self, db: None) -> None:
        with opened(slots=4) as shop:
            fill(shop, 3)
            Card.objects.filter(pk=shop.card.pk).update(state="open")
            code = take_code(shop.card)
            services.adjust(card_id=shop.card.pk, amount=1, reason="补章", actor=ACTOR)
            with pytest.raises(CardFull):
                preview(shop.desk, code.digits)
            with pytest.raises(CardFull):
                confirm(shop.desk, code.digits)


class TestRenew:
    @pytest.mark.spec("stamps D27")
    def test_nine_and_three_win_and_leave_two(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=10, when_full="renew") as shop:
            fill(shop, 9)
            done = stamp(shop.desk, shop.card, amount=3, reason="三杯")

            assert (done.before, done.after, done.won) == (9, 2, ["招牌奶茶一杯"])
            card = now(shop)
            assert (card.state, card.balance, card.cycle) == ("open", 2, 1)
            assert list(coupons.given.values()) == ["usable"]
            assert shop.records()[-1].balance_after == 2
            assert shop.adds_up()

    @pytest.mark.spec("stamps D27")
    def test_round_follows_round(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4, when_full="renew") as shop:
            fill(shop, 13)

            card = now(shop)
            assert (card.balance, card.cycle) == (1, 3)
            assert len(coupons.given) == 3
            assert total(f"redeem:{shop.programme.pk}") == 12
            assert shop.adds_up()

    def test_rewards_on_the_way_are_given_once_a_round(
        self, db: None, coupons: FakeCoupons
    ) -> None:
        way = [RewardInput(2, "小食一份", 1)]
        with opened(slots=4, when_full="renew", on_the_way=way) as shop:
            first = stamp(shop.desk, shop.card)
            second = stamp(shop.desk, shop.card)
            assert (first.won, second.won) == ([], ["小食一份"])
            assert now(shop).balance == 2
            done = stamp(shop.desk, shop.card, amount=3, reason="三杯")
            assert done.won == ["招牌奶茶一杯"]
            assert stamp(shop.desk, shop.card).won == ["小食一份"]
            assert len(coupons.given) == 3
            assert shop.adds_up()


class TestCancelTakesTheReward:
    @pytest.mark.spec("stamps D31")
    def test_an_unused_reward_becomes_void_and_the_card_opens(
        self, db: None, coupons: FakeCoupons
    ) -> None:
        with opened(slots=4) as shop:
            fill(shop, 3)
            stamp(shop.desk, shop.card)
            code = take_code(shop.card, Kind.CANCEL)
            choice = preview(shop.desk, code.digits).choices[0]
            assert choice.lost == ("招牌奶茶一杯",)
            done = confirm(shop.desk, code.digits)

            assert (done.before, done.after, done.lost) == (4, 3, ["招牌奶茶一杯"])
            assert coupons.given == {1: "voided"}
            card = now(shop)
            assert (card.state, card.balance) == ("open", 3)
            assert Reward.objects.get().state == "voided"
            assert total(f"redeem:{shop.programme.pk}") == 0
            for one in Transaction.objects.all():
                assert sum(entry.amount for entry in one.entries.all()) == 0
            assert shop.adds_up()

    @pytest.mark.spec("stamps D31")
    def test_the_stamp_given_again_wins_again(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4) as shop:
            fill(shop, 4)
            cancel(shop.desk, shop.card)
            stamp(shop.desk, shop.card)

            assert coupons.given == {1: "voided", 2: "usable"}
            assert now(shop).state == "rewarded"
            assert shop.adds_up()

    @pytest.mark.spec("stamps D31")
    def test_overflow_goes_back_into_the_round_before(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=10, when_full="renew") as shop:
            fill(shop, 9)
            stamp(shop.desk, shop.card, amount=3, reason="三杯")
            done = cancel(shop.desk, shop.card)

            assert (done.before, done.after) == (2, 9)
            card = now(shop)
            assert (card.balance, card.cycle, card.state) == (9, 0, "open")
            assert coupons.given == {1: "voided"}
            assert shop.adds_up()

    def test_an_older_stamp_leaves_what_is_still_reached(
        self, db: None, coupons: FakeCoupons
    ) -> None:
        with opened(slots=4, when_full="renew") as shop:
            fill(shop, 4)
            first = shop.records()[0]
            fill(shop, 3)
            done = cancel(shop.desk, shop.card, record_id=first.pk)

            assert (done.after, done.lost) == (0, [])
            assert coupons.given == {1: "usable"}
            assert shop.adds_up()

    def test_a_reward_on_the_way_goes_too(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4, on_the_way=[RewardInput(2, "小食一份", 1)]) as shop:
            fill(shop, 1)
            fill(shop, 1)
            assert cancel(shop.desk, shop.card).lost == ["小食一份"]
            assert coupons.given == {1: "voided"}
            assert balance_of(shop.card) == 1

    @pytest.mark.spec("stamps D31")
    def test_the_office_does_it_too(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4) as shop:
            fill(shop, 3)
            stamp(shop.desk, shop.card)
            admin_cancels(shop)

            assert (now(shop).state, balance_of(shop.card)) == ("open", 3)
            assert coupons.given == {1: "voided"}
            assert shop.adds_up()


class TestUsedReward:
    @pytest.mark.spec("stamps D32")
    def test_a_manager_is_refused(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4) as shop:
            fill(shop, 4)
            coupons.given[1] = "used"
            code = take_code(shop.card, Kind.CANCEL)
            with pytest.raises(RewardUsed):
                preview(shop.desk, code.digits)
            with pytest.raises(RewardUsed) as refusal:
                confirm(shop.desk, code.digits)

            assert refusal.value.code == "E_REWARD_USED"
            assert now(shop).state == "rewarded"
            assert shop.adds_up()

    @pytest.mark.spec("stamps D32")
    @pytest.mark.parametrize("when_full", ["stop", "renew"])
    def test_the_office_may_force_it_and_the_next_stamp_pays(
        self, db: None, coupons: FakeCoupons, when_full: str
    ) -> None:
        with opened(slots=4, when_full=when_full) as shop:
            fill(shop, 3)
            stamp(shop.desk, shop.card)
            coupons.given[1] = "used"
            with pytest.raises(RewardUsedOffice):
                admin_cancels(shop)
            admin_cancels(shop, is_forced=True)

            assert balance_of(shop.card) == -1
            assert coupons.given == {1: "used"}
            assert now(shop).state == "open"
            done = stamp(shop.desk, shop.card)
            assert (balance_of(shop.card), done.won) == (0, [])
            assert now(shop).state == ("rewarded" if when_full == "stop" else "open")
            assert shop.adds_up()

    @pytest.mark.spec("stamps D32")
    def test_used_between_preview_and_confirm(self, db: None, coupons: FakeCoupons) -> None:
        with opened(slots=4) as shop:
            fill(shop, 4)
            code = take_code(shop.card, Kind.CANCEL)
            preview(shop.desk, code.digits)
            coupons.given[1] = "used"
            with pytest.raises(RewardUsed):
                confirm(shop.desk, code.digits)
            assert shop.adds_up()


class TestExpiry:
    def test_a_round_ends_so_many_days_after_its_first_stamp(self, db: None) -> None:
        with clock.at(T0), opened(slots=4, valid_days=30) as shop:
            assert now(shop).expires_at is None
            fill(shop, 1)
            assert now(shop).expires_at == datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
            with clock.at(T0 + timedelta(days=3)):
                fill(shop, 1)
                assert now(shop).expires_at == datetime(2026, 5, 31, 16, 0, tzinfo=UTC)

    @pytest.mark.spec("stamps D28")
    def test_it_is_refused_from_that_moment_and_its_stamps_go(self, db: None) -> None:
        with clock.at(T0), opened(slots=4, valid_days=1) as shop:
            fill(shop, 2)
            end = now(shop).expires_at
            assert end is not None
            with clock.at(end - timedelta(seconds=60)):
                code = take_code(shop.card)
                assert expiring.expire_due(system_actor("expiry")) == 0
            with clock.at(end):
                with pytest.raises(CardState):
                    confirm(shop.desk, code.digits)
                with pytest.raises(CardState):
                    take_code(shop.card)
                assert expiring.expire_due(system_actor("expiry")) == 1
                assert not services.expire_card(card_id=shop.card.pk, actor=ACTOR)
            card = now(shop)
            assert (card.state, card.balance) == ("expired", 0)
            assert total(f"expire:{shop.programme.pk}") == 2
            event = CardEvent.objects.get(kind="expiry")
            assert (event.amount, event.balance_after) == (-2, 0)
            assert event.lots == [[shop.records()[0].pk, 2]]
            assert shop.adds_up()

    def test_lots_name_the_stamps_that_were_left(self, db: None) -> None:
        with clock.at(T0), opened(slots=4, when_full="renew", valid_days=1) as shop:
            fill(shop, 3)
            stamp(shop.desk, shop.card, amount=2, reason="两杯")
            stamp(shop.desk, shop.card)
            with clock.at(T0 + timedelta(days=3)):
                expiring.expire_due(ACTOR)
            records = [record.pk for record in shop.records()]
            assert CardEvent.objects.get(kind="expiry").lots == [[records[1], 1], [records[2], 1]]

    def test_a_last_day_ends_all_cards(self, db: None) -> None:
        with clock.at(T0), opened(slots=4, ends_on=date(2026, 5, 31)) as shop:
            assert now(shop).expires_at == datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
            with clock.at(datetime(2026, 5, 31, 15, 59, tzinfo=UTC)):
                fill(shop, 1)
            with clock.at(datetime(2026, 5, 31, 16, 0, tzinfo=UTC)):
                expiring.expire_due(ACTOR)
                with pytest.raises(CardState):
                    services.begin_again(card_id=shop.card.pk, actor=ACTOR)

    def test_a_new_round_begins_with_nothing(self, db: None) -> None:
        with clock.at(T0), opened(slots=4, valid_days=1) as shop:
            fill(shop, 2)
            with pytest.raises(CardNotOver):
                services.begin_again(card_id=shop.card.pk, actor=customer_of(shop.card))
            with clock.at(T0 + timedelta(days=3)):
                expiring.expire_due(ACTOR)
                services.begin_again(card_id=shop.card.pk, actor=customer_of(shop.card))
                assert stamp(shop.desk, shop.card).after == 1
            assert now(shop).cycle == 1
            assert shop.adds_up()


class TestBlocked:
    @pytest.mark.spec("stamps D28")
    @pytest.mark.parametrize("way", ["block", "pause", "end"])
    def test_between_code_and_confirm(self, db: None, way: str) -> None:
        with opened(slots=4) as shop:
            code = take_code(shop.card)
            if way == "block":
                services.block_card(card_id=shop.card.pk, reason="查", actor=ACTOR)
            elif way == "pause":
                services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)
            else:
                services.end_programme(programme_id=shop.programme.pk, actor=ACTOR)
            with pytest.raises(CardState):
                confirm(shop.desk, code.digits)
            with pytest.raises(CardState):
                take_code(Card.objects.select_related("programme").get(pk=shop.card.pk))
            assert not Transaction.objects.exists()

    def test_a_full_card_is_full_again_afterwards(self, db: None) -> None:
        with opened(slots=4) as shop:
            fill(shop, 4)
            services.block_card(card_id=shop.card.pk, reason="查", actor=ACTOR)
            assert now(shop).shown == 4
            assert services.unblock_card(card_id=shop.card.pk, actor=ACTOR).state == "rewarded"
            fresh = make_manager(shop.store, "钱店员")
            assert cancel(fresh, shop.card).after < 4
