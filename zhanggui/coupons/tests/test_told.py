"""What customers are told, "that was not me", and the jobs of the night."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock, tenancy
from zhanggui.coupons import services, tasks
from zhanggui.coupons.errors import ReportTooLate
from zhanggui.coupons.models import CouponChange, UseRecord
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    now,
    redeem,
    take_code,
)
from zhanggui.messaging import links
from zhanggui.messaging.models import Message, Rule
from zhanggui.stamps.models import Case

DAY = timedelta(days=1)


def switch_on(*names: str) -> None:
    """The shop wants these messages."""
    for name in names:
        Rule(template=name, is_on=True).save()


class TestMessages:
    def test_nothing_until_the_shop_wants_it(self, shop: Shop) -> None:
        redeem(make_coupon())
        assert not Message.objects.exists()

    @pytest.mark.spec("stamps D46")
    def test_issued_redeemed_undone(self, shop: Shop) -> None:
        switch_on("coupons.issued", "coupons.redeemed", "coupons.undone")
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        names = Message.objects.order_by("pk").values_list("template", flat=True)
        assert list(names) == ["coupons.issued", "coupons.redeemed", "coupons.undone"]
        assert set(Message.objects.values_list("customer_id", flat=True)) == {coupon.customer_id}

    def test_reminded_once_three_days_before(self, shop: Shop) -> None:
        switch_on("coupons.ending")
        coupon = make_coupon(days_valid=10)
        for days, told in ((4, 0), (2, 1), (1, 1)):
            with clock.at(coupon.ends_at - days * DAY):
                services.remind()
            assert Message.objects.count() == told

    def test_what_cannot_be_used_is_not_brought_to_mind(self, shop: Shop) -> None:
        switch_on("coupons.ending")
        used, frozen = make_coupon(), make_coupon()
        redeem(used)
        services.freeze(coupon_id=frozen.pk, reason="x", actor=ACTOR)
        with clock.at(used.ends_at - DAY):
            assert services.remind() == 0


class TestNotMe:
    def page(self, shop: Shop, message: Message) -> str:
        assert message.link_token
        args = [shop.merchant.slug, links.written(message.link_token)]
        return reverse("coupons:told", args=args)

    @pytest.fixture
    def message(self, shop: Shop) -> Message:
        switch_on("coupons.redeemed")
        redeem(make_coupon(customer=make_customer("林小雨")), shop.store)
        return Message.objects.get()

    @pytest.mark.spec("stamps D46")
    def test_one_press_opens_one_case(self, shop: Shop, message: Message, client: Client) -> None:
        path = self.page(shop, message)
        assert "不是我" in client.get(path).content.decode()
        for _ in range(2):
            assert client.post(path, {"text": "我没来过"}).status_code == 302
        case = Case.objects.get()
        record = UseRecord.objects.get()
        assert case.subject == f"use:{record.pk}"
        assert case.store_id == shop.store.pk
        assert case.manager_name == record.manager_name
        assert (record.reported_text, record.reported_at is not None) == ("我没来过", True)

    def test_only_with_its_token_and_for_thirty_days(
        self, shop: Shop, message: Message, client: Client
    ) -> None:
        path = self.page(shop, message)
        wrong = f"{path[:-3]}xyz"
        assert client.post(wrong).status_code == 404
        record = UseRecord.objects.get()
        with clock.at(record.at + 31 * DAY):
            assert client.post(path).status_code == 410
            with pytest.raises(ReportTooLate):
                services.report_not_me(record_id=record.pk, text="", actor=ACTOR)
        assert not Case.objects.exists()


class TestNight:
    def test_states_of_the_clock_are_written_down(self, shop: Shop) -> None:
        lapsed, begun, held = make_coupon(), make_coupon(days_until_start=1), make_coupon()
        code = take_code(held)
        with clock.at(code.expires_at), tenancy.all_merchants("a job runs without a scope"):
            tasks.tidy(timestamp=0)
        assert counts(held) == ("usable", 1, 0, 0, 0)
        with clock.at(lapsed.ends_at), tenancy.all_merchants("a job runs without a scope"):
            tasks.tidy(timestamp=0)
            steps = CouponChange.objects.count()
            tasks.tidy(timestamp=0)
            assert CouponChange.objects.count() == steps
        assert counts(lapsed) == ("expired", 0, 0, 0, 1)
        assert now(begun).state in {"usable", "expired"}
        assert shop.adds_up()
