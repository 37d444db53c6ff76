"""What people try who want more out of coupons than they were promised."""

from __future__ import annotations

from datetime import timedelta

import pytest

from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.contacts.errors import CustomerBlocked
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.contacts.tests.factories import make_segment
from zhanggui.core import clock
from zhanggui.core.errors import KeyReused
from zhanggui.coupons import services
from zhanggui.coupons.errors import CouponHeld, CouponUsed, HandedOn, NotOwner
from zhanggui.coupons.models import Coupon, CouponTemplate, UseRecord, Validity, Way
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_link,
    make_template,
    now,
    redeem,
    take_code,
)
from zhanggui.files.models import Task

DAY = timedelta(days=1)


def hand_on(coupon: Coupon, taker: Customer) -> Coupon:
    """The owner makes a link, somebody takes the coupon."""
    row = now(coupon)
    giver = customer_actor(row.customer_id, row.customer.name)
    gift = services.give(coupon_id=row.pk, customer_id=row.customer_id, actor=giver)
    actor = customer_actor(taker.pk, taker.name)
    return services.take(gift_id=gift.pk, customer_id=taker.pk, actor=actor)


class TestHandedOn:
    def test_the_giver_keeps_neither_code_nor_address(self, shop: Shop) -> None:
        coupon = make_coupon()
        seen = now(coupon)
        taken = hand_on(coupon, make_customer("朋友"))

        row = now(coupon)
        assert row.code != seen.code
        assert row.token != seen.token
        assert (taken.code, taken.token) == (row.code, row.token)
        assert len(row.code) == len(seen.code)

    def test_the_giver_takes_no_second_one_by_the_same_link(self, shop: Shop) -> None:
        link, customer = make_link(make_template()), make_customer()
        actor = customer_actor(customer.pk, customer.name)
        coupon = services.take_by_link(link_id=link.pk, customer_id=customer.pk, actor=actor)
        hand_on(coupon, make_customer("朋友"))

        with pytest.raises(HandedOn):
            services.take_by_link(link_id=link.pk, customer_id=customer.pk, actor=actor)
        assert Coupon.objects.count() == 1

    def test_a_code_of_the_giver_does_not_outlive_the_gift(self, shop: Shop) -> None:
        coupon, taker = make_coupon(), make_customer("朋友")
        giver = now(coupon).customer_id
        with clock.at(clock.now()):
            code = take_code(coupon)
            with pytest.raises(CouponHeld):
                hand_on(coupon, taker)
        with clock.at(code.expires_at):
            hand_on(coupon, taker)
            with pytest.raises(NotOwner):
                services.request_code(coupon_id=coupon.pk, customer_id=giver, actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)


class TestBlockedCustomer:
    def test_neither_a_code_nor_a_till_redeems(self, shop: Shop) -> None:
        coupon = make_coupon()
        code = take_code(coupon)
        Customer.objects.filter(pk=coupon.customer_id).update(state=CustomerState.BLOCKED)
        with pytest.raises(CustomerBlocked):
            redeem(coupon, holder=services.by_code(code.code_id))
        with clock.at(code.expires_at):
            with pytest.raises(CustomerBlocked):
                redeem(coupon)
            with pytest.raises(CustomerBlocked):
                services.hold_for_till(coupon_id=coupon.pk, holder="t:1", minutes=5, actor=ACTOR)
        assert not UseRecord.objects.exists()


class TestTills:
    @pytest.mark.parametrize("length", [40, 41, 200])
    def test_a_bill_with_a_long_name_redeems_what_it_holds(self, shop: Shop, length: int) -> None:
        coupon, bill = make_coupon(), "b" * length
        services.hold_for_till(coupon_id=coupon.pk, holder=bill, minutes=5, actor=ACTOR)
        with pytest.raises(CouponHeld):
            redeem(coupon, holder=bill[:-1] + "c")
        redeem(coupon, holder=bill)
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)

    def test_a_bill_cannot_call_itself_a_code(self, shop: Shop) -> None:
        coupon = make_coupon()
        with clock.at(clock.now()):
            code = take_code(coupon)
            holder = services.by_code(code.code_id)
            with pytest.raises(CouponHeld):
                services.hold_for_till(coupon_id=coupon.pk, holder=holder, minutes=60, actor=ACTOR)
            services.release_from_till(coupon_id=coupon.pk, holder=holder, actor=ACTOR)
            assert counts(coupon) == ("held", 0, 1, 0, 0)


class TestRewards:
    def test_a_reward_whose_days_are_over_can_be_used_all_the_same(self, shop: Shop) -> None:
        moment = clock.now()
        template = make_template(
            validity=Validity.FIXED, starts_at=moment - 9 * DAY, ends_at=moment - DAY
        )
        coupon = services.issue(
            template_id=template.pk,
            customer_id=make_customer().pk,
            way=Way.REWARD,
            cause="card:1:0:10:0",
            actor=ACTOR,
        )
        assert coupon.state == "usable"
        assert coupon.ends_at > moment + 29 * DAY
        redeem(coupon)

    def test_a_booklet_of_which_one_was_used_is_not_taken_back_as_unused(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        redeem(coupon)
        with pytest.raises(CouponUsed):
            services.void(coupon_id=coupon.pk, reason="x", actor=ACTOR, must_be_unused=True)
        assert counts(coupon) == ("usable", 1, 0, 1, 0)


class TestSegment:
    def test_pressed_twice_it_is_one_task(self, shop: Shop) -> None:
        template, segment = make_template(), make_segment(shop.merchant)
        first, second = (
            services.issue_to_segment(
                template_id=template.pk, segment_id=segment.pk, actor=ACTOR, key="k1"
            )
            for _ in range(2)
        )
        assert first.pk == second.pk
        assert Task.objects.count() == 1
        with pytest.raises(KeyReused):
            services.issue_to_segment(
                template_id=make_template().pk, segment_id=segment.pk, actor=ACTOR, key="k1"
            )
        assert CouponTemplate.objects.count() == 2
