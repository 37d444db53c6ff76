"""Pages that use the phone: a card goes to a friend, its code is scanned, a bill paid, refunded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.people import PHONE, WIDE, Phone, enter, from_menu, submit, window
from tests.journeys.world import AES_KEY, CALLBACK_TOKEN, PASSWORD, PLATFORM_APP, SECRET, Shop

SLUG = "lemon"
SHOP = "柠檬小馆"
APP = "wxsb00000000000003"
BOSS = "13800138044"
CARD = "柠檬茶集章卡"
BILL = "周六包间定金"

MAKE = f"""
import json
from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role, Tier
from zhanggui.channels.pay.models import Mode
from zhanggui.channels.pay.services import accounts
from zhanggui.channels.pay.services.accounts import Keys, Place
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.services import Credentials
from zhanggui.collecting import services as collecting
from zhanggui.core import tenancy
from zhanggui.stamps import services as stamps
from zhanggui.stamps.models import ManagerBinding
from zhanggui.stamps.services.programmes import ProgrammeInput

given = json.loads(%r)
actor = system_actor("journey")
boss = services.create_person(name="方柠", phone={BOSS!r}, password={PASSWORD!r}, actor=actor)
shop = services.create_merchant(name={SHOP!r}, slug={SLUG!r}, trade="茶饮", actor=actor)
services.add_membership(person=boss, place=shop, role=Role.OWNER, actor=actor)
wechat.connect_account(
    tier=Tier.MERCHANT, merchant=shop, name={SHOP!r}, original_id="gh_journeylemon", actor=actor,
    credentials=Credentials({APP!r}, {SECRET!r}, {CALLBACK_TOKEN!r}, {AES_KEY!r}),
)
person = wechat.person_of_openid(
    account=wechat.platform_account(), openid=given["manager"], nickname="何店长"
)
with tenancy.merchant_scope(shop.pk):
    store = services.create_store(name="南山店", address="南山路 1 号", actor=actor)
    ManagerBinding.objects.create(
        person=person, merchant_id=shop.pk, store_id=store.pk, name="何店长"
    )
    stamps.create_programme(
        values=ProgrammeInput(name={CARD!r}, reward="一杯柠檬茶", slots=6), actor=actor
    )
accounts.connect_account(
    place=Place(Tier.MERCHANT, merchant=shop), mode=Mode.DIRECT, name={SHOP!r},
    mchid=given["mchid"], app_id={APP!r}, ways=["jsapi", "native"], actor=actor,
    keys=Keys(*(given[name] for name in
        ("serial", "private_key_pem", "api_v3_key", "public_key_id", "public_key_pem"))),
)
with tenancy.merchant_scope(shop.pk):
    bill = collecting.create_request(
        merchant=shop, asked=collecting.Asked({BILL!r}, 20_000, days=3), customer_id=None,
        actor=actor,
    )
print("bill", bill.token)
"""


@dataclass(frozen=True)
class Lemon:
    """The shop of these journeys."""

    shop: Shop
    bill: str
    """Path of the page on which its bill is paid."""

    def phone(self, page: Page, slug: str, path: str = "") -> Phone:
        """Somebody's phone, with a page of the shop open in it."""
        url = self.shop.phone(slug)
        return Phone(page, f"{url}_phone/?open={path}" if path else url)


@pytest.fixture(scope="session")
def lemon(shop: Shop) -> Lemon:
    host = urlsplit(shop.product.url).netloc
    account = {
        "name": SHOP,
        "secret": SECRET,
        "original_id": "gh_journeylemon",
        "kind": "service",
        "token": CALLBACK_TOKEN,
        "aes_key": AES_KEY,
        "callback_url": f"{shop.product.url}/hooks/wechat/{APP}/",
        "encrypt_mode": "safe",
        "oauth_domains": [host],
        "js_domains": [host],
    }
    shop.control("PUT", f"accounts/{APP}", account)
    people = [
        {"slug": slug, "nickname": name}
        for slug, name in (("he-dian", "何店长"), ("xu-qing", "徐晴"), ("bai-lu", "白露"))
    ]
    shop.control("PUT", "people", people)
    given: dict[str, Any] = shop.control("POST", "merchants", {"name": SHOP, "appids": [APP]})
    given["manager"] = shop.control("GET", f"openids?appid={PLATFORM_APP}")["he-dian"]
    printed = shop.product.run(MAKE % json.dumps(given))
    token = printed.rpartition("bill")[2].strip()
    return Lemon(shop, f"/w/{SLUG}/pay/{token}/")


@pytest.fixture
def customer(browser: Browser, lemon: Lemon) -> Iterator[Phone]:
    with window(browser, PHONE) as page:
        yield lemon.phone(page, "xu-qing", f"/w/{SLUG}/")


