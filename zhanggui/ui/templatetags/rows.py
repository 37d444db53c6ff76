"""Tags for pages that are turned often: rows of finished texts, addresses of static files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.context import Context
from django.utils.html import escape
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(name="static")
@cache
def static_url(path: str) -> str:
    """Django's ``static``, worked out once: an address does not change while a process lives."""
    return escape(staticfiles_storage.url(path))


@register.simple_tag(takes_context=True)
def rows_of(context: Context, rows: Iterable[Mapping[str, SafeString]], name: str) -> SafeString:
    """Many rows through one piece of markup that is rendered once.

    The piece names the texts of a row as ``%(name)s`` (and writes a percent sign as ``%%``). For
    pages whose rows are finished texts: a loop of the template language costs ten times as much.

    Raises:
        TypeError: a text is not marked as safe.
    """
    piece = context.template.engine.get_template(name).render(context)  # type: ignore[union-attr]
    written = []
    for row in rows:
        if not all(isinstance(text, SafeString) for text in row.values()):
            message = f"a row for {name} has a text that is not escaped"
            raise TypeError(message)
        written.append(piece % row)
    return SafeString("".join(written))
