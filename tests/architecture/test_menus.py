"""The menus stay small enough to be taken in at a glance."""

from __future__ import annotations

from collections import Counter

import pytest

from zhanggui.ui import navigation

MOST = 7


@pytest.mark.parametrize("surface", ["merchant", "operator", "platform"])
def test_a_section_has_at_most_seven_entries(surface: str) -> None:
    entries = navigation.entries_of(surface).values()
    sizes = Counter(entry.section.name if entry.section else "" for entry in entries)

    assert sum(sizes.values()) >= 10
    assert {name: size for name, size in sizes.items() if size > MOST} == {}


@pytest.mark.parametrize("surface", ["merchant", "operator", "platform"])
def test_nothing_stands_at_the_same_place(surface: str) -> None:
    entries = navigation.entries_of(surface).values()
    places = Counter((e.section.name if e.section else "", e.order) for e in entries)

    assert [place for place, count in places.items() if count > 1] == []
