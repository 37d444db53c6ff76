"""The manual for shop people says what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "docs" / "manual").glob("*.md"))
QUOTED = re.compile("「([^」]+)」")


@pytest.fixture(scope="module")
def on_pages() -> set[str]:
    """Every Chinese text of the product."""
    found: set[str] = set()
    for file in (ROOT / "zhanggui").rglob("locale/zh_Hans/LC_MESSAGES/*.po"):
        with file.open("rb") as open_file:
            catalog = read_po(open_file, locale="zh_Hans")
        for message in catalog:
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            found.update(text for text in texts if isinstance(text, str))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda file: file.stem)
def test_what_a_chapter_quotes_is_on_a_page(chapter: Path, on_pages: set[str]) -> None:
    quoted = QUOTED.findall(chapter.read_text(encoding="utf-8"))
    assert quoted
    assert [words for words in quoted if words not in on_pages] == []
