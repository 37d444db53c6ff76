"""The browser tests get."""

from __future__ import annotations

import asyncio

from playwright.sync_api import Browser


class TestBrowser:
    def test_shows_chinese(self, browser: Browser) -> None:
        page = browser.new_page()
        page.set_content("<p lang=zh>集章</p>")
        assert page.inner_text("p") == "集章"
        page.close()

    def test_is_no_event_loop_to_others(self) -> None:
        async def answer() -> int:
            return 42

        assert asyncio.run(answer()) == 42

    def test_still_works_after_one_of_them(self, browser: Browser) -> None:
        assert browser.is_connected()
        self.test_shows_chinese(browser)
