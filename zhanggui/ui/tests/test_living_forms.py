"""Forms of the living page in a real browser: digits, errors, files, and a network that goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.plugins.browser import without_network

# A browser that leaves a page drops downloads half way; the little server then forgets a file.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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

    def test_takes_a_pasted_code(self, box: Page) -> None:
        for pasted in ("048213", "０４８２１３", "048 213", "048-213", "验证码：048213。"):
            box.locator("#digits").fill("")
            self.paste(box, pasted)
            assert box.locator("#digits").input_value() == "048213", pasted
            assert box.locator(".zg-digits").first.inner_text().split() == list("048213"), pasted

    def test_refuses_another_length_before_it_counts(self, box: Page) -> None:
        for pasted, count in (("0482131", "7"), ("04821", "5"), ("abc", "0")):
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
