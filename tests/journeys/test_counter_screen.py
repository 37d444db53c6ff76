"""The screen on the counter, by mouse: set up, scanned inside WeChat and without it, switched off.

On the way a customer lets the shop know where the phone is, and the manager is warned once it is
somewhere else.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.people import PHONE, WIDE, Phone, from_menu, prove_phone, submit, unfold, window
from tests.journeys.test_first_stamp import digits_on, invite_and_bind
from tests.journeys.world import OTHER_STORE, Shop

PEOPLE = {"manager": "lin-xia", "customer": "gu-ning"}
SCREEN = "一楼收银台"
NUMBER = "13800138322"
JSQR = Path("node_modules/jsqr/dist/jsQR.js")
READ = """(image) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 640;
  const paint = canvas.getContext("2d");
  paint.imageSmoothingEnabled = false;
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, 640, 640);
  paint.drawImage(image, 0, 0, 640, 640);
  return window.jsQR(paint.getImageData(0, 0, 640, 640).data, 640, 640)?.data ?? "";
}"""


def test_the_screen_on_the_counter(
    shop: Shop, browser: Browser, office: Page, manager: Phone, customer: Phone
) -> None:
    take_counter_codes(office)
    compare_places(office)
    address = set_up(office)
    with window(browser, WIDE) as tablet:
        tablet.goto(address)
        used = stamped_inside_wechat(customer, tablet)
        with window(browser, PHONE) as other:
            stamped_without_wechat(other, shop, scanned(tablet, used))
        invite_and_bind(office, manager, store=OTHER_STORE, name="林夏")
        tell_the_place(customer)
        carried_away(shop, customer, manager)
        look_at_the_office(office)
        switch_off(office, tablet)


def take_counter_codes(office: Page) -> None:
    from_menu(office, "集章", "集章活动")
    office.get_by_role("link", name="编辑").first.click()
    unfold(office, "怎么集章")
    office.get_by_label("柜台码", exact=True).first.check()
    office.get_by_role("button", name="保存").first.click()
    expect(office.get_by_role("heading", name="集章活动").first).to_be_visible()


def compare_places(office: Page) -> None:
    from_menu(office, "店务", "门店")
    office.get_by_role("link", name=OTHER_STORE).click()
    office.get_by_role("link", name="编辑").click()
    office.get_by_label("地图位置").fill("湖滨")
    office.get_by_role("button", name="保存门店").click()
    expect(office.locator(".zg-field-error").first).to_contain_text("经纬度")
    office.get_by_label("地图位置").fill("120.16480,30.25530")
    office.get_by_role("button", name="保存门店").click()
    expect(office.get_by_text("30.25530, 120.16480")).to_be_visible()
    from_menu(office, "集章", "集章活动")
    office.get_by_role("link", name="柜台限额").click()
    office.get_by_label("集章时询问顾客的位置").check()
    submit(office.get_by_role("button", name="保存"))
    expect(office.get_by_label("集章时询问顾客的位置")).to_be_checked()


def set_up(office: Page) -> str:
    """The owner sets a screen up; its address is there for some minutes."""
    from_menu(office, "柜台", "柜台屏")
    expect(office.get_by_text("还没有柜台屏")).to_be_visible()
    office.get_by_role("link", name="新增柜台屏").first.click()
    office.locator("[name=name]").fill(SCREEN)
    office.get_by_label("门店", exact=True).select_option(label=OTHER_STORE)
    office.get_by_role("button", name="保存并生成网址").click()
    return office.locator(".stamps-screen-made code").inner_text()


def scanned(tablet: Page, before: str = "") -> str:
    """What the code on the screen leads to, once it is another one."""
    tablet.evaluate(JSQR.read_text(encoding="utf-8"))
    picture = tablet.locator("[data-screen-qr]")
    for _ in range(30):
        found = str(picture.evaluate(READ))
        if found and found != before:
            return found
        tablet.wait_for_timeout(500)  # a new code comes within two seconds of the use
    pytest.fail("the screen shows no new code")


def scan(customer: Phone, content: str) -> None:
    customer.page.get_by_role("button", name="扫一扫").first.click()
    customer.page.get_by_label("二维码内容").fill(content)
    customer.page.get_by_role("button", name="识别", exact=True).click()


def stamped_inside_wechat(customer: Phone, tablet: Page) -> str:
    """A new customer scans: the first card comes with its first stamp. Answers the code."""
    code = scanned(tablet)
    scan(customer, code)
    customer.allow()
    customer.web.get_by_role("button", name="领这张卡并集第一枚章").click()
    expect(customer.web.get_by_text(f"已用{OTHER_STORE}的柜台码集章")).to_be_visible()
    expect(customer.web.locator("#stage")).to_have_attribute("data-balance", "1")
    return code


def stamped_without_wechat(page: Page, shop: Shop, address: str) -> None:
    """Scanned with the phone's own camera: signed in by number, then the same."""
    page.goto(address)
    page.get_by_role("link", name="没有微信？用手机号登录").click()
    prove_phone(page, shop, NUMBER)
    page.get_by_role("button", name="登录", exact=True).click()
    page.get_by_role("button", name="领这张卡并集第一枚章").click()
    expect(page.locator("#stage")).to_have_attribute("data-balance", "1")
    page.goto(address)  # one code, one stamp
    expect(page.locator("[data-refusal=E_COUNTER_USED]")).to_be_visible()


