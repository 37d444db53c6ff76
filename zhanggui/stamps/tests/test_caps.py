"""Caps of cards and managers, and the manager's own card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_store
from zhanggui.channels.wechat.models import PersonIdentity
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock
from zhanggui.coupons.models import Coupon, UseRecord
from zhanggui.coupons.tests import factories as coupon_factories
from zhanggui.coupons.tests.factories import make_coupon
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import (
    OwnCard,
    TooFast,
    TooManyOperations,
    TooManyToday,
    TooValuable,
)
from zhanggui.stamps.models import Card, ManagerBinding
from zhanggui.stamps.services import LimitsInput
from zhanggui.stamps.tests.factories import (
    FakeCoupons,
    Shop,
    balance_of,
    cancel,
    confirm,
    make_card,
    make_invitation,
    make_programme,
    make_shop,
    manager_of,
    preview,
    stamp,
    take_code,
)

MakesCard = Callable[[Shop], Card]
NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai."""


@pytest.fixture
def capped(db: None) -> Iterator[Shop]:
    """A shop with the caps of D25 as they are without a setting."""
    shop = make_shop(slots=20, gap_s=30, per_day=10, max_per_code=10)
    with shop.scope:
        yield shop


class TestCard:
    @pytest.mark.spec("stamps D25")
    def test_thirty_seconds_lie_between_two_stamps(self, capped: Shop) -> None:
        with clock.at(NOON):
            stamp(capped.desk, capped.card)
        with clock.at(NOON + timedelta(seconds=29.5)):
            code = take_code(capped.card)
            with pytest.raises(TooFast):
                preview(capped.desk, code.digits)
            with pytest.raises(TooFast) as refusal:
                confirm(capped.desk, code.digits)
            assert refusal.value.code == "E_VELOCITY"
            assert refusal.value.retry_after_s == 1
        with clock.at(NOON + timedelta(seconds=30)):
            assert confirm(capped.desk, code.digits).after == 2

    @pytest.mark.spec("stamps D25")
    def test_ten_stamps_a_day_and_again_the_next(self, capped: Shop) -> None:
        with clock.at(NOON):
            stamp(capped.desk, capped.card, amount=9, reason="公司团购")
        with clock.at(NOON + timedelta(hours=11, minutes=59)):  # 23:59 in Shanghai
            code = take_code(capped.card)
            with pytest.raises(TooManyToday) as refusal:
                confirm(capped.desk, code.digits, amount=2, reason="两杯")
            assert refusal.value.retry_after_s == 60
            assert refusal.value.details == {"most": 10, "today": 9}
            assert confirm(capped.desk, code.digits).after == 10
        with clock.at(NOON + timedelta(hours=12)):
            assert stamp(capped.desk, capped.card, amount=5, reason="五杯").after == 15
        assert capped.adds_up()

    def test_a_stamp_taken_back_does_not_count(self, capped: Shop) -> None:
        with clock.at(NOON):
            stamp(capped.desk, capped.card, amount=10, reason="十杯")
        with clock.at(NOON + timedelta(minutes=1)):
            cancel(capped.desk, capped.card)
            assert stamp(capped.desk, capped.card).after == 1
            assert Card.objects.get(pk=capped.card.pk).day_stamps == 1

    @pytest.mark.spec("stamps D25")
    def test_the_stamp_that_fills_the_card_is_capped_too(self, capped: Shop) -> None:
        with clock.at(NOON):
            stamp(capped.desk, capped.card, amount=10, reason="十杯")
        with clock.at(NOON + timedelta(days=1)):
            stamp(capped.desk, capped.card, amount=9, reason="九杯")
            with pytest.raises(TooFast):
                stamp(capped.desk, capped.card)
        assert balance_of(capped.card) == 19


def redeem_code(shop: Shop, coupon: Coupon) -> None:
    """The manager types the digits of a coupon."""
    digits = coupon_factories.take_code(coupon).digits
    services.confirm_other(desk=shop.desk, digits=digits, actor=manager_of(shop.desk))


