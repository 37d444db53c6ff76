"""The browser tests get."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from playwright.sync_api import Browser

from tests.plugins import browser as plugin
from tests.plugins.browser import Chromium


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

    def test_one_that_hangs_is_replaced(
        self, chromium: Chromium, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plugin, "CLOSES_S", 0.3)
        context = browser.new_context()
        for pid in plugin.pids():
            os.kill(pid, signal.SIGSTOP)

        plugin.close(context)

        assert not browser.is_connected()
        self.test_shows_chinese(chromium())
