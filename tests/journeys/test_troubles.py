"""What goes wrong on a customer's phone: time runs out, the network goes, the session ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.people import PHONE, Phone, window
from tests.journeys.world import CARD, SHOP, SLUG, Shop
from tests.plugins.browser import without_network

EXPIRE = f"""
from zhanggui.accounts.models import Merchant
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.models import CustomerSession
from zhanggui.core import clock, tenancy
with tenancy.merchant_scope(Merchant.objects.get(slug={SLUG!r}).pk):
    %s
"""
CODES_END = EXPIRE % "OneTimeCode.objects.update(expires_at=clock.now())"
SESSIONS_END = EXPIRE % "CustomerSession.objects.all().delete()"


@pytest.fixture
def customer(browser: Browser, shop: Shop) -> Iterator[Phone]:
    with window(browser, PHONE) as page:
        phone = Phone(page, shop.phone("lu-yuan"))
        phone.follow(SHOP)
        phone.open_link("/w/")
        phone.web.get_by_role("button", name="领取集章卡").click()
        expect(phone.web.get_by_role("heading", name=CARD)).to_be_visible()
        yield phone


@pytest.mark.spec("stamps D13", "stamps D39")
def test_troubles_of_a_customer(shop: Shop, customer: Phone) -> None:
    first = shown(customer)
    close_and_open_again(customer, first)
    time_runs_out(shop, customer, first)
    network_goes_and_comes(customer)
    withdraw(customer)
    session_ends(shop, customer)


def shown(customer: Phone) -> str:
    customer.web.get_by_role("button", name="出示集章验证码").click()
    code = customer.web.locator("[data-code]")
    expect(code).to_be_visible()
    return code.get_attribute("aria-label") or ""


def close_and_open_again(customer: Phone, digits: str) -> None:
    """The code outlives its layer and the page; its time goes on."""
    customer.web.get_by_role("link", name="关闭").click()
    expect(customer.web.locator("#sheet")).to_have_count(0)
    expect(customer.web.locator("#pill .zg-ring-text")).to_have_text(re.compile(r"2:\d\d"))
    with customer.page.expect_event("framenavigated"):
        customer.page.get_by_role("button", name="刷新").click()
    expect(customer.web.locator("#pill .zg-ring-text")).to_have_text(re.compile(r"2:\d\d"))
    assert shown(customer) == digits


def time_runs_out(shop: Shop, customer: Phone, digits: str) -> None:
    """The layer says so and offers a new code."""
    shop.product.run(CODES_END)
    expect(customer.web.get_by_role("heading", name="验证码已过期")).to_be_visible()
    customer.web.get_by_role("button", name="重新获取").click()
    code = customer.web.locator("[data-code]")
    expect(code).to_be_visible()
    expect(code).not_to_have_attribute("aria-label", digits)


def network_goes_and_comes(customer: Phone) -> None:
    """A sign while it is away; afterwards everything works on."""
    sign = customer.web.locator("#zg-offline")
    with without_network(sign):
        expect(sign).to_be_visible()
    expect(sign).to_be_hidden()


def withdraw(customer: Phone) -> None:
    customer.web.get_by_role("button", name="作废").click()
    expect(customer.web.get_by_role("heading", name="验证码已作废")).to_be_visible()
    customer.web.get_by_role("link", name="关闭").click()


def session_ends(shop: Shop, customer: Phone) -> None:
    """The page signs in again by itself and is the same card."""
    before = customer.address()
    shop.product.run(SESSIONS_END)
    customer.page.wait_for_timeout(3000)
    customer.allow()
    expect(customer.web.get_by_role("heading", name=CARD)).to_be_visible()
    assert customer.address() == before
