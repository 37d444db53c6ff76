"""A bakery's first programme: made in the office, pressed, coded, cancelled, won, redeemed, undone.

The whole life of a card by mouse, on the owner's computer and on two phones; the shop's physical
stamp lies ready, its five points are pasted into the sandbox's touch pad.
"""

from __future__ import annotations

import json
import re
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.people import Phone, from_menu, unfold
from tests.journeys.world import AES_KEY, CALLBACK_TOKEN, PASSWORD, SECRET, Shop

OWNER_PHONE = "13900030001"
PEOPLE = {"owner": OWNER_PHONE, "manager": "ma-jun", "customer": "su-wan"}
SLUG = "bakery"
SHOP = "小满面包房"
STORE = "南门店"
APP = "wxsb00000000000021"
CARD = "面包卡"
REWARD = "小满吐司一份"
COUPON = "小满吐司券"
POINTS = [[-11, 0], [5, -16], [17, 4], [-2, 0], [-10, 10]]
LISTEN = """
const make = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  window.tones = (window.tones ?? 0) + 1;
  return make.call(this);
};
"""
STAMP = json.dumps({"name": "南门店1号章", "points_mm": POINTS}, ensure_ascii=False)

MAKE = f"""
import json
from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role, Tier
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.services import Credentials
from zhanggui.core import tenancy
from zhanggui.stamps import services as stamps
from zhanggui.stamps import touches
from zhanggui.stamps.models import PressUse, SealState

actor = system_actor("journey")
owner = services.create_person(
    name="方小满", phone={OWNER_PHONE!r}, password={PASSWORD!r}, actor=actor
)
shop = services.create_merchant(name={SHOP!r}, slug={SLUG!r}, trade="面包房", actor=actor)
services.add_membership(person=owner, place=shop, role=Role.OWNER, actor=actor)
wechat.connect_account(
    tier=Tier.MERCHANT, merchant=shop, name={SHOP!r}, original_id="gh_journeybakery", actor=actor,
    credentials=Credentials({APP!r}, {SECRET!r}, {CALLBACK_TOKEN!r}, {AES_KEY!r}),
)
with tenancy.merchant_scope(shop.pk):
    store = services.create_store(name={STORE!r}, address="南门大街 2 号", actor=actor)
    seal = stamps.make_seal(name="南门店1号章", store=store, points={POINTS!r}, actor=actor)
    stamps.step_seal(seal_id=seal.pk, to=SealState.ENROLLING, reason="", actor=actor)
    for number in range(5):
        link = stamps.read_link(stamps.phone_link(seal=seal, use=PressUse.ENROL))
        spots = [
            [one, 180 + x * 6.4173 + number, 150 + y * 6.4173]
            for one, (x, y) in enumerate({POINTS!r})
        ]
        frames = [[at, spots] for at in (0, 30, 60)]
        screen = [390 + number % 2, 844, 3]
        sent = dict(screen=screen, area=[358, 300], frames=frames, released=280)
        stamps.enrol_press(
            link=link, sent=touches.read(json.dumps(sent), ""), phone=f"p-{{number % 2}}",
            actor=actor,
        )
    seal.refresh_from_db()
    assert seal.state == SealState.ACTIVE, seal.state
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """The bakery, without any programme."""
    url = shop.product.url
    account = {
        "name": SHOP,
        "secret": SECRET,
        "original_id": "gh_journeybakery",
        "kind": "service",
        "token": CALLBACK_TOKEN,
        "aes_key": AES_KEY,
        "callback_url": f"{url}/hooks/wechat/{APP}/",
        "encrypt_mode": "safe",
        "oauth_domains": [urlsplit(url).netloc],
        "js_domains": [urlsplit(url).netloc],
        "menu": [{"name": "我的集章卡", "url": f"{url}/w/{SLUG}/"}],
    }
    shop.control("PUT", f"accounts/{APP}", account)
    people = [
        {"slug": "ma-jun", "nickname": "马骏", "avatar": {"colour": "#7a5c2e", "text": "骏"}},
        {"slug": "su-wan", "nickname": "苏晚", "avatar": {"colour": "#6b4c8a", "text": "晚"}},
    ]
    shop.control("PUT", "people", people)
    shop.product.run(MAKE)
    return shop


def test_the_life_of_a_card(office: Page, manager: Phone, customer: Phone) -> None:
    customer.page.add_init_script(LISTEN)
    make_coupon(office)
    make_programme(office)
    print_poster(office)
    bind(office, manager)
    take_the_card(customer)
    switch_sounds_on(customer)

    press(customer)
    assert heard(customer) > 0
    expect_stamps(customer, 1)
    by_code(manager, show_code(customer), word="集章", press="再集一次", said="集章成功")
    expect_stamps(customer, 2)
    digits = show_cancel_code(customer)
    by_code(manager, digits, word="取消累计", press="确认取消", said="取消成功")
    back_to_the_card(customer)
    expect_stamps(customer, 1)
    press_again(customer)
    expect_stamps(customer, 2)
    by_code(manager, show_code(customer), word="集章", press="再集一次", said="集章成功")
    expect_stamps(customer, 3)
    by_code(manager, show_code(customer), word="集章", press="确认集章", said="集满了")
    expect_stamps(customer, 0)

    open_the_coupon(customer)
    digits = show_coupon_code(customer)
    by_code(manager, digits, word="核销", press="确认核销", said="核销成功")
    expect(customer.web.get_by_text("已用完")).to_be_visible()
    undo(manager)
    usable_again(customer)

    export(office)


def make_coupon(office: Page) -> None:
    """What a full card is worth lies in the customer's WeChat."""
    from_menu(office, "优惠券", "券模板")
    office.get_by_role("link", name="新建券").first.click()
    office.locator("[name=name]").fill(COUPON)
    office.get_by_role("button", name="创建券").click()
    expect(office.get_by_role("heading", name=COUPON)).to_be_visible()


