"""Giving coupons out: limits, stock, causes, links, segments, gifts, templates."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.contacts import services as contacts
from zhanggui.contacts.fields import ERASED_NAME
from zhanggui.contacts.tests.factories import make_segment
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.coupons import customers, rules, services
from zhanggui.coupons.errors import (
    CouponHeld,
    GiftOver,
    LimitPerson,
    LimitTotal,
    LinkOver,
    NotOwner,
    NotTransferable,
    StockTooSmall,
    TemplateEnded,
    TemplateNameTaken,
    TemplatePaused,
    TemplateStopped,
)
from zhanggui.coupons.models import (
    Coupon,
    CouponGift,
    CouponKind,
    CouponLink,
    CouponTemplate,
    TemplateState,
    Validity,
    Way,
    new_code,
)
from zhanggui.coupons.services import giving
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_template,
    now,
    redeem,
    take_code,
)

DAY = timedelta(days=1)


def reward(template: CouponTemplate, customer_id: int, cause: str = "card:1:reward:10") -> Coupon:
    return services.issue(
        template_id=template.pk, customer_id=customer_id, way=Way.REWARD, cause=cause, actor=ACTOR
    )


class TestIssue:
    def test_the_same_cause_is_one_coupon(self, shop: Shop) -> None:
        template, customer = make_template(stock=5), make_customer()
        first = reward(template, customer.pk)
        assert reward(template, customer.pk) == first
        assert CouponTemplate.objects.get(pk=template.pk).left == 4
        assert Coupon.objects.count() == 1

    def test_stock(self, shop: Shop) -> None:
        template = make_template(stock=1)
        make_coupon(template)
        with pytest.raises(LimitTotal):
            make_coupon(template)
        assert CouponTemplate.objects.get(pk=template.pk).left == 0
        assert Coupon.objects.count() == 1

    def test_a_reward_is_given_from_an_empty_stock(self, shop: Shop) -> None:
        template = make_template(stock=1, per_person=1)
        make_coupon(template)
        services.set_state(template_id=template.pk, state=TemplateState.STOPPED, actor=ACTOR)
        assert reward(template, make_customer().pk).way == Way.REWARD
        assert CouponTemplate.objects.get(pk=template.pk).left == 0

    def test_per_person(self, shop: Shop) -> None:
        template, customer = make_template(per_person=2), make_customer()
        numbers = [make_coupon(template, customer).person_no for _ in range(2)]
        assert numbers == [1, 2]
        with pytest.raises(LimitPerson):
            make_coupon(template, customer)
        assert make_coupon(template).person_no == 1

    def test_handing_on_does_not_make_room(self, shop: Shop) -> None:
        template, giver, taker = make_template(per_person=1), make_customer(), make_customer("李")
        coupon = make_coupon(template, giver)
        gift = services.give(coupon_id=coupon.pk, customer_id=giver.pk, actor=ACTOR)
        services.take(gift_id=gift.pk, customer_id=taker.pk, actor=ACTOR)
        with pytest.raises(LimitPerson):
            make_coupon(template, giver)

    @pytest.mark.parametrize(
        ("state", "refusal"),
        [(TemplateState.STOPPED, TemplateStopped), (TemplateState.PAUSED, TemplatePaused)],
    )
    def test_template_not_given_out(
        self, shop: Shop, state: TemplateState, refusal: type[Exception]
    ) -> None:
        template = make_template()
        services.set_state(template_id=template.pk, state=state, actor=ACTOR)
        with pytest.raises(refusal):
            make_coupon(template)

    def test_time_over(self, shop: Shop) -> None:
        template = make_template(
            validity=Validity.FIXED, starts_at=clock.now() - DAY, ends_at=clock.now() + DAY
        )
        with clock.at(clock.now() + DAY), pytest.raises(TemplateEnded):
            make_coupon(template)

    @pytest.mark.edge("coupon code")
    def test_codes_are_60_random_bits(self) -> None:
        codes = {new_code() for _ in range(2000)}
        assert len(codes) == 2000
        assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{12}", code) for code in codes)

    def test_days_count_whole(self, shop: Shop) -> None:
        coupon = make_coupon(days_valid=7)
        days = clock.local_date(coupon.ends_at, shop.merchant.time_zone) - clock.local_date(
            coupon.issued_at, shop.merchant.time_zone
        )
        assert days == timedelta(days=8)
        assert coupon.ends_at == clock.start_of(
            clock.local_date(coupon.ends_at, shop.merchant.time_zone), shop.merchant.time_zone
        )


class TestLink:
    def link(self, template: CouponTemplate, most: int | None = None) -> CouponLink:
        return services.create_link(
            template_id=template.pk, name="海报", most=most, expires_at=None, actor=ACTOR
        )

    def take(self, link: CouponLink, customer_id: int) -> Coupon:
        actor = customer_actor(customer_id, "顾客")
        return services.take_by_link(link_id=link.pk, customer_id=customer_id, actor=actor)

    def test_once_for_each_person(self, shop: Shop) -> None:
        link, customer = self.link(make_template(), most=3), make_customer()
        assert self.take(link, customer.pk) == self.take(link, customer.pk)
        assert CouponLink.objects.values_list("left", "taken").get() == (2, 1)

    def test_its_own_limit(self, shop: Shop) -> None:
        link = self.link(make_template(), most=1)
        self.take(link, make_customer().pk)
        with pytest.raises(LinkOver):
            self.take(link, make_customer().pk)

    def test_an_empty_stock_takes_nothing_from_the_link(self, shop: Shop) -> None:
        link = self.link(make_template(stock=1), most=5)
        self.take(link, make_customer().pk)
        with pytest.raises(LimitTotal):
            self.take(link, make_customer().pk)
        assert CouponLink.objects.values_list("left", "taken").get() == (4, 1)

    def test_closed_and_ended(self, shop: Shop) -> None:
        link = self.link(make_template())
        services.close_link(link_id=link.pk, actor=ACTOR)
        with pytest.raises(LinkOver):
            self.take(link, make_customer().pk)
        short = services.create_link(
            template_id=link.template_id,
            name="一天",
            most=None,
            expires_at=clock.now() + DAY,
            actor=ACTOR,
        )
        with clock.at(clock.now() + DAY), pytest.raises(LinkOver):
            self.take(short, make_customer().pk)


class TestSegment:
    def test_exactly_once_for_each_person(self, shop: Shop) -> None:
        template = make_template(stock=2)
        people = [make_customer(f"顾客{number}") for number in range(3)]
        segment = make_segment(shop.merchant)
        segment.conditions = []
        segment.save(update_fields=["conditions"])
        task = services.issue_to_segment(
            template_id=template.pk, segment_id=segment.pk, actor=ACTOR
        )
        first = giving.run_segment(task).result
        again = giving.run_segment(task).result
        assert first == {"given": 2, "left_out": {"E_COUPON_LIMIT_TOTAL": 1}}
        assert again == first
        assert Coupon.objects.filter(customer__in=people, way=Way.SEGMENT).count() == 2

    def test_nothing_of_another_merchant(self, shop: Shop) -> None:
        with pytest.raises(NotFound):
            services.issue_to_segment(template_id=make_template().pk, segment_id=10**9, actor=ACTOR)


class TestGift:
    def give(self, coupon: Coupon) -> CouponGift:
        return services.give(coupon_id=coupon.pk, customer_id=coupon.customer_id, actor=ACTOR)

    def test_the_first_who_takes_it_has_it(self, shop: Shop) -> None:
        coupon, friend, late = make_coupon(), make_customer("朋友"), make_customer("晚了")
        gift = self.give(coupon)
        assert self.give(coupon) == gift
        services.take(gift_id=gift.pk, customer_id=friend.pk, actor=ACTOR)
        assert now(coupon).customer_id == friend.pk
        with pytest.raises(GiftOver):
            services.take(gift_id=gift.pk, customer_id=late.pk, actor=ACTOR)
        with pytest.raises(NotOwner):
            services.request_code(coupon_id=coupon.pk, customer_id=coupon.customer_id, actor=ACTOR)

    def test_kept_after_all(self, shop: Shop) -> None:
        coupon, friend = make_coupon(), make_customer("朋友")
        gift = self.give(coupon)
        services.take_back(coupon_id=coupon.pk, customer_id=coupon.customer_id, actor=ACTOR)
        with pytest.raises(GiftOver):
            services.take(gift_id=gift.pk, customer_id=friend.pk, actor=ACTOR)
        assert self.give(coupon) != gift

    def test_24_hours(self, shop: Shop) -> None:
        coupon, friend = make_coupon(), make_customer("朋友")
        gift = self.give(coupon)
        assert gift.expires_at == gift.created_at + DAY
        with clock.at(gift.expires_at), pytest.raises(GiftOver):
            services.take(gift_id=gift.pk, customer_id=friend.pk, actor=ACTOR)

    def test_the_giver_may_use_it_until_then(self, shop: Shop) -> None:
        coupon, friend = make_coupon(), make_customer("朋友")
        gift = self.give(coupon)
        take_code(coupon)
        with pytest.raises(CouponHeld):
            services.take(gift_id=gift.pk, customer_id=friend.pk, actor=ACTOR)
        assert now(coupon).customer_id == coupon.customer_id

    def test_not_every_coupon(self, shop: Shop) -> None:
        with pytest.raises(NotTransferable):
            self.give(make_coupon(is_transferable=False))
        begun = make_coupon(uses=2)
        redeem(begun)
        with pytest.raises(NotTransferable):
            self.give(begun)


class TestTemplates:
    def test_names_are_once(self, shop: Shop) -> None:
        make_template(name="赠饮")
        with pytest.raises(TemplateNameTaken):
            make_template(name="赠饮")

    def test_stock_is_never_less_than_what_is_out(self, shop: Shop) -> None:
        template = make_template(name="赠饮", stock=5)
        for _ in range(3):
            make_coupon(template)
        with pytest.raises(StockTooSmall):
            services.edit_template(
                template_id=template.pk,
                values=services.TemplateInput(name="赠饮", stock=2),
                actor=ACTOR,
            )
        services.edit_template(
            template_id=template.pk,
            values=services.TemplateInput(name="赠饮", stock=10),
            actor=ACTOR,
        )
        assert CouponTemplate.objects.values_list("stock", "left").get() == (10, 7)

    @pytest.mark.parametrize(
        ("values", "worth"),
        [
            ({"kind": CouponKind.CASH, "amount_fen": 1000}, "¥10"),
            ({"kind": CouponKind.CASH, "amount_fen": 1050}, "¥10.50"),
            ({"kind": CouponKind.PERCENT, "percent_off": 15}, "8.5 折"),
            ({"kind": CouponKind.PERCENT, "percent_off": 20}, "8 折"),
            ({"kind": CouponKind.PERCENT, "percent_off": 95}, "0.5 折"),
        ],
    )
    def test_worth_in_a_word(self, shop: Shop, values: dict[str, Any], worth: str) -> None:
        assert rules.worth_text(make_template(**values)) == worth


class TestMerging:
    def test_coupons_and_numbers_go_over_and_come_back(self, shop: Shop) -> None:
        template = make_template(per_person=1)
        survivor, other = make_customer("留下"), make_customer("并入")
        first, second = make_coupon(template, survivor), make_coupon(template, other)
        merge = contacts.merge_customers(survivor_id=survivor.pk, replaced_id=other.pk, actor=ACTOR)
        assert now(second).customer_id == survivor.pk
        assert (now(first).person_no, now(second).person_no) == (1, 2)
        contacts.undo_merge(merge_id=merge.pk, actor=ACTOR)
        assert now(second).customer_id == other.pk
        assert now(second).person_no == 1

    def test_erasing_takes_the_name_off(self, shop: Shop) -> None:
        coupon = make_coupon()
        redeem(coupon, shop.store)
        customers.erase([coupon.customer_id])
        assert coupon.records.get().customer_name == ERASED_NAME
        assert counts(coupon)[0] == "redeemed"
