"""What the templates of this channel look up."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import oauth

register = template.Library()


@register.simple_tag(takes_context=True)
def channel_url(context: template.Context, name: str, *arguments: Any) -> str:
    """The address of a page of this channel at the place one is at."""
    from zhanggui.channels.wechat.views import places  # noqa: PLC0415  views are the last to load

    return places.url(context["request"], name, *arguments)


@register.inclusion_tag("wechat/mobile/_page.html")
def wechat_page(
    request: HttpRequest,
    merchant: Merchant | None,
    *,
    title: str = "",
    text: str = "",
    link: str = "",
    picture: str = "",
) -> dict[str, str]:
    """Let the page use the phone; its view needs ``jssdk.uses_phone``.

    Args:
        request: of the page; outside WeChat nothing is written.
        merchant: whose customers' page it is; None for the staff's.
        title: of what is shared; without one WeChat's own choice stays.
        text: below the title.
        link: path of the page a friend gets; it must be one that everybody may open.
        picture: path of a picture, square; the product's seal when empty.
    """
    if not oauth.is_inside_wechat(request.headers.get("User-Agent", "")):
        return {}
    sign = (
        reverse("wechat:customer_page", args=[merchant.slug])
        if merchant
        else reverse("wechat:staff_page")
    )
    return {
        "sign": sign,
        "script": settings.WECHAT_JS_URL,
        "home": f"{settings.BASE_URL}/",
        "title": title,
        "text": text,
        "link": link,
        "picture": picture or static("ui/img/seal.png"),
    }