class TestManager:
    @pytest.mark.spec("stamps D25")
    def test_two_hundred_codes_a_day(self, shop: Shop) -> None:
        with clock.at(NOON):
            stamp(shop.desk, shop.card)
            bindings = ManagerBinding.objects.filter(pk=shop.desk.binding_id)
            assert bindings.get().operations == 1
            bindings.update(operations=199)
            stamp(shop.desk, shop.card)
            code = take_code(shop.card)
            with pytest.raises(TooManyOperations) as refusal:
                confirm(shop.desk, code.digits)
            assert refusal.value.code == "E_VELOCITY"
            assert refusal.value.retry_after_s == 12 * 3600
            assert refusal.value.details == {"most": 200}
        with clock.at(NOON + timedelta(hours=12)):
            assert stamp(shop.desk, shop.card).after == 3
            assert bindings.get().operations == 1

    @pytest.mark.spec("stamps D25")
    def test_the_stamp_that_fills_the_card_counts(self, shop: Shop) -> None:
        with clock.at(NOON):
            services.adjust(card_id=shop.card.pk, amount=5, reason="旧卡", actor=ACTOR)
            services.adjust(card_id=shop.card.pk, amount=4, reason="旧卡", actor=ACTOR)
            assert stamp(shop.desk, shop.card).won
        assert ManagerBinding.objects.get(pk=shop.desk.binding_id).operations == 1

    @pytest.mark.spec("stamps D25")
    def test_redemptions_count_too(self, shop: Shop) -> None:
        with clock.at(NOON):
            coupon = make_coupon(uses=3)
            redeem_code(shop, coupon)
            bindings = ManagerBinding.objects.filter(pk=shop.desk.binding_id)
            assert bindings.get().operations == 1
            bindings.update(operations=200)
            with pytest.raises(TooManyOperations) as refusal:
                redeem_code(shop, coupon)
            assert refusal.value.retry_after_s == 12 * 3600
        assert bindings.get().operations == 200
        assert (Coupon.objects.get().redeemed, UseRecord.objects.count()) == (1, 1)

    @pytest.mark.spec("stamps D25")
    def test_binding_again_does_not_begin_anew(self, shop: Shop) -> None:
        with clock.at(NOON):
            stamp(shop.desk, shop.card)
            ManagerBinding.objects.update(operations=200)
            services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)
            person = Person.objects.get(pk=shop.desk.person_id)
            services.accept_scan(
                invitation_id=make_invitation(make_store(shop.merchant)).pk, person=person
            )
            desk = selectors.desk_of(person.pk)
            assert desk is not None
            with pytest.raises(TooManyOperations):
                stamp(desk, shop.card)

    def test_the_shop_may_raise_it(self, shop: Shop) -> None:
        services.set_limits(
            values=LimitsInput(operations_a_day=300, may_stamp_own=False, second_person_above=5),
            actor=ACTOR,
        )
        with clock.at(NOON):
            stamp(shop.desk, shop.card)
            ManagerBinding.objects.update(operations=299)
            stamp(shop.desk, shop.card)
            with pytest.raises(TooManyOperations):
                stamp(shop.desk, shop.card)


def allow(*, own: bool) -> None:
    """Set the shop's switch."""
    services.set_limits(
        values=LimitsInput(operations_a_day=200, may_stamp_own=own, second_person_above=5),
        actor=ACTOR,
    )


def own_phone(shop: Shop) -> Card:
    """A card under the manager's number."""
    person = Person.objects.get(pk=shop.desk.person_id)
    person.set_phone("+8613900139001")
    person.save()
    return make_card(shop.programme, "李店长", phone="+8613900139001")


def own_wechat(shop: Shop) -> Card:
    """A card under the manager's WeChat."""
    card = make_card(shop.programme, "李店长")
    mine = PersonIdentity.objects.create(
        person_id=shop.desk.person_id, account=make_account(), openid="o-li-dianzhang"
    )
    link = IdentityLink(
        customer_id=card.customer_id, account_id=mine.account_id, openid=mine.openid
    )
    link.save(force_insert=True)
    return card