def make_programme(office: Page) -> None:
    """The card is seen as customers will see it while it is made."""
    from_menu(office, "集章", "集章活动")
    office.get_by_role("link", name="新建活动").first.click()
    office.locator("[name=name]").fill(CARD)
    office.locator("[name=slots]").fill("4")
    office.locator("[name=reward]").fill(REWARD)
    office.locator("[name=reward_template]").select_option(label=COUPON)
    unfold(office, "柜台规则")
    office.locator("[name=gap_s]").fill("0")
    expect(office.locator("#sample").get_by_text(CARD)).to_be_visible()
    office.get_by_role("button", name="发布活动").click()
    expect(office.get_by_role("heading", name=CARD)).to_be_visible()


def print_poster(office: Page) -> None:
    """A sheet for the door, whose code leads to the cards."""
    from_menu(office, "集章", "海报")
    office.get_by_role("link", name="新建海报").first.click()
    office.locator("[name=name]").fill("门口海报")
    office.get_by_role("button", name="生成海报").click()
    expect(office.get_by_role("heading", name="门口海报")).to_be_visible()
    with office.expect_download() as waiting:
        office.get_by_role("link", name="下载 PDF").first.click()
    assert waiting.value.path().read_bytes().startswith(b"%PDF-")


def bind(office: Page, manager: Phone) -> None:
    from_menu(office, "店务", "门店")
    office.get_by_role("link", name=STORE).click()
    office.get_by_role("button", name="添加管理员").click()
    expect(office.get_by_alt_text("添加管理员的二维码")).to_be_visible()
    manager.scan("掌柜门店助手")
    office.keyboard.press("Escape")
    expect(manager.page.get_by_text(f"您已成为{SHOP}·{STORE}的管理员")).to_be_visible()
    manager.open_link("/staff/")
    expect(manager.web.get_by_text(STORE, exact=True)).to_be_visible()


def take_the_card(customer: Phone) -> None:
    customer.follow(SHOP)
    customer.open_link("/w/")
    customer.web.get_by_role("button", name="领取集章卡").click()
    expect(customer.web.get_by_role("heading", name=CARD)).to_be_visible()


def switch_sounds_on(customer: Phone) -> None:
    """Behind the three dots; off until somebody wants them, and then heard at once."""
    customer.web.get_by_role("link", name="更多").click()
    switch = customer.web.get_by_role("switch", name="声音")
    expect(switch).not_to_be_checked()
    assert heard(customer) == 0
    switch.check()
    customer.web.get_by_role("link", name="返回集章卡").click()
    expect(customer.web.locator("#stage")).to_be_visible()
    assert heard(customer) == 0


def heard(customer: Phone) -> int:
    """How many tones the page has played."""
    window = "document.querySelector('iframe.web').contentWindow"
    return int(customer.page.evaluate(f"{window}.tones ?? 0"))


