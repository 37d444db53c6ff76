"""The customer's pages: wallet, coupon, code layer, handing on, taking by a link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.contacts.tests.factories import make_link as make_identity
from zhanggui.contacts.tests.factories import sign_in_customer
from zhanggui.core import clock
from zhanggui.coupons import selectors, services
from zhanggui.coupons.models import Coupon, CouponGift, CouponTemplate
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_link,
    make_template,
    now,
    redeem,
)

HTMX = {"HX-Request": "true"}
DIGITS = re.compile(r'data-code role="img" aria-label="(\d{6})"')


@dataclass
class Visitor:
    """A signed-in customer of the shop."""

    client: Client
    shop: Shop
    customer: Customer

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"coupons:{name}", args=[self.shop.merchant.slug, *args])

    def get(self, name: str, *args: Any, status: int = 200, **query: Any) -> str:
        response = self.client.get(self.url(name, *args), query)
        assert response.status_code == status
        return response.content.decode()

    def coupon(self, **values: Any) -> Coupon:
        return make_coupon(make_template(**values), self.customer)

    def code(self, coupon: Coupon) -> Any:
        return self.client.post(self.url("code", coupon.token), headers=HTMX)

    def live(self, response: Any) -> Any:
        """Ask what the page that was sent asks."""
        found = re.search(r'id="poll".*?hx-get="([^"]+)"', response.content.decode(), re.DOTALL)
        assert found
        return self.client.get(found[1].replace("&amp;", "&"), headers=HTMX)


@pytest.fixture
def visitor(client: Client, shop: Shop) -> Visitor:
    account = make_account(merchant=shop.merchant)
    link = make_identity(shop.merchant, account.pk, nickname="陈小溪")
    sign_in_customer(client, link)
    return Visitor(client, shop, link.customer)


class TestWallet:
    def test_what_ends_first_is_on_top_and_tabs(self, visitor: Visitor) -> None:
        assert "现在没有券" in visitor.get("wallet")
        visitor.coupon(name="晚到期", days_valid=60)
        visitor.coupon(name="早到期", days_valid=2)
        used = visitor.coupon(name="用过的")
        redeem(used)
        gone = visitor.coupon(name="作废的")
        services.void(coupon_id=gone.pk, reason="x", actor=ACTOR)
        page = visitor.get("wallet")
        assert page.index("早到期") < page.index("晚到期")
        assert "用过的" not in page
        assert "作废的" not in page
        assert "用过的" in visitor.get("wallet", tab="used")
        assert "作废的" in visitor.get("wallet", tab="over")
        assert "快过期" in page

    def test_lapsed_by_the_clock_alone(self, visitor: Visitor) -> None:
        coupon = visitor.coupon(name="到期了")
        with clock.at(coupon.ends_at):
            assert selectors.wallet(visitor.customer.pk).rows == []
            over = selectors.wallet(visitor.customer.pk, selectors.OVER).rows
        assert [str(one.state) for one in over] == ["expired"]

    def test_nobody_elses(self, visitor: Visitor) -> None:
        theirs = make_coupon(make_template(name="别人的"))
        assert "别人的" not in visitor.get("wallet")
        visitor.get("coupon", theirs.token, status=404)
        assert visitor.code(theirs).status_code == 404
        assert counts(theirs) == ("usable", 1, 0, 0, 0)


@pytest.mark.spec("stamps R13")
class TestCode:
    def test_icon_then_button_then_six_digits(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        page = visitor.get("coupon", coupon.token)
        button = re.search(r'<a class="coupon-use".*?</a>', page, re.DOTALL)
        assert button
        assert 'class="coupon-icon"' in button[0]
        assert re.search(r'weui-btn_primary"[^>]*>使用<', button[0])
        assert visitor.url("start", coupon.token) in button[0]
        start = visitor.get("start", coupon.token)
        assert "获取验证码" in start
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        layer = visitor.code(coupon).content.decode()
        assert DIGITS.search(layer)
        assert "coupon-band" in layer
        assert "data-live-clock" in layer
        assert counts(coupon) == ("held", 0, 1, 0, 0)

    def test_without_a_script(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        assert "获取验证码" in visitor.get("coupon", coupon.token, redeem="")
        whole = visitor.client.post(visitor.url("code", coupon.token)).content.decode()
        assert "<html" in whole
        assert DIGITS.search(whole)

    def test_never_on_get(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        assert visitor.client.get(visitor.url("code", coupon.token)).status_code == 405

    def test_withdrawn(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        layer = visitor.code(coupon).content.decode()
        ref = re.search(r'name="ref" value="(\w+)"', layer)
        assert ref
        url = visitor.url("code_revoke", coupon.token)
        assert visitor.client.post(url, {"ref": "wrong"}, headers=HTMX).status_code == 404
        ended = visitor.client.post(url, {"ref": ref[1]}, headers=HTMX)
        assert "作废" in ended.content.decode() or "验证码" in ended.content.decode()
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_the_phone_hears_of_it_at_once(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        answer = visitor.code(coupon)
        assert visitor.live(answer).status_code == 204
        row = now(coupon)
        redeem(coupon, visitor.shop.store, holder=row.held_by)
        code_id = int(row.held_by.removeprefix("code:"))
        OneTimeCode.objects.filter(pk=code_id).update(state="consumed", ended_at=clock.now())
        news = visitor.live(answer)
        assert news.status_code == 200
        assert "核销成功" in news.content.decode()
        assert "已用完" in news.content.decode()

    def test_a_used_coupon_has_no_way_to_a_code(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        page = visitor.client.get(visitor.url("coupon", coupon.token))
        assert "coupon-icon" in page.content.decode()
        redeem(coupon, visitor.shop.store)
        news = visitor.live(page).content.decode()
        assert "coupon-icon" not in news
        assert "coupon-hint" not in news
        assert '<div id="corner" hx-swap-oob="true"></div>' in news
        # an open layer is told so
        assert 'hx-swap-oob="outerHTML:[data-asks-code]"' in news
        assert "这张券刚刚核销了" in news
        start = visitor.get("start", coupon.token)
        assert "获取验证码" not in start
        assert "这张券刚刚核销了" in start
        assert "coupon-icon" not in visitor.get("coupon", coupon.token)

    def test_undone_the_small_stamp_is_back(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        record = redeem(coupon, visitor.shop.store)
        page = visitor.client.get(visitor.url("coupon", coupon.token))
        assert "coupon-icon" not in page.content.decode()
        services.undo_by_office(record_id=record.pk, reason="x", is_usable_again=True, actor=ACTOR)
        assert "coupon-icon" in visitor.live(page).content.decode()

    def test_why_not(self, visitor: Visitor) -> None:
        coupon = visitor.coupon(days_until_start=3)
        refused = visitor.code(coupon)
        assert refused.status_code == 409
        assert "E_COUPON_NOT_STARTED" in refused.content.decode()


class TestManyCoupons:
    def test_the_wallet_goes_on_from_page_to_page(self, visitor: Visitor) -> None:
        template = make_template(name="很多")
        many = selectors.IN_WALLET * 2 + 1
        made = [make_coupon(template, visitor.customer).token for _ in range(many)]
        seen: list[str] = []
        url = visitor.url("wallet")
        while url:
            page = visitor.client.get(url).content.decode()
            seen += re.findall(r'class="coupon-link" href="[^"]*/(\w+)/"', page)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            url = visitor.url("wallet") + older[1].replace("&amp;", "&") if older else ""
        assert sorted(seen) == sorted(made)
        assert len(seen) == many


class TestGift:
    def friend(self, visitor: Visitor) -> Visitor:
        account_id = visitor.customer.links.get().account_id
        link = make_identity(visitor.shop.merchant, account_id, nickname="朋友")
        client = Client(headers={"User-Agent": visitor.client.defaults.get("HTTP_USER_AGENT", "")})
        sign_in_customer(client, link)
        return Visitor(client, visitor.shop, link.customer)

    def test_given_and_taken(self, visitor: Visitor) -> None:
        coupon = visitor.coupon(name="转赠券")
        assert visitor.client.post(visitor.url("give", coupon.token)).status_code == 302
        gift = CouponGift.objects.get()
        page = visitor.get("coupon", coupon.token)
        assert selectors.gift_url(visitor.shop.merchant, gift) in page
        friend = self.friend(visitor)
        assert "转赠给您" in friend.get("gift", gift.token)
        assert now(coupon).customer_id == visitor.customer.pk
        taken = friend.client.post(friend.url("gift", gift.token))
        assert taken["Location"] == friend.url("coupon", now(coupon).token)
        assert now(coupon).customer_id == friend.customer.pk
        for token in (coupon.token, now(coupon).token):
            visitor.get("coupon", token, status=404)

    def test_kept_after_all(self, visitor: Visitor) -> None:
        coupon = visitor.coupon()
        visitor.client.post(visitor.url("give", coupon.token))
        visitor.client.post(visitor.url("keep", coupon.token))
        gift = CouponGift.objects.get()
        friend = self.friend(visitor)
        assert "已经不在了" in friend.get("gift", gift.token)
        assert friend.client.post(friend.url("gift", gift.token)).status_code == 410

    def test_the_shop_does_not_want_it(self, visitor: Visitor) -> None:
        coupon = visitor.coupon(is_transferable=False)
        assert "转赠给朋友" not in visitor.get("coupon", coupon.token)
        refused = visitor.client.post(visitor.url("give", coupon.token))
        assert refused.status_code == 409


class TestLink:
    def test_taken_once(self, visitor: Visitor) -> None:
        link = make_link(make_template(name="海报券"))
        assert "海报券" in visitor.get("take", link.token)
        assert not Coupon.objects.exists()
        first = visitor.client.post(visitor.url("take", link.token))
        second = visitor.client.post(visitor.url("take", link.token))
        coupon = Coupon.objects.get()
        assert first["Location"] == second["Location"] == visitor.url("coupon", coupon.token)
        assert "您已经领过了" in visitor.get("take", link.token)

    def test_handed_on_it_says_so_instead_of_leading_nowhere(self, visitor: Visitor) -> None:
        link = make_link(make_template())
        visitor.client.post(visitor.url("take", link.token))
        coupon = Coupon.objects.get()
        Coupon.objects.filter(pk=coupon.pk).update(customer_id=make_customer("朋友").pk)
        page = visitor.get("take", link.token)
        assert "已转赠他人" in page
        assert "data-once" not in page.split('id="main"')[1].split("</main>")[0]
        refused = visitor.client.post(visitor.url("take", link.token))
        assert refused.status_code == 409
        assert "已转赠他人" in refused.content.decode()

    def test_nothing_left(self, visitor: Visitor) -> None:
        template: CouponTemplate = make_template(stock=1)
        link = make_link(template)
        make_coupon(template, make_customer())
        refused = visitor.client.post(visitor.url("take", link.token))
        assert refused.status_code == 409
        assert "已经全部发完" in refused.content.decode()
        services.close_link(link_id=link.pk, actor=ACTOR)
        assert "这里已经没有券了" in visitor.get("take", link.token)

    def test_unknown(self, visitor: Visitor) -> None:
        visitor.get("take", "x", status=404)
        visitor.get("gift", "x", status=404)
