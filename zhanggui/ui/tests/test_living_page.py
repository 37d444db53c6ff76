"""The living page in a real browser: accessible, quiet in the console, and its parts behave."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from tests.plugins.browser import without_network
from zhanggui.ui import kit
from zhanggui.ui.staticfiles import is_ours

PATHS = ["/ui/", *(f"/ui/{name}/" for name in kit.PAGES if name != "overview")]
SERIOUS = {"serious", "critical"}
RULES = """(text) => {
  const sheet = new CSSStyleSheet(); sheet.replaceSync(text);
  return Array.from(sheet.cssRules, (rule) => rule.cssText.replace(/\\s*,\\s*/g, ",")) }"""
UNREADABLE = """async (urls) => {
  const faults = await Promise.all(urls.map((url) => import(url).then(
    () => null, (error) => error instanceof SyntaxError ? url : null)));
  return faults.filter(Boolean) }"""
# A browser that leaves a page drops downloads half way; the little server then forgets a file.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def ours(suffix: str) -> dict[str, str]:
    """What we wrote of that kind: address and text."""
    found = finders.AppDirectoriesFinder().list(None)
    return {
        f"/static/{name}": Path(storage.path(name)).read_text(encoding="utf-8")
        for name, storage in found
        if name.endswith(suffix) and is_ours(f"/static/{name}")
    }


class TestMinified:
    def test_style_sheets_have_the_same_rules(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/")
        for url, written in ours(".css").items():
            sent = page.evaluate("async (url) => (await fetch(url)).text()", url)
            assert len(sent) < len(written), url
            assert page.evaluate(RULES, sent) == page.evaluate(RULES, written), url

    def test_scripts_can_be_read(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/")
        scripts = ours(".js")
        assert len(scripts) > 40
        assert page.evaluate(UNREADABLE, list(scripts)) == []


class TestEveryPage:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("language", ["zh-hans", "en"])
    def test_answers_without_the_database(self, path: str, language: str) -> None:
        client = Client()
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        answer = client.get(path)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert f'lang="{language}"' in text
        assert " style=" not in text
        assert "<script>" not in text
        assert " onclick=" not in text

    def test_an_unknown_page_is_not_found(self) -> None:
        assert Client().get("/ui/nothing/").status_code == 404

    @pytest.mark.parametrize(
        ("width", "theme"), [(390, "light"), (1440, "dark")], ids=["phone-light", "wide-dark"]
    )
    def test_accessible_unclipped_and_quiet(
        self, site: str, browser: Browser, width: int, theme: str
    ) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, locale="zh-CN", reduced_motion="reduce"
        )
        context.add_cookies([{"name": "theme", "value": theme, "url": site}])
        page = context.new_page()
        faults: list[object] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: (
                faults.append((page.url, line.text))
                if line.type == "error" and "status of 4" not in line.text
                else None
            ),
        )
        for path in [*PATHS, "/ui/errors/404/", "/ui/errors/409/?phone"]:
            page.goto(site + path)
            page.wait_for_timeout(100)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append((path, "wider than the screen"))
            faults += [
                (path, found["id"], found["nodes"][0]["html"])
                for found in Axe().run(page).response["violations"]
                if found["impact"] in SERIOUS
            ]

        assert faults == []


class TestDialogs:
    def test_opens_and_closes_by_keyboard_and_gives_the_focus_back(
        self, site: str, page: Page
    ) -> None:
        page.goto(f"{site}/ui/detail/")
        opener = page.locator("[data-dialog-open=invite]").first
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#invite")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#invite")).to_be_hidden()
        expect(opener).to_be_focused()


class TestHtmx:
    @pytest.fixture
    def states(self, site: str, page: Page) -> Page:
        page.goto(f"{site}/ui/states/")
        return page

    def test_a_piece_and_a_refusal_are_swapped_in(self, states: Page) -> None:
        states.get_by_text("htmx 200").click()
        expect(states.locator("#piece-target")).to_contain_text("htmx")
        states.locator("#piece button", has_text="404").click()
        expect(states.locator("#piece-target")).to_contain_text("这里没有内容")

    def test_a_broken_server_is_told_and_can_be_tried_again(self, states: Page) -> None:
        states.locator("#piece button", has_text="500").click()
        toast = states.locator("#zg-toasts .zg-toast")
        expect(toast).to_contain_text("服务器暂时没有响应")
        toast.locator(".zg-toast-action").click()
        expect(states.locator("#zg-toasts")).to_contain_text("服务器暂时没有响应")

    def test_a_lost_network_is_told(self, states: Page) -> None:
        sign = states.locator("#zg-offline")
        with without_network(sign):
            expect(sign).to_be_visible()
            states.get_by_text("htmx 200").click()
            expect(states.locator("#zg-toasts")).to_contain_text("网络中断")
        expect(sign).to_be_hidden()

    def test_confirm_asks_in_our_dialog(self, states: Page) -> None:
        states.locator("#piece button", has_text="confirm").click()
        dialog = states.locator("dialog[open]")
        expect(dialog).to_contain_text("载入这部分吗？")
        dialog.locator(".btn-primary").click()
        expect(states.locator("#piece-target")).to_contain_text("htmx")


class TestSwitches:
    def test_theme_follows_the_device_until_somebody_chooses(
        self, site: str, browser: Browser
    ) -> None:
        context = browser.new_context(color_scheme="dark")
        page = context.new_page()
        page.goto(f"{site}/ui/")
        root = page.locator("html")
        expect(root).to_have_attribute("data-bs-theme", "dark")
        page.locator("[data-theme-switch]").click()
        expect(root).to_have_attribute("data-bs-theme", "light")
        page.reload()
        expect(root).to_have_attribute("data-bs-theme", "light")

    def test_language_comes_back_to_the_page(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/list/?q=x")
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        page.locator("button[name=language]").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert page.url.endswith("/ui/list/?q=x")

    def test_the_drawer_on_a_phone(self, site: str, page: Page) -> None:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{site}/ui/")
        side = page.locator("#zg-menu")
        expect(side).to_be_hidden()
        page.locator("[data-menu-open]").click()
        expect(side).to_be_visible()
        page.keyboard.press("Escape")
        expect(side).to_be_hidden()


class TestTables:
    @pytest.mark.parametrize(("width", "is_seen"), [(1280, True), (780, False)])
    def test_a_head_stays_in_sight_where_the_table_fits(
        self, site: str, page: Page, width: int, is_seen: bool
    ) -> None:
        page.set_viewport_size({"width": width, "height": 320})
        page.goto(f"{site}/ui/list/")
        page.locator("tbody tr").last.scroll_into_view_if_needed()

        head = page.locator("thead th").first.bounding_box()

        assert head
        assert (head["y"] == 60) == is_seen


class TestChart:
    def test_draws_and_shows_the_table(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/")
        expect(page.locator(".zg-chart canvas").first).to_be_visible()
        page.locator("[data-chart-view=table]").first.click()
        expect(page.locator(".zg-chart-table").first).to_be_visible()
        expect(page.locator(".zg-chart-table").first).to_contain_text("96")


class TestCountdown:
    def test_counts_down_says_done_once_and_closes_the_code(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/phone-code/")
        page.evaluate(
            """() => { window.done = 0;
            document.addEventListener("countdown:done", () => { window.done += 1 });
            const ring = document.querySelector("[data-countdown]").cloneNode(true);
            ring.dataset.countdown = "1"; delete ring.dataset.readyCountdown;
            document.body.append(ring);
            ring.dispatchEvent(new CustomEvent("htmx:load", {bubbles: true})) }"""
        )
        page.wait_for_timeout(2500)
        assert page.evaluate("window.done") == 1
        expect(page.locator("body > .zg-ring")).to_contain_text("已过期")
