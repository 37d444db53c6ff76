"""Places on a page where other modules may add a block, so that imports keep going down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from zhanggui.ui import navigation

ContextOf = Callable[[HttpRequest, Any], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Panel:
    """A block for another module's page.

    ``context`` gets the request and the page's subject (the store, the customer); it answers the
    template's values, or nothing when the block has no business on this subject's page.
    """

    template: str
    context: ContextOf
    permission: str = ""
    order: int = 100


_panels: dict[str, list[Panel]] = {}


def register(*, place: str, panel: Panel) -> None:
    """Add a block to a place such as ``accounts.store``; the same block twice counts once."""
    known = _panels.setdefault(place, [])
    if panel not in known:
        known.append(panel)
        known.sort(key=lambda p: p.order)


def panels_of(place: str) -> list[Panel]:
    """What is registered for a place, in order."""
    return list(_panels.get(place, ()))


def render(request: HttpRequest, place: str, subject: object) -> SafeString:
    """The blocks this person may see, one under the other."""
    blocks: list[str] = []
    for panel in panels_of(place):
        if panel.permission and not navigation.registry.may(request, panel.permission):
            continue
        values = panel.context(request, subject)
        if values is not None:
            page = {**values, "subject": subject}
            blocks.append(render_to_string(panel.template, page, request=request))
    return mark_safe("".join(blocks))  # noqa: S308 - each part is a rendered template
