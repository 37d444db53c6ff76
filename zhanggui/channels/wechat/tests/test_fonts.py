"""The font of printed sheets is cut to what was printed, and grows with it."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont

from zhanggui.channels.wechat.tracking import fonts


def signs(text: str) -> frozenset[int]:
    return frozenset(map(ord, text))


def has(content: bytes) -> frozenset[int]:
    with TTFont(BytesIO(content)) as font:
        known: Iterable[int] = font.getBestCmap()
        return frozenset(known)


class TestCut:
    def test_grows_by_what_it_lacks(self) -> None:
        cut = fonts._Cut(is_bold=False)
        first = cut.with_all(signs("花茶"))
        assert signs("花茶Az09%") <= has(first)
        assert cut.with_all(signs("茶 A1")) is first
        assert signs("花茶店") <= has(cut.with_all(signs("店")))

    def test_begins_anew_when_it_is_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fonts._Cut, "MOST", 4)
        cut = fonts._Cut(is_bold=True)
        cut.with_all(signs("花茶时光"))
        assert has(cut.with_all(signs("店"))) == signs("店")

    def test_goes_without_signs_that_the_font_lacks(self) -> None:
        cut = fonts._Cut(is_bold=False)
        assert has(cut.with_all(signs("花\U0001f375"))) >= signs("花")
