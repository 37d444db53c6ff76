"""A florist gets an official account: authorised by QR, with a menu, replies and a template; buys
SMS credit with the phone, and the bill agrees; then the authorisation is taken back.

Everything is pressed and typed; only the platform and its keys are made beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.people import (
    WIDE,
    Phone,
    enter,
    enter_twofold,
    from_menu,
    move_clock,
    phone_of,
    set_clock_right,
    submit,
    window,
)
from tests.journeys.world import AES_KEY, CALLBACK_TOKEN, PASSWORD, PLATFORM_APP, SECRET, Shop

COMPONENT, ACCOUNT = "wxsb00000000000000c1", "wxsb00000000000000f1"
BOSS_PHONE, OWNER_PHONE = "13900020009", "13900020001"
TOTP = "FLOWERSFLOWERSFLOWERSFLOWERSFLOW"
NAME, KEEPER, FOLLOWER = "云上花铺", "florist", "chen-xi"
BUTTON, HOURS = "营业时间", "每天 8:30–20:00 营业，节日前一天到 22:00。"
PLACE = "花铺在青石路 12 号，地铁 2 号线 C 口出来左转。"
TEMPLATE = "门店服务通知"
MCHID = "9000000201"
PAD = "123456"
"""The password of everybody's phone in the sandbox."""

MAKE = """
from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role, Tier
from zhanggui.channels.pay.models import Mode, Way
from zhanggui.channels.pay.services import accounts
from zhanggui.channels.wechat import component_setup
from zhanggui.channels.wechat.services import Credentials
from zhanggui.signin.services import factors

actor = system_actor("journey")
def person(name, phone, place):
    made = services.create_person(name=name, phone=phone, password={password!r}, actor=actor)
    services.add_membership(person=made, place=place, role=Role.OWNER, actor=actor)
    return made
boss = person("沈若谷", {boss!r}, None)
factors.keep_totp(person=boss, secret={totp!r}, actor=actor)
shop = services.create_merchant(name={name!r}, slug="flowers", trade="花店", actor=actor)
person("叶云上", {owner!r}, shop)
component_setup.set_up_component(
    name="掌柜开放平台", credentials=Credentials({component!r}, {secret!r}, {token!r}, {aes!r}),
    actor=actor,
)
accounts.connect_account(
    place=accounts.Place(Tier.PLATFORM), mode=Mode.DIRECT, name="掌柜平台收款", mchid={mchid!r},
    app_id={app!r}, keys=accounts.Keys(**{keys!r}), ways=[Way.NATIVE], actor=actor,
)
"""


@pytest.fixture(scope="module")
def florist(shop: Shop) -> Shop:
    """A flower shop without an account, a third-party platform, what the platform collects on."""
    host = urlsplit(shop.product.url).netloc
    hook = f"{shop.product.url}/hooks/wechat/component/{COMPONENT}/"
    shop.control(
        "PUT",
        f"components/{COMPONENT}",
        {
            "name": "掌柜开放平台",
            "secret": SECRET,
            "token": CALLBACK_TOKEN,
            "aes_key": AES_KEY,
            "event_url": hook,
            "message_url": f"{hook}$APPID$/",
            "login_domains": [host],
            "account_domains": [host],
        },
    )
    shop.control("PUT", "people", [{"slug": KEEPER, "nickname": "叶云上"}])
    account = {"name": NAME, "secret": SECRET, "kind": "service", "admin": KEEPER}
    shop.control("PUT", f"accounts/{ACCOUNT}", account)
    till = shop.control(
        "POST", "merchants", {"mchid": MCHID, "name": "掌柜平台收款", "appids": [PLATFORM_APP]}
    )
    keys = {
        "serial": till["serial"],
        "private_key": till["private_key_pem"],
        "api_v3_key": till["api_v3_key"],
        "public_key_id": till["public_key_id"],
        "public_key": till["public_key_pem"],
    }
    made = MAKE.format(
        password=PASSWORD,
        boss=BOSS_PHONE,
        totp=TOTP,
        name=NAME,
        owner=OWNER_PHONE,
        component=COMPONENT,
        secret=SECRET,
        token=CALLBACK_TOKEN,
        aes=AES_KEY,
        mchid=MCHID,
        app=PLATFORM_APP,
        keys=keys,
    )
    shop.product.run(made)
    shop.control("POST", f"components/{COMPONENT}/ticket", {})
    return shop


