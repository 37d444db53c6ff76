"""Frames: what is kept, what is filled in, what is never kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.template import Engine, Template
from django.test import RequestFactory
from django.utils import translation

from zhanggui.ui.frames import MOST, Frames

SOURCE = (
    "{% get_current_language as LANGUAGE_CODE %}{{ LANGUAGE_CODE }} {{ title }} <p>{{ rows }}</p>"
    "{{ csrf_token }}{% for message in messages %}!{{ message }}{% endfor %}{{ ui.theme }}"
)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the templates that were rendered."""
    names: list[str] = []
    template = Template(SOURCE)

    def find(_self: Engine, name: str) -> tuple[Template, None]:
        names.append(name)
        return template, None

    monkeypatch.setattr(Engine, "find_template", find)
    return names


def ask(frames: Frames, *, key: Any = "one", cookies: dict[str, str] | None = None) -> str:
    """A page with one hole."""
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies or {})
    request._messages = ["hello"]  # type: ignore[attr-defined]
    request.META["CSRF_COOKIE"] = "c" * 32
    page = {"title": "<Ledger>"}
    holes = {"rows": "<b>1</b>"}
    return frames.answer(request, page=page, holes=holes, key=key).content.decode()


def parts(text: str) -> tuple[str, str]:
    """What stands before the token, and behind it (a masked token has 64 signs)."""
    before, _p, rest = text.partition("</p>")
    return before, rest[64:]


def test_renders_a_frame_once_and_fills_its_holes(rendered: list[str]) -> None:
    frames = Frames("page.html")
    first, second = ask(frames), ask(frames)

    assert parts(first) == parts(second) == ("zh-hans &lt;Ledger&gt; <p><b>1</b>", "")
    assert first != second  # each has a token of its own
    assert rendered == ["page.html"]


def test_each_key_language_and_theme_has_a_frame(rendered: list[str]) -> None:
    frames = Frames("page.html")
    ask(frames)
    ask(frames, key="two")
    dark = ask(frames, cookies={"theme": "dark"})
    with translation.override("en"):
        english = ask(frames)

    assert parts(dark)[1] == "dark"
    assert english.startswith("en ")
    assert len(rendered) == 4


def test_somebodys_messages_are_shown_and_not_kept(rendered: list[str]) -> None:
    frames = Frames("page.html")
    theirs = ask(frames, cookies={"messages": "sealed"})
    after = ask(frames)

    assert parts(theirs)[1] == "!hello"
    assert parts(after)[1] == ""
    assert len(rendered) == 2


def test_without_a_key_nothing_is_kept(rendered: list[str]) -> None:
    frames = Frames("page.html")
    assert ask(frames, key=None).count("<b>1</b>") == 1
    ask(frames, key=None)

    assert len(rendered) == 2


@pytest.mark.usefixtures("rendered")
def test_keeps_a_bounded_number() -> None:
    frames = Frames("page.html")
    for number in range(MOST + 5):
        ask(frames, key=number)

    assert len(frames._kept) == 5


def test_the_cookie_of_messages_is_djangos() -> None:
    assert settings.MESSAGE_STORAGE.endswith("FallbackStorage")
