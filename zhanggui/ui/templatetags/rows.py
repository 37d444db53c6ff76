"""Addresses of static files, for pages that are turned often."""

from __future__ import annotations

from functools import cache

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils.html import escape

register = template.Library()


@register.simple_tag(name="static")
@cache
def static_url(path: str) -> str:
    """Django's ``static``, worked out once: an address does not change while a process lives."""
    return escape(staticfiles_storage.url(path))