def press(customer: Phone) -> None:
    """The stamp itself: five points on the sandbox's touch pad."""
    lay_the_stamp(customer)
    expect(customer.web.get_by_text("盖章成功")).to_be_visible()
    customer.page.get_by_role("button", name="收起触屏").click()


def press_again(customer: Phone) -> None:
    """So soon after a code it may be the same purchase: the page asks, another press says no."""
    lay_the_stamp(customer)
    expect(customer.web.get_by_text("再集一次")).to_be_visible()
    customer.page.get_by_role("button", name="按下").click()
    expect(customer.web.get_by_text("盖章成功")).to_be_visible()
    customer.page.get_by_role("button", name="收起触屏").click()


def lay_the_stamp(customer: Phone) -> None:
    page = customer.page
    page.get_by_role("button", name="更多").last.click()
    page.get_by_role("button", name="五指触屏").click()
    page.get_by_label("印章图案").fill(STAMP)
    page.get_by_label("印章图案").press("Enter")
    page.get_by_role("button", name="按下").click()


def expect_stamps(customer: Phone, stamps: int) -> None:
    expect(customer.web.locator("#stage")).to_have_attribute("data-balance", str(stamps))
    close = customer.web.get_by_role("link", name="好的")
    if close.is_visible():
        close.click()


def show_code(customer: Phone) -> str:
    customer.web.get_by_role("button", name="出示集章验证码").click()
    return digits_on(customer)


def show_cancel_code(customer: Phone) -> str:
    customer.web.get_by_role("link", name="更多").click()
    customer.web.get_by_role("link", name="取消累计").click()
    customer.web.get_by_role("button", name="出示取消验证码").click()
    return digits_on(customer)


def back_to_the_card(customer: Phone) -> None:
    expect(customer.web.get_by_text("卡上现在有 1 个章")).to_be_visible()
    customer.web.get_by_role("link", name="好的").click()
    customer.web.get_by_role("link", name="返回集章卡").click()


def show_coupon_code(customer: Phone) -> str:
    customer.web.get_by_role("link", name="使用这张券").click()
    customer.web.get_by_role("button", name="获取验证码").click()
    return digits_on(customer)


def digits_on(customer: Phone) -> str:
    shown = customer.web.locator("[data-code]")
    expect(shown).to_be_visible()
    digits = shown.get_attribute("aria-label") or ""
    assert re.fullmatch(r"\d{6}", digits)
    return digits


def by_code(manager: Phone, digits: str, *, word: str, press: str, said: str) -> None:
    """One input for all three operations; the page says which one it is."""
    manager.web.get_by_label("输入顾客的 6 位验证码").press_sequentially(digits)
    manager.web.get_by_role("button", name="下一步").click()
    preview = manager.web.locator("[data-preview]")
    expect(preview.locator("header strong")).to_have_text(word)
    manager.web.get_by_role("button", name=press).click()
    expect(manager.web.get_by_role("heading", name=said)).to_be_visible()
    manager.web.get_by_role("link", name="继续").click()


def open_the_coupon(customer: Phone) -> None:
    customer.web.get_by_role("link", name=REWARD).click()
    expect(customer.web.get_by_role("heading", name=COUPON)).to_be_visible()


def undo(manager: Phone) -> None:
    """撤销: within ten minutes, one tap and a question."""
    bar = manager.web.locator(".stamps-undo", has_text=COUPON)
    bar.get_by_role("button", name="撤销").click()
    manager.web.get_by_role("dialog").get_by_role("button", name="撤销").click()
    expect(manager.web.get_by_text("已撤销")).to_be_visible()


def usable_again(customer: Phone) -> None:
    customer.page.get_by_role("button", name="刷新").click()
    expect(customer.web.get_by_role("link", name="使用这张券")).to_be_visible()


def export(office: Page) -> None:
    """The ledger as a workbook: each booking a row."""
    from_menu(office, "集章", "集章流水")
    office.locator("summary", has_text="导出").click()
    with office.expect_download() as waiting:
        office.locator("[name=format][value=xlsx]").click()
    book = CalamineWorkbook.from_filelike(BytesIO(waiting.value.path().read_bytes()))
    rows = book.get_sheet_by_index(0).to_python()
    assert len(rows) == 1 + 6
