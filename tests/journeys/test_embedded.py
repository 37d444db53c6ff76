"""A customer signs in on the shop's own site: the code to copy, the frame, the way to the card."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.journeys.people import WIDE, from_menu, sign_in, window
from tests.journeys.world import CARD, SLUG, Shop

PHONE = "13800138321"


@pytest.mark.spec("repairs U-46")
def test_a_customer_signs_in_on_the_shops_own_site(shop: Shop, browser: Browser) -> None:
    with own_site() as (site, code):
        with window(browser, WIDE) as office:
            sign_in(office, shop)
            code.append(copied_code(office, site))
        with window(browser, WIDE) as page:
            page.goto(site)
            frame = page.frame_locator("iframe")
            stumble(shop, frame)
            frame.locator("[name=code]").fill(shop.code_for(PHONE))
            assert page.context.cookies() == []
            frame.get_by_role("button", name="登录").click()
            page.wait_for_url(f"**/w/{SLUG}/**")
            expect(page.get_by_text(CARD).first).to_be_visible()
        with window(browser, WIDE) as office, window(browser, WIDE) as page:
            page.goto(site)
            expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("会员登录")
            sign_in(office, shop)
            take_off(office, site)
            page.reload()  # the browser shows nothing in the frame of a site that is off the list
            expect(page.frame_locator("iframe").get_by_role("heading")).to_have_count(0)


def stumble(shop: Shop, frame: FrameLocator) -> None:
    """Everything wrong is told where it is, nothing typed is lost, and there is a way on."""
    frame.get_by_label("手机号").fill(PHONE)
    for signs in ("????", ""):
        token = frame.locator("[name=picture_token]").input_value()
        frame.get_by_label("校验码").fill(signs or shop.signs_of(token))
        frame.get_by_role("button", name="获取验证码").click()
        if signs:
            expect(frame.get_by_text("校验码不正确")).to_be_visible()
    expect(frame.get_by_text("验证码已发往")).to_be_visible()
    wrong = "000000" if shop.code_for(PHONE) != "000000" else "111111"
    frame.locator("[name=code]").fill(wrong)
    frame.get_by_role("button", name="登录").click()
    expect(frame.locator(".zg-field-error").first).to_be_visible()
    frame.get_by_role("button", name="重新获取验证码").click()
    expect(frame.get_by_label("手机号")).to_have_value(PHONE)
    token = frame.locator("[name=picture_token]").input_value()
    frame.get_by_label("校验码").fill(shop.signs_of(token))
    frame.get_by_role("button", name="获取验证码").click()
    expect(frame.get_by_text("秒后")).to_be_visible()  # the first one is on its way


def take_off(office: Page, site: str) -> None:
    from_menu(office, "微信与收款", "嵌入登录")
    row = office.locator(".si-origins li", has_text=site)
    row.get_by_role("button", name="删除").first.click()
    office.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(row).to_have_count(0)


@contextmanager
def own_site() -> Iterator[tuple[str, list[str]]]:
    """The shop's own site, another one than ours to a browser, and what its page will hold."""
    code: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><meta charset=utf-8><body>{''.join(code)}</body>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_what: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}", code
    finally:
        server.shutdown()
        server.server_close()


def copied_code(office: Page, site: str) -> str:
    """The owner names the site and takes the code for it."""
    from_menu(office, "微信与收款", "嵌入登录")
    office.get_by_label("网站地址").fill(site)
    office.get_by_role("button", name="添加网站").click()
    return office.locator(".si-snippet").inner_text()