@pytest.mark.spec("platform P25")
def test_a_card_is_shared_and_its_code_scanned(
    browser: Browser, lemon: Lemon, customer: Phone
) -> None:
    customer.allow()
    customer.web.get_by_role("button", name="领取集章卡").click()
    expect(customer.web.locator("#stage")).to_be_visible()
    send_to_a_friend(customer)
    with window(browser, PHONE) as page:
        open_what_was_sent(lemon.phone(page, "bai-lu"))

    customer.web.get_by_role("button", name="出示集章验证码").click()
    expect(customer.web.get_by_alt_text("同一验证码的二维码")).to_be_visible()
    digits = customer.web.locator("[data-code]").get_attribute("aria-label") or ""
    with window(browser, PHONE) as page:
        scan_the_code(lemon.phone(page, "he-dian", "/staff/"), digits)


def send_to_a_friend(customer: Phone) -> None:
    """The page says what is sent: the programme, not the customer's own card."""
    expect(customer.web.locator("#wechat-page[data-state=ready]")).to_have_count(1)
    customer.page.get_by_role("button", name="更多", exact=True).click()
    customer.page.get_by_role("button", name=f"发送给朋友：{CARD}").click()
    customer.page.get_by_role("dialog").get_by_role("button", name="白露").click()
    expect(customer.page.get_by_text("已发送")).to_be_visible()


def open_what_was_sent(friend: Phone) -> None:
    """It stands in the friend's chat with its picture, and leads to a card of one's own."""
    friend.page.get_by_role("button", name=re.compile("徐晴")).click()
    sent = friend.page.locator(".shared")
    expect(sent).to_contain_text(f"{SHOP}：集满 6 个章，得一杯柠檬茶")
    expect(sent.locator("img")).to_have_js_property("complete", value=True)
    sent.click()
    friend.allow()
    expect(friend.web.get_by_role("button", name="领取集章卡")).to_be_visible()


def scan_the_code(manager: Phone, digits: str) -> None:
    """扫一扫 on the manager's page: what is no code is told, a code leads to the preview."""
    manager.allow()
    for typed in ("https://shop.example/", digits):
        manager.web.get_by_role("button", name="扫顾客的码").click()
        manager.page.get_by_label("二维码内容").fill(typed)
        manager.page.get_by_role("button", name="识别", exact=True).click()
        wrong = manager.web.get_by_text("这不是集章卡的验证码")
        if typed != digits:
            expect(wrong).to_be_visible()
    expect(manager.web.locator("[data-preview]")).to_be_visible()
    expect(manager.web.locator("[data-preview] header strong")).to_have_text("集章")


@pytest.mark.spec("platform P31")
def test_a_bill_is_paid_inside_wechat_and_given_back(browser: Browser, lemon: Lemon) -> None:
    with window(browser, WIDE) as office, window(browser, PHONE) as page:
        enter(office, lemon.shop, BOSS)
        office.wait_for_url("**/m/**")
        from_menu(office, "微信与收款", "收款")
        office.get_by_role("link", name=BILL).click()
        expect(office.get_by_text("还没有人")).to_be_visible()

        payer = lemon.phone(page, "xu-qing", lemon.bill)
        payer.allow()
        payer.web.get_by_role("button", name="微信支付 ¥200.00").click()
        turn_away_and_come_back(payer)
        for digit in "123456":
            page.locator(".pay-pad").get_by_role("button", name=digit, exact=True).click()
        page.get_by_role("button", name=re.compile("完成")).click()
        expect(payer.web.get_by_role("heading", name="支付成功")).to_be_visible()

        expect(office.get_by_text("已收款")).to_be_visible()
        office.get_by_role("link", name="徐晴").click()
        office.get_by_role("button", name="退款", exact=True).first.click()
        office.get_by_label("原因").fill("包间改期")
        submit(office.get_by_role("dialog").get_by_role("button", name="退款", exact=True))
        lemon.shop.control("POST", "clock", {"advance_s": 5})
        expect(payer.web.get_by_role("heading", name="已退款")).to_be_visible()


def turn_away_and_come_back(payer: Phone) -> None:
    """The sheet opens by itself; closed, the page says what happened and opens it again."""
    sheet = payer.page.get_by_role("dialog", name="支付")
    expect(sheet).to_contain_text("200.00")
    sheet.get_by_role("button").first.click()
    expect(payer.web.get_by_text("还没有付款")).to_be_visible()
    payer.web.get_by_role("button", name="微信支付 ¥200.00").click()
    sheet.get_by_role("button", name="立即支付").click()