class TestOwnCard:
    @pytest.mark.spec("stamps D37")
    @pytest.mark.parametrize("made", [own_phone, own_wechat])
    def test_is_refused_at_preview_and_confirm(self, shop: Shop, made: MakesCard) -> None:
        card = made(shop)
        code = take_code(card)
        with pytest.raises(OwnCard):
            preview(shop.desk, code.digits)
        with pytest.raises(OwnCard) as refusal:
            confirm(shop.desk, code.digits)

        assert refusal.value.code == "E_SELF"
        assert balance_of(card) == 0
        assert stamp(shop.desk, shop.card).after == 1

    @pytest.mark.spec("stamps D37")
    @pytest.mark.parametrize("made", [own_phone, own_wechat])
    def test_the_shop_may_allow_it(self, shop: Shop, made: MakesCard) -> None:
        card = made(shop)
        allow(own=True)
        assert stamp(shop.desk, card).after == 1
        allow(own=False)
        with pytest.raises(OwnCard):
            stamp(shop.desk, card)

    @pytest.mark.spec("stamps D37")
    def test_the_stamp_that_fills_it_too(self, shop: Shop) -> None:
        card = own_phone(shop)
        services.adjust(card_id=card.pk, amount=5, reason="旧卡", actor=ACTOR)
        services.adjust(card_id=card.pk, amount=4, reason="旧卡", actor=ACTOR)
        with pytest.raises(OwnCard):
            stamp(shop.desk, card)

    def test_another_number_is_no_matter(self, shop: Shop) -> None:
        own_phone(shop)
        customer = contacts.create_customer(name="旁人", phone="+8613900139002", actor=ACTOR)
        card = services.open_card(programme=shop.programme, customer_id=customer.pk, actor=ACTOR)
        assert stamp(shop.desk, card).after == 1


class TestRewardsOfADay:
    """What one card wins in a day is capped; beyond it two people decide (section 8)."""

    @pytest.fixture
    def card(self, shop: Shop, coupons: FakeCoupons) -> Card:
        """Wins ¥18 with its second stamp and ¥18 with its fourth; a day is worth ¥20."""
        values = LimitsInput(200, False, 5, reward_fen_a_day=2_000)
        services.set_limits(values=values, actor=ACTOR)
        way = services.RewardInput(2, "小食", template_id=1)
        return make_card(make_programme(slots=4, reward_template_id=1, on_the_way=[way]))

    @pytest.mark.edge("threat collusion")
    def test_the_stamp_beyond_it_is_refused_at_the_counter(self, shop: Shop, card: Card) -> None:
        with clock.at(NOON):
            for _ in range(3):
                stamp(shop.desk, card)
            code = take_code(card)
            with pytest.raises(TooValuable) as refusal:
                preview(shop.desk, code.digits)
            assert "¥20.00" in refusal.value.message
            with pytest.raises(TooValuable):
                confirm(shop.desk, code.digits)
        assert balance_of(card) == 3
        with clock.at(NOON + timedelta(days=1)):
            assert stamp(shop.desk, card).won == ["招牌奶茶一杯"]

    @pytest.mark.edge("threat collusion")
    def test_the_office_gives_it_with_a_second_person(self, shop: Shop, card: Card) -> None:
        with clock.at(NOON):
            for _ in range(3):
                stamp(shop.desk, card)
            asked = services.adjust(card_id=card.pk, amount=1, reason="确有其事", actor=ACTOR)
            assert (asked.state, balance_of(card)) == ("waiting", 3)
            second = person_actor(make_person("白先生"))
            services.approve(adjustment_id=asked.pk, actor=second)
        assert Card.objects.get(pk=card.pk).state == "rewarded"

    def test_what_was_taken_back_counts_no_more(self, shop: Shop, card: Card) -> None:
        with clock.at(NOON):
            stamp(shop.desk, card)
            stamp(shop.desk, card)
            cancel(shop.desk, card)
            assert stamp(shop.desk, card).won == ["小食"]

    def test_without_a_limit_all_is_won(self, shop: Shop, card: Card) -> None:
        services.set_limits(values=LimitsInput(200, False, 5), actor=ACTOR)
        with clock.at(NOON):
            for _ in range(4):
                stamp(shop.desk, card)
        assert Card.objects.get(pk=card.pk).state == "rewarded"
