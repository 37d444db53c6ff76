"""A noodle shop signs up, takes in a colleague and its customers, and pays when the trial is over;
an operator opens its own door, lets somebody in and freezes them.

Everything is pressed and typed; only the picture code is read for the browser.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.people import (
    PHONE,
    WIDE,
    enter,
    enter_twofold,
    from_menu,
    move_clock,
    prove_phone,
    set_clock_right,
    submit,
    window,
)
from tests.journeys.world import PASSWORD, Shop

PLATFORM_PHONE, HEAD_PHONE = "13900010009", "13900010008"
OWNER_PHONE, COLLEAGUE_PHONE, APPLICANT_PHONE = "13900010001", "13900010002", "13900010003"
NAME, APPLICANT = "桥头面馆", "老街修表"
FOUND = "李志强"
TAKEN = "48"
SECRET = "JOURNEYJOURNEYJOURNEYJOURNEYJOUR"

MAKE = f"""
from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role
from zhanggui.billing import services as billing
from zhanggui.signin.services import factors

actor = system_actor("journey")
def person(name, phone, place):
    made = services.create_person(name=name, phone=phone, password={PASSWORD!r}, actor=actor)
    services.add_membership(person=made, place=place, role=Role.OWNER, actor=actor)
    return made
boss = person("沈若谷", {PLATFORM_PHONE!r}, None)
factors.keep_totp(person=boss, secret={SECRET!r}, actor=actor)
nanfeng = services.create_operator(name="南风商户服务", slug="nanfeng", actor=actor)
person("秦南风", {HEAD_PHONE!r}, nanfeng)
services.publish_agreement(place=None, text="# 协议", actor=actor)
services.edit_registration(place=None, is_open=True, needs_approval=False, title="", actor=actor)
billing.set_seller(
    operator=None, payee="掌柜科技", bank="城北银行", account_number="5719000012345678", note="",
    actor=actor,
)
"""


@pytest.fixture(scope="module")
def tiers(shop: Shop) -> Shop:
    """The platform, open to everybody, and an operator that is still closed."""
    shop.product.run(MAKE)
    return shop


@pytest.fixture
def owner(browser: Browser) -> Iterator[Page]:
    with window(browser, WIDE) as page:
        yield page


@pytest.fixture
def platform(browser: Browser, tiers: Shop) -> Iterator[Page]:
    """Somebody of the platform, who has signed in with both factors and lands on the overview."""
    with window(browser, WIDE) as page:
        enter_twofold(page, tiers, PLATFORM_PHONE, SECRET)
        yield page
        set_clock_right(page, tiers)


def test_a_shop_from_its_sign_up_to_its_second_year(
    tiers: Shop, owner: Page, platform: Page, browser: Browser, tmp_path: Path
) -> None:
    sign_up(owner, tiers)
    office = owner.url
    invite(owner, browser, tiers)
    owner.goto(office)
    expect_new_customers(owner, "0")
    import_customers(owner, tmp_path)
    find_by_initials(owner)
    owner.goto(office)
    expect_new_customers(owner, TAKEN)
    look_at_their_rows(owner)

    move_clock(platform, tiers, 16, 7)
    owner.goto(f"{office}stores/new")
    open_store(owner)
    expect(owner.get_by_text("本店的版本已到期")).to_be_visible()
    owner.locator("main").get_by_role("link", name="我的账户").click()
    pay_by_transfer(owner)
    review(platform, tiers)
    owner.reload()
    expect(owner.get_by_text("已支付").first).to_be_visible()
    owner.goto(f"{office}stores/new")
    open_store(owner)
    expect(owner.get_by_role("heading", name="桥头店")).to_be_visible()


def sign_up(page: Page, shop: Shop) -> None:
    """Phone, picture, code, name, password; then the new back office."""
    page.goto(f"{shop.product.url}/join")
    prove_phone(page, shop, OWNER_PHONE)
    page.get_by_label("商家名称").fill(NAME)
    fill_passwords(page)
    page.get_by_label("我已阅读并同意").check()
    page.get_by_role("button", name="开通后台").click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_role("link", name="新建第一家门店")).to_be_visible()


def fill_passwords(page: Page) -> None:
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=again]").fill(PASSWORD)


def invite(owner: Page, browser: Browser, shop: Shop) -> None:
    """A colleague opens the link of the QR code on a phone, makes an account and accepts."""
    from_menu(owner, "店务", "员工")
    owner.get_by_role("link", name="邀请同事").click()
    owner.locator("#id_role").get_by_text("店员", exact=True).click()
    owner.get_by_role("button", name="生成邀请").click()
    link = owner.locator(".ac-link")
    expect(link).to_be_visible()
    expect(owner.locator("main img[src^='data:image/svg']").first).to_be_visible()
    with window(browser, PHONE) as colleague:
        colleague.goto(link.inner_text())
        colleague.get_by_role("link", name="还没有账号").click()
        prove_phone(colleague, shop, COLLEAGUE_PHONE)
        colleague.get_by_label("您的姓名").fill("周小北")
        fill_passwords(colleague)
        colleague.get_by_role("button", name="注册").click()
        colleague.get_by_role("button", name=re.compile("接受")).click()
        expect(colleague.get_by_text("欢迎加入")).to_be_visible()
    from_menu(owner, "店务", "员工")
    expect(owner.locator("tbody tr", has_text="周小北")).to_contain_text("店员")


def import_customers(owner: Page, folder: Path) -> None:
    """The sample, back in: its errors are named by cell, the good rows go in."""
    owner.get_by_role("link", name="顾客", exact=True).first.click()
    owner.get_by_role("link", name="导入", exact=True).click()
    with owner.expect_download() as sample:
        owner.get_by_role("link", name="带错误的示例表").click()
    sheet = folder / "sample.xlsx"
    sample.value.save_as(sheet)
    owner.get_by_role("button", name="上传并继续").click()
    missing = owner.get_by_text("请先选择文件")  # at the field, not in the browser's own bubble
    expect(missing).to_be_visible()
    owner.get_by_label("表格", exact=True).set_input_files(sheet)
    expect(missing).to_be_hidden()
    owner.get_by_role("button", name="上传并继续").click()
    owner.get_by_role("button", name="开始检查").click()
    expect(owner.locator("tbody tr", has_text="C21")).to_contain_text("1990-02-30")
    owner.get_by_role("button", name=f"只导入没有错误的 {TAKEN} 行").click()
    expect(owner.get_by_text("因错误跳过")).to_be_visible()


def find_by_initials(owner: Page) -> None:
    """In the list and by Ctrl-K."""
    owner.get_by_role("link", name="去看顾客").click()
    search = owner.locator("main input[name=q]")
    search.fill("lzq")
    search.press("Enter")
    expect(owner.locator("tbody tr")).to_have_count(1)
    expect(owner.locator("tbody tr")).to_contain_text(FOUND)
    owner.keyboard.press("Control+k")
    owner.keyboard.type("lz")
    owner.keyboard.press("Escape")
    expect(owner.locator("#zg-search")).to_be_hidden()
    owner.keyboard.press("Control+k")
    owner.keyboard.type("lzq")
    owner.locator("#zg-search").get_by_role("link", name=FOUND).click()
    expect(owner.get_by_role("heading", name=FOUND)).to_be_visible()


def expect_new_customers(owner: Page, many: str) -> None:
    figure = owner.locator(".zg-figure", has_text="新增顾客")
    expect(figure.locator(".zg-figure-value")).to_have_text(many)


def look_at_their_rows(owner: Page) -> None:
    """The figure's link leads to as many customers."""
    figure = owner.locator(".zg-figure", has_text="新增顾客")
    figure.locator("xpath=descendant-or-self::a").first.click()
    expect(owner).to_have_url(re.compile("created_from="))
    expect(owner.get_by_role("heading", level=1)).to_have_text(
        re.compile(rf"^\s*顾客\s*{TAKEN}\s*$")
    )


