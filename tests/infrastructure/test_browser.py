"""The browser tests get."""

from __future__ import annotations

from playwright.sync_api import Browser


class TestBrowser:
    def test_shows_chinese(self, browser: Browser) -> None:
        page = browser.new_page()
        page.set_content("<p lang=zh>集章</p>")
        assert page.inner_text("p") == "集章"
        page.close()
