"""Regulars get a menu of their own: a tag, a label at WeChat, the editor, two phones, the end."""

from __future__ import annotations

from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.people import PHONE, WIDE, Phone, from_menu, sign_in, window
from tests.journeys.world import SHOP, Shop

REGULAR, STRANGER = "ning-an", "qiu-shi"
NICKNAME = "宁安"
TAG, LABEL, MENU = "常客", "老顾客", "老顾客的菜单"
BUTTON, ANSWER = "老客留位", "老顾客留位：请回复人数和到店时间。"


def test_regulars_see_a_menu_of_their_own(shop: Shop, browser: Browser) -> None:
    people = [
        {"slug": REGULAR, "nickname": NICKNAME},
        {"slug": STRANGER, "nickname": "秋时"},
    ]
    shop.control("PUT", "people", people)
    with (
        window(browser, WIDE) as office,
        window(browser, PHONE) as first,
        window(browser, PHONE) as second,
    ):
        regular, stranger = (
            come_in(Phone(page, shop.phone(slug)))
            for page, slug in ((first, REGULAR), (second, STRANGER))
        )
        sign_in(office, shop)
        put_tag(office)
        open_menus(office)
        make_label(office)
        publish(office)

        expect(button_of(regular)).to_be_visible()
        expect(button_of(stranger)).to_have_count(0)
        button_of(regular).click()
        expect(regular.page.locator(".line:not(.mine) .bubble").last).to_have_text(ANSWER)
        ask_who_sees_it(office)

        withdraw(office)
        expect(button_of(regular)).to_have_count(0)


def come_in(phone: Phone) -> Phone:
    """Follow, look at the shop's page, which makes a customer, and go back to the chat."""
    phone.follow(SHOP)
    phone.open_link("/w/")
    phone.page.get_by_role("button", name="关闭网页").click()
    return phone


def put_tag(office: Page) -> None:
    """The owner finds her by name and gives her a new tag."""
    office.get_by_role("link", name="顾客", exact=True).first.click()
    office.locator("main input[name=q]").fill(NICKNAME)
    office.locator("main input[name=q]").press("Enter")
    expect(office.locator("tbody tr")).to_have_count(1)
    office.locator("tbody").get_by_role("checkbox").check()
    office.locator("[data-bulk]").get_by_role("button", name="加标签").click()
    dialog = office.get_by_role("dialog")
    dialog.get_by_label("新").fill(TAG)
    dialog.get_by_role("button", name="加上标签").click()
    expect(office.locator("tbody tr")).to_contain_text(TAG)


def open_menus(office: Page) -> None:
    from_menu(office, "微信与收款", "公众号")
    office.get_by_role("link", name="自定义菜单").click()
    office.get_by_role("link", name="查看个性化菜单").click()
    expect(office.get_by_text("所有人看到的菜单都一样")).to_be_visible()


def make_label(office: Page) -> None:
    """At WeChat, and put on whoever carries the tag; a job does it."""
    office.get_by_label("标签名称").fill(LABEL)
    office.get_by_label("贴给有此标签的顾客").select_option(label=TAG)
    office.get_by_role("button", name="新建标签").click()
    label = office.locator(".wm-label", has_text=LABEL)
    for _ in range(20):
        expect(label).to_be_visible()
        if label.get_by_text("1 位粉丝").count():
            break
        office.wait_for_timeout(200)
        office.reload()
    expect(label).to_contain_text("1 位粉丝")


def publish(office: Page) -> None:
    """Begun with the menu for everybody; its first entry becomes the regulars' own."""
    office.get_by_role("link", name="新建菜单").first.click()
    whom = office.locator("#menu-form")
    whom.get_by_label("名称").fill(MENU)
    whom.get_by_label("粉丝标签").select_option(label=f"{LABEL} (1)")
    office.locator(".wm-button:not(.is-add)").first.click()
    office.locator(".wm-panel").get_by_label("菜单名称").fill(BUTTON)
    office.locator(".wm-kind", has_text="自动回复").click()
    office.get_by_label("回复内容").fill(ANSWER)
    office.get_by_role("button", name="发布菜单").click()
    office.get_by_role("dialog").get_by_role("button", name="发布菜单").click()
    expect(office.get_by_text("已发布：第 1 版")).to_be_visible()


def button_of(phone: Phone) -> Locator:
    """The regulars' entry under the chat."""
    return phone.page.get_by_role("button", name=BUTTON)


def ask_who_sees_it(office: Page) -> None:
    office.get_by_role("navigation").get_by_role("link", name="个性化菜单").click()
    row = office.locator("tbody tr", has_text=MENU)
    expect(row).to_contain_text(LABEL)
    office.get_by_label("粉丝", exact=True).select_option(label=NICKNAME)
    office.get_by_role("button", name="向微信查询").first.click()
    expect(office.locator(".wm-answer")).to_contain_text(MENU)
    row.get_by_role("link", name=MENU).click()


def withdraw(office: Page) -> None:
    office.get_by_label("更多", exact=True).first.click()
    office.get_by_role("button", name="从微信下架").click()
    office.get_by_role("dialog").get_by_role("button", name="下架").click()
    expect(office.get_by_text("聊天里的菜单已删除，草稿还在")).to_be_visible()
