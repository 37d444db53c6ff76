"""The store's stamp pressed on a coupon redeems it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.codes.errors import CodeRevoked
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.coupons import services as coupon_services
from zhanggui.coupons.models import Coupon, TemplateState, UseMethod, UseRecord
from zhanggui.coupons.tests import factories as coupons
from zhanggui.stamps.models import Case, CaseKind, Press, PressUse, Seal, SealState
from zhanggui.stamps.tests.factories import Shop, preview
from zhanggui.stamps.tests.pressing import PHONE, T1, T2, make_seal, points_px, sent_text
from zhanggui.stamps.tests.test_mobile import HTMX


@dataclass
class Guest:
    """A customer with a coupon that the store's stamp redeems."""

    client: Client
    shop: Shop
    coupon: Coupon

    def url(self, name: str) -> str:
        return reverse(name, args=[self.shop.merchant.slug, self.coupon.token])

    def allow(self) -> str:
        answer = self.client.post(self.url("stamps:coupon_press_allow"), headers=HTMX)
        assert answer.status_code == 200, answer.content.decode()
        return str(answer.json()["nonce"])

    def press(self, **values: Any) -> Any:
        sent = {"press": sent_text(points_px(T1)), "nonce": values.get("nonce") or self.allow()}
        headers = {**HTMX, "User-Agent": PHONE}
        return self.client.post(self.url("stamps:coupon_press"), sent | values, headers=headers)

    def state(self) -> str:
        return coupons.now(self.coupon).state


def make_guest(client: Client, shop: Shop, **template: Any) -> Guest:
    account = make_account(merchant=shop.merchant)
    link = make_link(shop.merchant, account.pk, nickname="陈小溪")
    sign_in_customer(client, link)
    made = coupons.make_template(**{"takes_press": True} | template)
    return Guest(client, shop, coupons.make_coupon(made, link.customer))


@pytest.fixture
def guest(client: Client, shop: Shop) -> Guest:
    return make_guest(client, shop)


@pytest.fixture
def seal(shop: Shop) -> Seal:
    return make_seal(shop.store, name="总店印章")


class TestPage:
    def test_shows_where_to_press(self, guest: Guest, seal: Seal) -> None:
        page = guest.client.get(guest.url("coupons:coupon") + "?redeem").content.decode()
        assert 'data-press="redeem"' in page
        assert "stamps/js/press" in page

    @pytest.mark.parametrize("why", ["not-allowed", "no-stamp", "other-store"])
    def test_is_as_before_without(self, client: Client, shop: Shop, why: str) -> None:
        if why != "no-stamp":
            make_seal(shop.store)
        elsewhere = [make_store(shop.merchant).pk] if why == "other-store" else []
        guest = make_guest(client, shop, takes_press=why != "not-allowed", store_ids=elsewhere)
        page = guest.client.get(guest.url("coupons:coupon") + "?redeem").content.decode()
        assert "data-press" not in page
        refused = guest.client.post(guest.url("stamps:coupon_press_allow"), headers=HTMX)
        assert refused.status_code == 409


class TestPress:
    def test_redeems_once(self, guest: Guest, seal: Seal) -> None:
        answer = guest.press(key="one")
        page = answer.content.decode()

        record = UseRecord.objects.get()
        assert answer.status_code == 200
        assert "data-sheet-done" in page
        assert guest.state() == "redeemed"
        assert (record.method, record.store_id, record.manager_id, record.manager_name) == (
            UseMethod.PRESS,
            guest.shop.store.pk,
            0,
            "总店印章",
        )
        kept = Press.objects.get()
        assert (kept.use, kept.outcome, kept.record_id) == (PressUse.REDEEM, "ok", record.pk)
        assert guest.shop.adds_up()

    def test_sent_twice_is_one(self, guest: Guest, seal: Seal) -> None:
        nonce, text = guest.allow(), sent_text(points_px(T1))
        for _ in range(2):
            assert guest.press(nonce=nonce, press=text, key="one").status_code == 200
        assert UseRecord.objects.count() == 1

    def test_a_right_is_good_for_one_press(self, client: Client, shop: Shop) -> None:
        make_seal(shop.store)
        guest = make_guest(client, shop, uses=3)
        nonce = guest.allow()
        assert guest.press(nonce=nonce).status_code == 200
        refused = guest.press(nonce=nonce)
        assert refused.status_code == 409
        assert "E_NONCE_USED" in refused.content.decode()
        assert UseRecord.objects.count() == 1

    def test_the_same_press_again_is_refused_and_alarms(self, client: Client, shop: Shop) -> None:
        make_seal(shop.store)
        guest = make_guest(client, shop, uses=3)
        text = sent_text(points_px(T1))
        assert guest.press(press=text).status_code == 200
        refused = guest.press(press=text)
        assert "E_REPLAY" in refused.content.decode()
        assert UseRecord.objects.count() == 1
        assert Case.objects.get().kind == CaseKind.REPLAYED

    def test_another_stamp_is_refused_and_noted(self, guest: Guest, seal: Seal) -> None:
        refused = guest.press(press=sent_text(points_px(T2)))
        assert refused.status_code == 422
        assert 'data-press="redeem"' in refused.content.decode()  # and may be pressed again
        assert guest.state() == "usable"
        assert Press.objects.get().outcome == "E_STAMP_UNKNOWN"

    @pytest.mark.edge("seal LOST used alarms")
    def test_a_lost_stamp_alarms(self, guest: Guest, seal: Seal) -> None:
        nonce = guest.allow()
        make_seal(guest.shop.store, T2)
        Seal.objects.filter(pk=seal.pk).update(state=SealState.LOST)
        assert guest.press(nonce=nonce).status_code == 409
        assert guest.state() == "usable"
        assert Case.objects.get().kind == CaseKind.GONE_SEAL

    def test_a_code_that_is_out_is_withdrawn(self, guest: Guest, seal: Seal) -> None:
        digits = coupons.take_code(guest.coupon).digits
        assert guest.state() == "held"
        assert guest.press().status_code == 200
        assert guest.state() == "redeemed"
        with pytest.raises(CodeRevoked):
            preview(guest.shop.desk, digits)

    def test_what_a_till_holds_is_not_taken(self, guest: Guest, seal: Seal) -> None:
        coupon_services.hold_for_till(
            coupon_id=guest.coupon.pk, holder="till:1:0017", minutes=5, actor=ACTOR
        )
        refused = guest.press()
        assert "E_COUPON_HELD" in refused.content.decode()
        assert not UseRecord.objects.exists()

    def test_a_right_ends_after_two_minutes(self, guest: Guest, seal: Seal) -> None:
        nonce = guest.allow()
        with clock.at(clock.now() + timedelta(seconds=121)):
            refused = guest.press(nonce=nonce)
        assert refused.status_code == 410
        assert guest.state() == "usable"

    def test_a_paused_template_is_not_redeemed(self, guest: Guest, seal: Seal) -> None:
        nonce = guest.allow()
        type(guest.coupon.template).objects.update(state=TemplateState.PAUSED)
        assert guest.press(nonce=nonce).status_code == 409
        assert guest.state() == "usable"

    def test_not_another_customers_coupon(self, guest: Guest, seal: Seal) -> None:
        other = coupons.make_coupon(guest.coupon.template)
        for name in ("coupon_press_allow", "coupon_press"):
            url = reverse(f"stamps:{name}", args=[guest.shop.merchant.slug, other.token])
            assert guest.client.post(url, headers=HTMX).status_code == 404