@contextmanager
def office_of(browser: Browser, shop: Shop) -> Iterator[Page]:
    """The florist's back office."""
    with window(browser, WIDE) as page:
        enter(page, shop, OWNER_PHONE)
        page.wait_for_url("**/m/flowers/**")
        yield page


@pytest.mark.spec("platform P19", "repairs A8", "repairs D1", "repairs U-48")
def test_an_account_from_its_authorisation_to_its_end(florist: Shop, browser: Browser) -> None:
    with (
        office_of(browser, florist) as office,
        phone_of(browser, florist, KEEPER) as keeper,
        phone_of(browser, florist, FOLLOWER) as follower,
    ):
        authorise(office, keeper)
        publish_menu(office)
        follower.follow(NAME)
        follower.page.get_by_role("button", name=BUTTON).click()
        expect(said(follower).last).to_have_text(HOURS)
        write_reply(office)
        ask(follower, "你们在哪里？")
        expect(said(follower).last).to_have_text(PLACE)
        add_template(browser, florist)
        choose_template(office)
        work_on_a_dead_letter(florist, office)
        expect(follower.page.locator(".card.template")).to_contain_text(NAME)
        take_back(keeper)
        see_the_warning(office)
        authorise_again(office, keeper)


def authorise(office: Page, keeper: Phone) -> None:
    """WeChat's page shows a code, the administrator scans it and agrees; both pages go on."""
    from_menu(office, "微信与收款", "公众号")
    office.get_by_role("link", name="接入自己的公众号").click()
    office.get_by_role("button", name="扫码授权").click()
    agree(office, keeper, has_choice=True)
    expect(office.get_by_role("heading", name=NAME)).to_be_visible()
    expect(office.get_by_text("自有", exact=True)).to_be_visible()


def agree(office: Page, keeper: Phone, *, has_choice: bool = False) -> None:
    """The way over WeChat's page; there the administrator may have to choose among accounts."""
    with office.expect_popup() as opened:
        office.get_by_role("link", name="打开微信授权页").click()
    wechat = opened.value
    expect(wechat.get_by_role("img", name="授权二维码")).to_be_visible()
    keeper.page.get_by_role("button", name="扫一扫").first.click()
    keeper.page.get_by_role("button", name="授权给").first.click()
    if has_choice:
        keeper.web.get_by_role("link", name=NAME).click()
    keeper.web.get_by_role("button", name="确认授权").click()
    expect(keeper.web.get_by_role("heading", name="授权成功")).to_be_visible()
    wechat.wait_for_url("**/m/flowers/channels/wechat/")
    wechat.close()
    office.wait_for_url("**/m/flowers/channels/wechat/")
    keeper.page.get_by_role("button", name="关闭网页").click()


def publish_menu(office: Page) -> None:
    """The suggestion, a button that answers, and one with an entry above it."""
    office.get_by_role("link", name="自定义菜单").click()
    office.get_by_role("button", name="添加一级菜单").click()
    office.get_by_label("菜单名称").fill(BUTTON)
    office.locator(".wm-kind", has_text="自动回复").click()
    office.get_by_label("回复内容").fill(HOURS)
    expect(office.locator(".wm-chat .wm-said")).to_have_text(HOURS)  # as on a phone
    buttons = office.locator(".wm-button:not(.is-add)")
    while buttons.count() < 3:
        office.get_by_role("button", name="添加一级菜单").click()
        office.get_by_label("菜单名称").fill("扫一扫")
        office.locator(".wm-kind", has_text="扫码").click()
    buttons.first.click()
    office.locator(".wm-panel").get_by_role("button", name="添加子菜单").click()
    office.get_by_label("菜单名称").fill("官网")
    office.locator(".wm-kind", has_text="跳转网页").click()
    office.get_by_label("网页地址").fill("https://www.example.com/")
    expect(office.locator(".wm-popup").get_by_role("button", name="官网")).to_be_visible()
    expect(office.get_by_role("button", name="添加一级菜单")).to_have_count(0)  # three are all
    office.get_by_role("button", name="发布菜单").click()
    office.get_by_role("dialog").get_by_role("button", name="发布菜单").click()
    expect(office.get_by_text("已发布：第 1 版")).to_be_visible()


