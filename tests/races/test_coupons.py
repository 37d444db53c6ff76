"""Ten at once for the last coupon, one coupon redeemed by five, a gift taken by many."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.races.racing import outcomes, race
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.coupons import services
from zhanggui.coupons.models import Coupon, CouponLink, CouponTemplate, UseRecord
from zhanggui.coupons.services import issuing, templates
from zhanggui.coupons.tests.factories import (
    counts,
    make_coupon,
    make_customer,
    make_link,
    make_template,
    redeem,
    take_code,
)
from zhanggui.stamps import services as stamps
from zhanggui.stamps.tests.factories import Shop, make_manager, manager_of

PARALLEL = 10


def take(link: CouponLink, customer_id: int) -> Coupon:
    return services.take_by_link(link_id=link.pk, customer_id=customer_id, actor=ACTOR)


class TestStock:
    @pytest.mark.edge("coupon stock")
    def test_ten_want_the_last_and_one_gets_it(self, shop: Shop) -> None:
        template = make_template(stock=1)
        link = make_link(template)
        people = [make_customer(f"顾客{number}") for number in range(PARALLEL)]
        answers = race(shop.merchant.pk, [partial(take, link, one.pk) for one in people])

        assert outcomes(answers) == {"ok": 1, "E_COUPON_LIMIT_TOTAL": PARALLEL - 1}
        assert CouponTemplate.objects.values_list("left", flat=True).get() == 0
        assert Coupon.objects.count() == 1
        assert CouponLink.objects.values_list("taken", flat=True).get() == 1
        assert shop.adds_up()

    def test_control_without_the_condition_several_get_it(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def careless(template_id: int) -> bool:
            left = CouponTemplate.objects.values_list("left", flat=True).get(pk=template_id)
            return bool(left)

        monkeypatch.setattr(issuing, "take_from_stock", careless)
        template = make_template(stock=1)
        people = [make_customer(f"顾客{number}") for number in range(PARALLEL)]
        answers = race(shop.merchant.pk, [partial(make_coupon, template, one) for one in people])
        assert outcomes(answers)["ok"] > 1
        assert templates.take_from_stock(template.pk)

    def test_one_person_taps_ten_times(self, shop: Shop) -> None:
        link, customer = make_link(make_template(per_person=1)), make_customer()
        answers = race(shop.merchant.pk, [partial(take, link, customer.pk)] * PARALLEL)
        assert outcomes(answers) == {"ok": PARALLEL}
        assert Coupon.objects.count() == 1

    @pytest.mark.edge("coupon number of a person")
    def test_one_person_gets_no_more_than_allowed(self, shop: Shop) -> None:
        template, customer = make_template(per_person=3), make_customer()
        answers = race(shop.merchant.pk, [partial(make_coupon, template, customer)] * PARALLEL)
        assert outcomes(answers) == {"ok": 3, "E_COUPON_LIMIT_PERSON": PARALLEL - 3}
        numbers = Coupon.objects.order_by("person_no").values_list("person_no", flat=True)
        assert list(numbers) == [1, 2, 3]


class TestOneCoupon:
    @pytest.mark.edge("coupon used once")
    def test_redeemed_by_one_of_many(self, shop: Shop) -> None:
        coupon = make_coupon()
        answers = race(shop.merchant.pk, [partial(redeem, coupon, shop.store)] * PARALLEL)
        assert outcomes(answers) == {"ok": 1, "E_COUPON_USED": PARALLEL - 1}
        assert UseRecord.objects.count() == 1
        assert shop.adds_up()

    def test_one_code_at_many_counters(self, shop: Shop) -> None:
        desks = [make_manager(shop.store, f"店员{number}") for number in range(PARALLEL)]
        coupon = make_coupon(uses=5)
        digits = take_code(coupon).digits

        def confirm(desk: Any) -> Any:
            return stamps.confirm_other(desk=desk, digits=digits, actor=manager_of(desk))

        answers = race(shop.merchant.pk, [partial(confirm, desk) for desk in desks])
        assert outcomes(answers) == {"ok": 1, "E_CODE_USED": PARALLEL - 1}
        assert counts(coupon) == ("usable", 4, 0, 1, 0)
        assert shop.adds_up()

    @pytest.mark.parametrize("uses", [1, 3])
    def test_the_short_way_against_a_till_and_the_office(self, shop: Shop, uses: int) -> None:
        """Six desks with the one code, a till that holds the coupon, the office that voids it."""
        template = make_template(uses=uses)
        redeem(make_coupon(template), shop.store)  # the first use opens an account, carefully
        desks = [make_manager(shop.store, f"店员{number}") for number in range(6)]
        coupon = make_coupon(template)
        digits = take_code(coupon).digits

        def confirm(desk: Any) -> Any:
            return stamps.confirm_other(desk=desk, digits=digits, actor=manager_of(desk), key="k")

        at_a_till = partial(redeem, coupon, shop.store, "bill-7")
        void = partial(services.void, coupon_id=coupon.pk, reason="x", actor=ACTOR)
        answers = race(
            shop.merchant.pk, [*[partial(confirm, desk) for desk in desks], at_a_till, void]
        )

        kinds = outcomes(answers)
        assert set(kinds) <= {
            "ok",
            "E_CODE_USED",
            "E_CODE_REVOKED",
            "E_COUPON_HELD",
            "E_COUPON_USED",
            "E_COUPON_VOIDED",
        }
        assert outcomes(answers[:6])["ok"] <= 1
        _state, _usable, _held, redeemed, _voided = counts(coupon)
        assert redeemed == UseRecord.objects.filter(coupon=coupon).count() <= uses
        assert redeemed == outcomes(answers[:7])["ok"]
        assert shop.adds_up()

    @pytest.mark.edge("coupon undone twice")
    def test_undone_by_one_of_many(self, shop: Shop) -> None:
        record = redeem(make_coupon(), shop.store)
        undo = partial(services.undo_by_office, record_id=record.pk, reason="扫错了", actor=ACTOR)
        answers = race(shop.merchant.pk, [undo] * PARALLEL)
        assert outcomes(answers) == {"ok": 1, "E_COUPON_UNDONE": PARALLEL - 1}
        assert shop.adds_up()

    def test_a_code_and_a_void_do_not_wait_for_ever(self, shop: Shop) -> None:
        coupons = [make_coupon() for _ in range(4)]
        runners: list[Any] = []
        for coupon in coupons:
            runners += [
                partial(take_code, coupon),
                partial(services.void, coupon_id=coupon.pk, reason="x", actor=ACTOR),
                partial(take_code, coupon),
            ]
        answers = outcomes(race(shop.merchant.pk, runners))
        assert set(answers) <= {"ok", "E_COUPON_VOIDED"}
        assert [counts(coupon) for coupon in coupons] == [("voided", 0, 0, 0, 1)] * 4
        assert shop.adds_up()


class TestGift:
    def test_taken_by_one_of_many(self, shop: Shop) -> None:
        coupon = make_coupon()
        gift = services.give(coupon_id=coupon.pk, customer_id=coupon.customer_id, actor=ACTOR)
        people = [make_customer(f"朋友{number}") for number in range(PARALLEL)]
        answers = race(
            shop.merchant.pk,
            [
                partial(services.take, gift_id=gift.pk, customer_id=one.pk, actor=ACTOR)
                for one in people
            ],
        )
        assert outcomes(answers) == {"ok": 1, "E_COUPON_GIFT_OVER": PARALLEL - 1}
        assert Coupon.objects.get().customer_id in {one.pk for one in people}
