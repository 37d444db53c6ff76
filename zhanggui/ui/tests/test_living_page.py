"""The living page in a real browser: accessible, quiet in the console, and its parts behave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from playwright.sync_api import Browser, Page, Request, expect

from tests.plugins.browser import Chromium, close, without_network
from zhanggui.ui import kit
from zhanggui.ui.staticfiles import is_ours, with_static_files

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


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 50


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The product's own handler with its middlewares; the kit needs no database."""
    server = make_server(
        "127.0.0.1", 0, with_static_files(WSGIHandler()), server_class=_Server, handler_class=_Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def windows() -> Iterator[list[Page]]:
    """The window that tests take turns in: a new one takes longer than most of them."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        close(page.context)


@pytest.fixture
def page(chromium: Chromium, windows: list[Page], site: str) -> Page:
    """The window with nothing left in it."""
    if not windows or windows[-1].is_closed():
        windows.append(chromium().new_context(locale="zh-CN").new_page())
    page = windows[-1]
    page.goto("about:blank")
    page.set_viewport_size({"width": 1280, "height": 900})
    devtools = page.context.new_cdp_session(page)
    devtools.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
    devtools.detach()
    return page


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


class TestDigits:
    @pytest.fixture
    def box(self, site: str, page: Page) -> Page:
        page.goto(f"{site}/ui/phone-desk/")
        page.locator("#digits").wait_for(state="attached")
        page.wait_for_function("document.querySelector('[data-ready-digits]')")
        return page

    def paste(self, page: Page, text: str) -> None:
        page.locator("#digits").focus()
        page.evaluate(
            """text => { const data = new DataTransfer(); data.setData("text", text);
            document.querySelector("#digits").dispatchEvent(
              new ClipboardEvent("paste", {clipboardData: data, cancelable: true})) }""",
            text,
        )

    @pytest.mark.parametrize(
        "pasted", ["048213", "０４８２１３", "048 213", "048-213", "验证码：048213。"]
    )
    def test_takes_a_pasted_code(self, box: Page, pasted: str) -> None:
        self.paste(box, pasted)
        assert box.locator("#digits").input_value() == "048213"
        assert box.locator(".zg-digits").first.inner_text().split() == list("048213")

    @pytest.mark.parametrize(("pasted", "count"), [("0482131", "7"), ("04821", "5"), ("abc", "0")])
    def test_refuses_another_length_before_it_counts(
        self, box: Page, pasted: str, count: str
    ) -> None:
        self.paste(box, pasted)
        assert box.locator("#digits").input_value() == ""
        assert count in box.locator("[data-digits-hint]").first.inner_text()

    def test_typing_folds_and_stops_at_six(self, box: Page) -> None:
        box.locator("#digits").focus()
        box.keyboard.insert_text("０4a8")
        box.keyboard.type("2139")
        assert box.locator("#digits").input_value() == "048213"

    def test_an_unfinished_code_is_not_sent(self, box: Page) -> None:
        box.locator("#digits").focus()
        box.keyboard.type("0482")
        box.keyboard.press("Enter")
        expect(box.locator("[data-digits-hint]").first).to_contain_text("4")
        assert "/ui/phone-desk/" in box.url
        assert box.locator("form[data-sending]").count() == 0

    def test_without_script_it_is_one_plain_input(self, site: str, browser: Browser) -> None:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{site}/ui/phone-desk/")
        assert page.locator("#digits").is_visible()
        assert not page.locator(".zg-digits-boxes").first.is_visible()


@contextmanager
def sent_by(page: Page) -> Iterator[list[str]]:
    """The addresses forms are sent to meanwhile."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    yield sent
    page.remove_listener("request", note)


def press(page: Page, *, times: int) -> None:
    """Press the form's button so often that nothing can come in between."""
    page.locator(".zg-savebar button").evaluate(
        "(button, times) => { for (let press = 0; press < times; press += 1) button.click() }",
        times,
    )


class TestForms:
    def test_sends_once(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        with sent_by(page) as sent:
            press(page, times=3)
            expect(page.locator(".zg-summary")).to_be_focused()
        assert len(sent) == 1

    def test_without_network_nothing_typed_is_lost(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        page.locator("#id_name").fill("东门店")
        page.locator("#id_note").fill("靠窗\n第二张桌")
        told = page.locator("#zg-toasts .zg-toast")
        with sent_by(page) as sent, without_network(page.locator("#zg-offline")):
            for _try in range(2):
                press(page, times=2)
                expect(told).to_contain_text("网络中断")
                expect(page.locator(".zg-savebar button")).not_to_have_attribute(
                    "aria-busy", "true"
                )
                expect(told).to_have_count(1)
        assert sent == []
        assert page.locator("#id_name").input_value() == "东门店"

        with sent_by(page) as sent:
            told.locator(".zg-toast-action").click()
            expect(page.locator(".zg-summary")).to_be_focused()
        assert len(sent) == 1
        assert page.locator("#id_name").input_value() == "东门店"
        assert page.locator("#id_note").input_value() == "靠窗\n第二张桌"

    def test_a_server_that_is_away_gets_no_form(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        page.route("**/healthz", lambda route: route.fulfill(status=502))
        with sent_by(page) as sent:
            press(page, times=1)
            expect(page.locator("#zg-toasts .zg-toast")).to_contain_text("服务器暂时没有响应")
        page.unroute("**/healthz")
        assert sent == []

    def test_what_is_told_about_a_dialog_stands_in_front_of_it(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/detail/")
        page.locator("[data-dialog-open=remove]").first.click()
        dialog = page.locator("#remove")
        with without_network(page.locator("#zg-offline")):
            dialog.locator("[type=submit]").click()
            expect(dialog.locator(".zg-toast")).to_contain_text("网络中断")
        dialog.locator(".zg-toast-action").click()
        expect(page.locator("#remove")).to_be_hidden()

    def test_a_file_is_told_in_the_language_of_the_page(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        field = page.locator(".zg-file")
        expect(field.locator(".btn")).to_have_text("选择文件")
        expect(field.locator("[data-file-name]")).to_have_text("还没有选择文件")
        page.get_by_label("图片").set_input_files(
            {"name": "店面.png", "mimeType": "image/png", "buffer": b"-"}
        )
        expect(field.locator("[data-file-name]")).to_have_text("店面.png")
        page.locator("#id_opened_on").focus()
        for _part in range(4):  # year, month, day and the calendar
            page.keyboard.press("Tab")
        expect(page.get_by_label("图片")).to_be_focused()
        with page.expect_file_chooser():
            page.keyboard.press("Space")

    def test_errors_get_the_focus_and_lead_to_the_field(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        page.locator("#id_name").fill("")
        page.locator(".zg-savebar button").click()
        summary = page.locator(".zg-summary")
        expect(summary).to_be_focused()
        summary.locator("a").first.click()
        expect(page.locator("#id_name")).to_be_focused()

    def test_signs_are_counted_as_the_server_counts_them(self, site: str, page: Page) -> None:
        page.goto(f"{site}/ui/form/")
        note = page.locator("#id_note")
        line = page.locator(".zg-field", has=note).locator("[data-length]")
        note.focus()
        page.keyboard.insert_text("🍰" * 200)
        assert note.input_value() == "🍰" * 200
        expect(line).to_contain_text("200")
        page.keyboard.press("Home")
        page.keyboard.insert_text("茶🍵")
        assert note.input_value() == "🍰" * 200, "what is typed beyond is not taken"
        note.fill("🍰" * 160 + "\n" * 40 + "茶")
        assert len(note.input_value()) == len("🍰" * 160 + "\n" * 40), "a new line is one sign"


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
