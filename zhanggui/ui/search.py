"""Search over pages and records (Ctrl-K): modules register what can be found where.

A module registers a :class:`Source` for a surface (``merchant``, ``operator``, ``platform``) in
its ``registrations.py``. Pages are found by themselves, from the navigation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import override, pgettext

from zhanggui.ui import navigation

Text = str | Promise
LONGEST = 80
A_GROUP = 6
PAGES_UNASKED = 60


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found: where it is and how one recognises it."""

    title: Text
    url: str
    icon: str
    detail: Text = ""


Find = Callable[[HttpRequest, str, int], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Source:
    """Finds records of one kind.

    ``find`` gets the request (guarded, scope open), a text that is not empty and how many hits are
    wanted. ``permission`` is the right without which nothing of this kind is looked for.
    """

    label: Text
    find: Find
    permission: str = ""
    order: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one kind."""

    label: Text
    hits: Sequence[Hit]


_sources: dict[str, list[Source]] = {}


def register(*, surface: str, source: Source) -> None:
    """Make records findable on a surface; the same source twice counts once."""
    known = _sources.setdefault(surface, [])
    if source not in known:
        known.append(source)
        known.sort(key=lambda s: s.order)


def address(request: HttpRequest) -> str:
    """Where this page's surface is searched; empty where nothing can be searched."""
    surface = navigation.registry.surfaces.get(navigation.surface_of(request))
    if surface is None or not surface.search:
        return ""
    try:
        return reverse(surface.search, args=[*surface.arguments(request)])
    except NoReverseMatch:
        return ""


def search(request: HttpRequest, text: str) -> list[Found]:
    """Pages and records a person may see that fit a text; with no text, all pages of the menu."""
    surface = navigation.surface_of(request)
    wanted = " ".join(text.split())[:LONGEST]
    groups = [Found(pgettext("what is found", "Pages"), _pages(request, surface, _fold(wanted)))]
    for source in _sources.get(surface, ()) if wanted else ():
        if not source.permission or navigation.registry.may(request, source.permission):
            hits = list(source.find(request, wanted, A_GROUP))[:A_GROUP]
            groups.append(Found(source.label, hits))
    return [group for group in groups if group.hits]


def _pages(request: HttpRequest, surface: str, wanted: str) -> list[Hit]:
    items = [item for group in navigation.menu(request, surface) for item in group.items]
    hits = [
        Hit(item.entry.label, item.url, item.entry.icon, _section(item.entry))
        for item in items
        if not wanted or any(wanted in key for key in _names(item.entry))
    ]
    return hits[: A_GROUP if wanted else PAGES_UNASKED]


def _section(entry: navigation.Entry) -> Text:
    return entry.section.label if entry.section else ""


def _names(entry: navigation.Entry) -> tuple[str, ...]:
    own = _keys(entry.label)
    return (*own, *_keys(entry.section.label)) if entry.section else own


def _keys(label: Text) -> tuple[str, ...]:
    with override("zh-hans"):
        chinese = str(label)
    with override("en"):
        english = str(label)
    return (_fold(english), *_readings(chinese))


@lru_cache(maxsize=500)
def _readings(chinese: str) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    folded = _fold(chinese)
    full = "".join(lazy_pinyin(folded))
    return folded, full, "".join(lazy_pinyin(folded, style=Style.FIRST_LETTER))


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
