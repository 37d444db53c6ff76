"""What the templates of this channel look up."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def channel_url(context: template.Context, name: str, *arguments: Any) -> str:
    """The address of a page of this channel at the place one is at."""
    from zhanggui.channels.wechat.views import places  # noqa: PLC0415  views are the last to load

    return places.url(context["request"], name, *arguments)
