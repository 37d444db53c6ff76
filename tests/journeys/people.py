"""What people press: the owner's browser, and phones with WeChat in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyotp
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    ViewportSize,
    WebError,
    expect,
)

from tests.journeys.world import OWNER_PHONE, PASSWORD, Shop
from tests.plugins.browser import window as lent

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SOON_MS = 30_000
EXPECTED = re.compile(
    r"Failed to load resource|Response Status Error|Send Error"
    r"|htmx:(sendError|sendAbort|afterRequest)|frame-ancestors"
)
"""Refusals, a lost network, a frame on a site that may not show it and leaving a page are part of
the play; scripts that break are not."""


@contextmanager
def window(browser: Browser, size: ViewportSize) -> Iterator[Page]:
    """A browser of one's own; an error on the page's console fails the journey."""
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            errors.append(message.text)

    def note(error: WebError) -> None:
        errors.append(str(error.error))

    with lent(browser, size) as page:
        page.context.set_default_timeout(SOON_MS)
        page.context.on("console", listen)
        page.context.on("weberror", note)
        yield page
        page.context.remove_listener("console", listen)
        page.context.remove_listener("weberror", note)
    assert not errors, errors


def sign_in(page: Page, shop: Shop, phone: str = OWNER_PHONE) -> None:
    """The owner signs in to the back office."""
    enter(page, shop, phone)
    page.wait_for_url("**/m/**")


def from_menu(office: Page, section: str, entry: str) -> None:
    """Open a page by the menu; its sections are folded but for the one of the open page."""
    fold = office.locator("details.zg-side-fold").filter(
        has=office.locator("summary", has_text=section)
    )
    if fold.get_attribute("open") is None:
        fold.locator("summary").click()
    fold.get_by_role("link", name=entry, exact=True).click()


def unfold(page: Page, title: str) -> None:
    """Open a folded section of a form."""
    fold = page.locator("details.zg-fold", has=page.locator("summary", has_text=title))
    if fold.get_attribute("open") is None:
        fold.locator("summary").click()


def enter(page: Page, shop: Shop, phone: str) -> None:
    """Somebody types number and password; a second factor may follow."""
    page.goto(f"{shop.product.url}/login")
    page.get_by_label("手机号").fill(phone)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()


def submit(button: Locator) -> None:
    """Press it and wait for the answer: a form asks first whether the server is there."""
    with button.page.expect_navigation():
        button.click()


def enter_twofold(page: Page, shop: Shop, phone: str, secret: str) -> None:
    """Somebody of the platform enters with both factors and lands on the overview."""
    enter(page, shop, phone)
    page.locator("[name=digits]").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="确认").click()
    page.wait_for_url("**/platform/overview/")


def prove_phone(page: Page, shop: Shop, phone: str) -> None:
    """Answer the picture on a form, and type in the code that came to the phone."""
    page.get_by_label("手机号").fill(phone)
    page.get_by_label("校验码").fill(
        shop.signs_of(page.locator("[name=picture_token]").input_value())
    )
    page.get_by_role("button", name="获取验证码").click()
    expect(page.get_by_text("验证码已发往")).to_be_visible()
    page.locator("[name=code]").fill(shop.code_for(phone))


class Phone:
    """Somebody's phone in the sandbox; ``web`` is the page in its in-app browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)

    def address(self) -> str:
        """Where the in-app browser is."""
        return str(
            self.page.evaluate(
                "document.querySelector('iframe.web').contentWindow.location.pathname"
            )
        )

    @property
    def web(self) -> FrameLocator:
        """What the in-app browser shows."""
        return self.page.frame_locator("iframe.web")

    def scan(self, scene_name: str) -> None:
        """扫一扫: choose the QR code that somebody shows, follow the account it belongs to."""
        self.page.get_by_role("button", name="扫一扫").first.click()
        self.page.get_by_role("button", name=scene_name).first.click()
        follow = self.page.get_by_role("button", name="关注", exact=True)
        chat = self.page.locator(".log")
        expect(follow.or_(chat).first).to_be_visible()
        if follow.is_visible():
            follow.click()

    def follow(self, name: str) -> None:
        """搜一搜: find an official account and follow it."""
        self.page.get_by_role("button", name="搜一搜").first.click()
        self.page.get_by_role("searchbox").fill(name)
        self.page.get_by_role("button", name="关注", exact=True).click()

    def open_link(self, part: str) -> None:
        """Press a link in the chat; answer WeChat's question for nickname and picture."""
        self.page.locator(f".bubble a[href*='{part}']").last.click()
        self.allow()

    def allow(self) -> None:
        """允许, when WeChat asks."""
        asked = self.web.get_by_role("button", name="允许")
        page = self.web.locator("#main")
        expect(asked.or_(page).first).to_be_visible()
        if asked.is_visible():
            asked.click()
        expect(page).to_be_visible()


def move_clock(page: Page, shop: Shop, *days: int) -> None:
    """On the demo's page, step by step."""
    for step in days:
        page.goto(f"{shop.product.url}/demo/clock")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name=f"往后 {step} 天").click()
        expect(page.get_by_text("已拨动")).to_be_visible()


def set_clock_right(page: Page, shop: Shop) -> None:
    """Back to the real time, if it was moved."""
    page.goto(f"{shop.product.url}/demo/clock")
    back = page.get_by_role("button", name="拨回真实时间")
    if back.count():
        back.last.click()
    expect(back).to_have_count(0)


@contextmanager
def phone_of(browser: Browser, shop: Shop, slug: str) -> Iterator[Phone]:
    """The phone of one of the sandbox's people."""
    with window(browser, PHONE) as page:
        yield Phone(page, shop.phone(slug))