def said(phone: Phone) -> Locator:
    """What the account has said in the open chat."""
    return phone.page.locator(".line:not(.mine) .bubble")


REMEMBERED_MS = 2_200
"""A web process keeps an account's rules for two seconds; nobody types as fast as a test."""


def write_reply(office: Page) -> None:
    office.get_by_role("link", name="自动回复", exact=True).click()
    office.get_by_role("link", name="新建关键词规则").first.click()
    office.get_by_label("关键词").fill("地址\n在哪")
    office.get_by_role("textbox", name="文字").fill(PLACE)
    office.get_by_role("button", name="保存回复").click()
    expect(office.locator("tbody tr")).to_contain_text(PLACE)
    office.wait_for_timeout(REMEMBERED_MS)


def ask(follower: Phone, text: str) -> None:
    follower.page.get_by_role("button", name="切换到输入框").click()
    follower.page.get_by_label("输入消息").fill(text)
    follower.page.get_by_role("button", name="发送").click()


def add_template(browser: Browser, shop: Shop) -> None:
    """In WeChat's own library, which stands on the sandbox's page of accounts."""
    with window(browser, WIDE) as desk:
        desk.goto(f"{shop.product.sandbox_url}/_sandbox/accounts")
        card = desk.locator(".account", has_text=ACCOUNT)
        card.get_by_text("没有消息模板").click()
        card.get_by_role("button", name="从模板库添加").click()
        desk.get_by_role("button", name=TEMPLATE).click()
        expect(card.get_by_text("消息模板 1 个")).to_be_visible()


def choose_template(office: Page) -> None:
    """For the shop's own notice; then a test goes to the follower."""
    office.get_by_role("link", name="消息模板", exact=True).click()
    office.get_by_role("link", name="门店通知").click()
    office.get_by_label("公众号的模板").select_option(label=TEMPLATE)
    office.get_by_role("button", name="显示模板内容").click()
    office.get_by_label("门店名称").select_option(label="店铺名称")
    for place in ("通知事项", "通知内容"):
        office.get_by_label(place).select_option(label="事项")
    submit(office.get_by_role("button", name="使用这个模板"))
    office.get_by_role("link", name="门店通知").click()
    office.get_by_role("button", name="发送测试").click()
    expect(office.get_by_text("微信已接收")).to_be_visible()


DIES = f"""
from zhanggui.channels.wechat.models import CallbackDelivery
newest = CallbackDelivery.objects.filter(account__name={NAME!r}).order_by("-pk").first()
newest.state, newest.error, newest.tries = "dead", "RuntimeError: no room", 6
newest.save()
"""
"""No fault of WeChat's makes our own work fail, so one that was given up is written down."""


def work_on_a_dead_letter(shop: Shop, office: Page) -> None:
    """Seen where the account's health is, worked on again, and gone from there."""
    shop.product.run(DIES)
    from_menu(office, "微信与收款", "公众号")
    trouble = office.locator("a[href='?callbacks=trouble']")
    trouble.click()
    dead = office.locator("tr", has_text="RuntimeError: no room")
    expect(dead).to_have_count(1)
    dead.get_by_role("button").click()
    office.get_by_text("正在重新处理").first.wait_for()
    for _ in range(20):
        trouble.click()
        office.wait_for_load_state()
        if not dead.count():
            break
        office.wait_for_timeout(200)
    expect(dead).to_have_count(0)


