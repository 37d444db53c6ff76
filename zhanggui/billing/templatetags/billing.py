"""What the templates of billing look up."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.simple_tag
def limit_of(limits: Mapping[str, int], name: str) -> int | None:
    """The most an edition allows of something; None when it has no limit."""
    return limits.get(name)