def tell_the_place(customer: Phone) -> None:
    """Asked once by the shop's page, then by WeChat."""
    customer.web.get_by_role("link", name="查看集章卡").click()
    expect(customer.web.get_by_text("让门店知道您在店里？")).to_be_visible()
    customer.web.get_by_role("button", name="允许", exact=True).click()
    customer.page.get_by_role("button", name="允许", exact=True).click()
    expect(customer.web.get_by_text("门店已知道您在这里")).to_be_visible()


def carried_away(shop: Shop, customer: Phone, manager: Phone) -> None:
    """The phone is at the airport now; whoever types its code is warned."""
    page, address = customer.page, customer.address()
    page.evaluate("sessionStorage.clear()")
    page.goto(shop.phone("gu-ning"))
    page.get_by_role("button", name="我", exact=True).click()
    page.get_by_role("button", name=re.compile("所在位置")).click()
    page.get_by_role("button", name="萧山机场").click()
    page.goto(f"{shop.phone('gu-ning')}?open={address}")
    page.get_by_role("button", name="允许", exact=True).click()  # WeChat asks again, the page not
    expect(customer.web.get_by_text("门店已知道您在这里")).to_be_visible()
    customer.web.get_by_role("button", name="出示集章验证码").click()
    manager.web.get_by_label("输入顾客的 6 位验证码").press_sequentially(digits_on(customer))
    manager.web.get_by_role("button", name="下一步").click()
    expect(manager.web.locator("[data-far]")).to_contain_text("顾客的手机离店至少 26 公里")
    manager.web.get_by_role("button", name="再集一次").click()
    expect(manager.web.get_by_role("heading", name="集章成功")).to_be_visible()


def look_at_the_office(office: Page) -> None:
    """The ledger finds it, the list of screens can be taken away."""
    from_menu(office, "集章", "集章流水")
    office.get_by_label("手机位置").select_option(label="手机离店很远")
    office.locator("main").get_by_role("button", name="搜索", exact=True).click()
    rows = office.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("手机离店至少 26 公里")
    from_menu(office, "柜台", "柜台屏")
    office.locator("summary", has_text="导出").click()
    with office.expect_download() as waiting:
        office.locator("[name=format][value=xlsx]").click()
    book = CalamineWorkbook.from_filelike(BytesIO(waiting.value.path().read_bytes()))
    rows_of = book.get_sheet_by_index(0).to_python()
    assert any(SCREEN in row and OTHER_STORE in row for row in rows_of), rows_of


def switch_off(office: Page, tablet: Page) -> None:
    office.get_by_role("button", name="停用").first.click()
    office.get_by_role("dialog").get_by_role("button", name="停用").click()
    expect(office.get_by_text("柜台屏已停用").first).to_be_visible()
    expect(tablet.locator("[data-screen-qr]")).to_have_count(0)