def take_back(keeper: Phone) -> None:
    """On the administrator's phone, in the accounts in her care."""
    keeper.page.get_by_role("button", name="我", exact=True).click()
    keeper.page.get_by_role("button", name="公众号助手").click()
    held = keeper.page.locator(".care", has_text=NAME)
    held.get_by_role("button", name="取消授权").click()
    keeper.page.get_by_role("dialog").get_by_role("button", name="取消授权").click()
    expect(held).to_contain_text("没有授权给任何第三方平台")


def see_the_warning(office: Page) -> None:
    """On the first page and beside the menu, each with the way to the account."""
    warning = office.get_by_role("link", name=f"“{NAME}”已取消授权")
    expect(reloaded(office.get_by_role("link", name="概览"), warning)).to_be_visible()
    warning.click()
    expect(office.get_by_text("公众号已在微信侧取消授权")).to_be_visible()
    office.get_by_role("link", name="自定义菜单").click()
    office.get_by_role("link", name="查看解决办法").click()


def reloaded(link: Locator, wanted: Locator) -> Locator:
    """Press a link until what it leads to has heard the news; WeChat's push takes a moment."""
    for _ in range(20):
        link.click()
        link.page.wait_for_load_state()
        if wanted.is_visible():
            break
        link.page.wait_for_timeout(200)
    return wanted


def authorise_again(office: Page, keeper: Phone) -> None:
    keeper.page.get_by_role("button", name="返回").first.click()
    keeper.page.get_by_label("主导航").get_by_role("button", name="微信").click()
    office.get_by_role("button", name="重新授权").click()
    agree(office, keeper)
    expect(office.get_by_text("公众号已在微信侧取消授权")).to_have_count(0)


def test_sms_credit_is_paid_with_the_phone_and_the_bill_agrees(
    florist: Shop, browser: Browser
) -> None:
    day = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    with office_of(browser, florist) as office, phone_of(browser, florist, KEEPER) as phone:
        order(office)
        pay(phone)
        expect(office.get_by_text("已支付").first).to_be_visible()
        office.get_by_role("main").get_by_role("link", name="短信余额").click()
        expect(office.locator("tbody tr").first).to_contain_text("+1,000")
        expect(office.locator("tbody tr").first).to_contain_text("购买")
    with window(browser, WIDE) as boss:
        enter_twofold(boss, florist, BOSS_PHONE, TOTP)
        try:
            move_clock(boss, florist, 1, 1)
            check_bill(boss, florist, day)
        finally:
            set_clock_right(boss, florist)


def order(office: Page) -> None:
    from_menu(office, "消息", "短信余额")
    office.get_by_role("link", name="购买短信").click()
    office.get_by_text("¥60.00").click()
    office.get_by_role("button", name="提交订单").click()
    expect(office.get_by_role("img", name="微信支付二维码")).to_be_visible()


def pay(phone: Phone) -> None:
    """Scan, look at the sheet, type the password on its pad."""
    phone.page.get_by_role("button", name="扫一扫").first.click()
    phone.page.get_by_role("button", name="¥60.00").click()
    phone.page.get_by_role("button", name="立即支付").click()
    for digit in PAD:
        phone.page.locator(".pay-pad").get_by_role("button", name=digit, exact=True).click()
    expect(phone.page.get_by_role("heading", name="支付成功")).to_be_visible()
    phone.page.get_by_role("button", name="完成").click()
    expect(phone.page.get_by_text("已支付 ¥60.00")).to_be_visible()


def check_bill(boss: Page, shop: Shop, day: str) -> None:
    boss.goto(f"{shop.product.url}/platform/overview/")
    boss.get_by_role("link", name="支付", exact=True).click()
    boss.get_by_role("link", name="对账").click()
    boss.get_by_role("button", name="核对某一天").click()
    boss.get_by_label("日期").fill(day)
    boss.get_by_role("button", name="下载账单").click()
    expect(boss.get_by_text("没有差异")).to_be_visible()
    paid = boss.locator("tbody tr", has_text="收款")
    expect(paid.locator("td").first).to_contain_text("¥60.00")
    expect(paid.locator("td").last).to_contain_text("¥60.00")
