"""Tabler's icons, put into the page as SVG so that they take the colour of the text."""

from __future__ import annotations

import re
from functools import lru_cache

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from zhanggui.ui.assets import NODE_MODULES

ICONS = NODE_MODULES / "@tabler" / "icons" / "icons"
NAME = re.compile(r"^(filled/)?[a-z0-9-]+$")
BODY = re.compile(r"<svg[^>]*>(?P<body>.*)</svg>", re.DOTALL)
BOUNDS = re.compile(r'<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>')


class IconUnknown(ValueError):
    """There is no icon of that name."""


@lru_cache(maxsize=512)
def svg(name: str, size: int = 20, css: str = "", label: str = "") -> SafeString:
    """The icon as an ``<svg>`` element; hidden from screen readers unless it has a label.

    Args:
        name: a Tabler name such as ``building-store``; ``filled/star`` for the filled set.
        size: edge in px.
        css: more classes.
        label: text for screen readers where no text stands beside the icon.

    Raises:
        IconUnknown: no such icon.
    """
    known = BODY.search(_source(name))
    if known is None:  # pragma: no cover - the package's files all match
        raise IconUnknown(name)
    body = " ".join(BOUNDS.sub("", known["body"]).split())
    paint = (
        'fill="currentColor"'
        if name.startswith("filled/")
        else 'fill="none" stroke="currentColor" stroke-width="1.75"'
        ' stroke-linecap="round" stroke-linejoin="round"'
    )
    return format_html(
        '<svg class="zg-icon {}" width="{}" height="{}" viewBox="0 0 24 24" {} {}>{}</svg>',
        css,
        size,
        size,
        mark_safe(paint),  # noqa: S308 - constants above
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"'),
        mark_safe(body),  # noqa: S308 - a pinned package's own file
    )


def _source(name: str) -> str:
    if not NAME.match(name):
        raise IconUnknown(name)
    path = ICONS / (f"{name}.svg" if name.startswith("filled/") else f"outline/{name}.svg")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise IconUnknown(name) from None
