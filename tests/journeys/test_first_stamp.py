"""From a QR code on the owner's screen to a stamp on a customer's card, and back again."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.people import Phone, from_menu
from tests.journeys.world import CARD, SHOP, SLOTS, STORE, Shop

PEOPLE = {"manager": "zhou-min", "customer": "chen-xi"}
CUSTOMER = "陈小溪"
MANAGER = "周敏"
APPEARS_S = 2.0


@pytest.mark.spec(
    *("stamps R01", "stamps R04", "stamps R09", "stamps R10", "stamps R11"),
    *("stamps R15", "stamps R16", "stamps D17", "stamps D39", "stamps D41", "stamps D42"),
)
def test_first_stamp(shop: Shop, office: Page, manager: Phone, customer: Phone) -> None:
    before = times_stamped(office, shop)
    invite_and_bind(office, manager)
    open_the_card(customer)
    expect_card(customer, 0)

    digits = show_code(customer)
    read_preview(manager, digits, word="集章", before=0, after=1)
    confirm(manager, customer, said="集章成功", then=1)
    expect(customer.web.get_by_text("集章成功")).to_be_visible()
    expect(customer.web.locator(".zg-slot-fresh")).to_have_count(1)
    next_customer(manager)

    digits = show_cancel_code(customer)
    read_preview(manager, digits, word="取消累计", before=1, after=0)
    confirm(manager, customer, said="取消成功", then=0)

    look_at_the_ledger(manager)
    look_at_the_figures(manager)
    look_at_the_office(office, shop, before)


def invite_and_bind(
    office: Page, manager: Phone, *, store: str = STORE, name: str = MANAGER
) -> None:
    """1 and 2: the owner shows a QR code, somebody scans it and lands on the manager page."""
    from_menu(office, "店务", "门店")
    office.get_by_role("link", name=store).click()
    expect(office.get_by_text("管理员不足两名")).to_be_visible()
    office.get_by_role("button", name="添加管理员").click()
    expect(office.get_by_alt_text("添加管理员的二维码")).to_be_visible()
    expect(office.locator("[data-qr] .zg-ring-text")).to_have_text(re.compile(r"^23:59:\d\d$"))

    manager.scan("掌柜门店助手")
    expect(manager.page.get_by_text(f"您已成为{SHOP}·{store}的管理员")).to_be_visible()
    expect(office.locator("[data-manager]")).to_have_count(1, timeout=int(APPEARS_S * 1000))
    expect(office.get_by_text("绑定完成")).to_be_visible()
    office.keyboard.press("Escape")

    manager.open_link("/staff/")
    expect(manager.web.get_by_text(store, exact=True)).to_be_visible()
    expect(manager.web.get_by_text(f"管理员：{name}")).to_be_visible()
    expect(office.locator("[data-manager]").get_by_text(name)).to_be_visible()


def open_the_card(customer: Phone) -> None:
    """3: a customer follows the shop and takes the card inside WeChat."""
    customer.follow(SHOP)
    customer.open_link("/w/")
    customer.web.get_by_role("button", name="领取集章卡").click()
    expect(customer.web.get_by_role("heading", name=CARD)).to_be_visible()


def show_code(customer: Phone) -> str:
    """The small stamp at the bottom left brings six digits and a countdown."""
    customer.web.get_by_role("button", name="出示集章验证码").click()
    expect(customer.web.get_by_text("给店员看")).to_be_visible()
    expect(customer.web.locator("#sheet .zg-ring-text")).to_have_text(re.compile(r"^(3:00|2:5\d)$"))
    return digits_on(customer)


def show_cancel_code(customer: Phone) -> str:
    """5: three dots, 取消累计, the icon of the layer."""
    customer.web.get_by_role("link", name="好的").click()
    customer.web.get_by_role("link", name="更多").click()
    customer.web.get_by_role("link", name="取消累计").click()
    customer.web.get_by_role("button", name="出示取消验证码").click()
    return digits_on(customer)


def digits_on(customer: Phone) -> str:
    digits = customer.web.locator("[data-code]").get_attribute("aria-label") or ""
    assert re.fullmatch(r"\d{6}", digits)
    return digits


def read_preview(manager: Phone, digits: str, *, word: str, before: int, after: int) -> None:
    """4: 下一步 says what the code stands for, before anything is booked."""
    manager.web.get_by_label("输入顾客的 6 位验证码").press_sequentially(digits)
    manager.web.get_by_role("button", name="下一步").click()
    preview = manager.web.locator("[data-preview]")
    expect(preview.locator("header strong")).to_have_text(word)
    expect(preview.get_by_text("陈**")).to_be_visible()
    expect(preview.get_by_text(CUSTOMER)).to_have_count(0)
    expect(preview.locator("[data-before]")).to_have_text(f"{before} / {SLOTS}")
    expect(preview.locator("[data-after]")).to_have_text(f"{after} / {SLOTS}")


def confirm(manager: Phone, customer: Phone, *, said: str, then: int) -> None:
    """The manager confirms; the other phone shows the new card within two seconds."""
    manager.web.get_by_role("button", name=re.compile("^确认")).click()
    expect(manager.web.get_by_role("heading", name=said)).to_be_visible()
    began = time.monotonic()
    # asked in one step: the sheet goes away by itself after a few seconds
    done = customer.web.locator("[data-sheet-done]").filter(has_text=f"卡上现在有 {then} 个章")
    expect(done).to_be_visible()
    assert time.monotonic() - began < APPEARS_S


def expect_card(customer: Phone, stamps: int) -> None:
    expect(customer.web.locator("#stage")).to_have_attribute("data-balance", str(stamps))


def next_customer(manager: Phone) -> None:
    manager.web.get_by_role("link", name="继续").click()
    expect(manager.web.locator("input[name=digits]")).to_be_focused()


def look_at_the_ledger(manager: Phone) -> None:
    """Both entries of the store, found by nickname; the cancelled one struck through."""
    manager.web.get_by_role("link", name="查看集章流水").click()
    manager.web.get_by_role("searchbox").fill("小溪")
    manager.web.get_by_role("searchbox").press("Enter")
    rows = manager.web.locator("#rows > li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("−1")
    expect(rows.nth(1)).to_contain_text("+1")
    expect(rows.nth(1).locator(".is-struck").first).to_be_visible()
    manager.web.get_by_role("searchbox").fill("没有这个人")
    manager.web.get_by_role("searchbox").press("Enter")
    expect(manager.web.get_by_text("没有符合的流水")).to_be_visible()


def look_at_the_figures(manager: Phone) -> None:
    """门店数据查询: one stamp, one cancel, one customer today."""
    manager.web.get_by_role("link", name="返回管理首页").click()
    manager.web.get_by_role("link", name="门店数据查询").click()
    today = manager.web.locator(".zg-phone-figures").first.locator("b")
    expect(today).to_have_text(["1", "1", "1"])


def times_stamped(office: Page, shop: Shop) -> int:
    """Of the whole shop, as its first page says; other journeys stamp in its other store."""
    office.goto(shop.office)
    figures = office.locator(".zg-figure", has_text="集章次数").locator(".zg-figure-value")
    return int(figures.first.inner_text())


def look_at_the_office(office: Page, shop: Shop, before: int) -> None:
    """The back office shows the same numbers."""
    assert times_stamped(office, shop) == before + 1
    from_menu(office, "集章", "集章流水")
    office.locator("main [name=q]").fill(CUSTOMER)
    office.locator("main [name=q]").press("Enter")
    rows = office.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("取消累计")
    expect(rows.nth(1)).to_contain_text("已取消")
    from_menu(office, "集章", "集章数据")
    store = office.locator("tbody tr", has_text=STORE).locator("td")
    expect(store.nth(1)).to_have_text("1")
