"""A customer signs in on the shop's own site: the code to copy, the frame, the way to the card."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

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
            frame.get_by_label("手机号").fill(PHONE)
            token = frame.locator("[name=picture_token]").input_value()
            frame.get_by_label("校验码").fill(shop.signs_of(token))
            frame.get_by_role("button", name="获取验证码").click()
            frame.locator("[name=code]").fill(shop.code_for(PHONE))
            assert page.context.cookies() == []
            frame.get_by_role("button", name="登录").click()
            page.wait_for_url(f"**/w/{SLUG}/**")
            expect(page.get_by_text(CARD).first).to_be_visible()


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
