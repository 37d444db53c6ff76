"""Sentences that stand above every page of the back office, as long as they hold.

A module registers a source in its ``apps.py``: an ended plan, a support session. Keep them few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence with at most one link and one button that posts."""

    text: Text
    tone: str = "info"
    """``info``, ``warning``, ``danger``, ``brand``."""
    icon: str = "info-circle"
    link_label: Text = ""
    link_url: str = ""
    post_label: Text = ""
    post_url: str = ""
    left: int | None = None
    """Seconds left of ``total``: a ring shows them."""
    total: int = 1


Source = Callable[[HttpRequest], Iterable[Notice]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source; it runs on every page, so it asks the database for nothing."""
    if source not in _sources:
        _sources.append(source)


def of(request: HttpRequest) -> list[Notice]:
    """All that holds for this request."""
    return [notice for source in _sources for notice in source(request)]
