"""What the search over everything finds of this module: messages, by WeChat's or our number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.messaging import templates
from zhanggui.messaging.models import Message
from zhanggui.messaging.permissions import VIEW
from zhanggui.ui import search

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest


def register_all() -> None:
    """Make messages findable."""
    source = search.Source(_("Messages"), _messages, VIEW.name, order=320)
    search.register(surface="merchant", source=source)


def _messages(request: HttpRequest, text: str, limit: int) -> Iterator[search.Hit]:
    slug = cast("MerchantRequest", request).merchant.slug
    for message in Message.objects.filter(platform_id=text).order_by("-id")[:limit]:
        url = reverse("messaging:message", args=[slug, message.pk])
        title = f"{templates.label_of(message.template)} {message.to_masked}".strip()
        yield search.Hit(title, url, "message-2", message.get_state_display())