def open_store(owner: Page) -> None:
    owner.get_by_label("门店名称").fill("桥头店")
    submit(owner.get_by_role("button", name="新建门店"))


def pay_by_transfer(owner: Page) -> None:
    """Order a year, hand in the bank's receipt."""
    owner.get_by_role("link", name="我要续费").click()
    owner.get_by_text("¥2,998.00").click()
    owner.get_by_role("button", name="提交订单").click()
    expect(owner.get_by_label("转账金额")).to_be_attached()
    by_bank = owner.locator("details > summary", has_text="转账")
    if by_bank.count():  # the seller takes WeChat Pay as well
        by_bank.click()
    owner.get_by_label("转账金额").fill("2998")
    owner.get_by_label("转账流水号").fill("NOODLES1")
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(picture, "PNG")
    receipt = {"name": "receipt.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    owner.get_by_label("银行回单").set_input_files(receipt)  # type: ignore[arg-type]
    owner.get_by_role("button", name="提交", exact=True).click()
    expect(owner.get_by_text("转账正在审核")).to_be_visible()


def review(platform: Page, shop: Shop) -> None:
    """The platform compares with its bank and takes the transfer."""
    platform.goto(f"{shop.product.url}/platform/overview/")
    platform.get_by_role("link", name="转账审核").first.click()
    platform.get_by_role("button", name="确认到账").click()
    platform.locator("dialog[open]").get_by_role("button", name="已到账").click()
    expect(platform.get_by_text("已确认到账")).to_be_visible()


def test_an_operator_opens_its_door_approves_and_freezes(tiers: Shop, browser: Browser) -> None:
    with window(browser, WIDE) as head, window(browser, PHONE) as applicant:
        enter(head, tiers, HEAD_PHONE)
        head.wait_for_url("**/operator/nanfeng/overview/")
        open_the_door(head)
        apply(applicant, tiers)
        approve(head)
        applicant.goto(f"{tiers.product.url}/choose")
        expect(applicant.get_by_role("heading", name=APPLICANT)).to_be_visible()
        office = applicant.url
        freeze(head)
        applicant.goto(office)
        expect(applicant.get_by_role("heading", name="登录")).to_be_visible()
        enter(applicant, tiers, APPLICANT_PHONE)
        expect(applicant.get_by_text("已被冻结")).to_be_visible()


def open_the_door(head: Page) -> None:
    """Title, logo and agreement of its own; then strangers may come in."""
    head.get_by_role("link", name="商家入驻", exact=True).first.click()
    head.get_by_label("开放商家入驻").check()
    head.get_by_label("登录标题").fill("南风开店")
    submit(head.get_by_role("button", name="保存", exact=True))
    logo = io.BytesIO()
    Image.new("RGB", (256, 256), "#2b4c7e").save(logo, "PNG")
    picture = {"name": "logo.png", "mimeType": "image/png", "buffer": logo.getvalue()}
    head.locator("input[type=file]").first.set_input_files(picture)  # type: ignore[arg-type]
    head.get_by_role("button", name="上传").first.click()
    expect(head.locator(".ac-look.is-logo img")).to_be_visible()
    head.get_by_role("link", name="查看和修改").click()
    head.get_by_label("入驻协议").fill("# 南风入驻协议\n\n说到做到。")
    head.get_by_role("button", name="发布为新版本").click()
    expect(head.get_by_text("第 1 版已生效")).to_be_visible()


def apply(applicant: Page, shop: Shop) -> None:
    """On a phone, at the operator's address, in the operator's look."""
    applicant.goto(f"{shop.product.url}/join/nanfeng")
    expect(applicant.get_by_text("南风开店")).to_be_visible()
    expect(applicant.locator("img[src*='/look/']").first).to_be_visible()
    prove_phone(applicant, shop, APPLICANT_PHONE)
    applicant.get_by_label("商家名称").fill(APPLICANT)
    fill_passwords(applicant)
    applicant.get_by_label("我已阅读并同意").check()
    applicant.get_by_role("button", name="提交申请").click()
    expect(applicant.get_by_text("待审核")).to_be_visible()


def approve(head: Page) -> None:
    head.get_by_role("link", name="入驻申请").first.click()
    head.get_by_role("link", name=APPLICANT).click()
    submit(head.get_by_role("button", name="通过", exact=True))
    expect(head.get_by_role("heading", name=APPLICANT)).to_be_visible()


def freeze(head: Page) -> None:
    head.get_by_role("link", name="冻结", exact=True).click()
    head.get_by_label("原因").fill("营业执照过期")
    head.get_by_role("button", name="冻结").last.click()
    expect(head.get_by_text("该商家的人员已全部退出登录")).to_be_visible()
