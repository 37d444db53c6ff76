"""Addresses on one person's phone: the product and the played hosts appear under its own host."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from wechat_sandbox.config import Config

PLAYED_HOSTS = (
    "open.weixin.qq.com", "mp.weixin.qq.com", "wx.qlogo.cn", "wx.tenpay.com", "res.wx.qq.com",
)  # fmt: skip
AUTHORIZE = "/open.weixin.qq.com/connect/oauth2/authorize"
FRAGMENT = "wechat_redirect"


class Rewriter:
    """Turns addresses of the product and of the sandbox into addresses of one phone."""

    def __init__(self, config: Config, slug: str) -> None:
        """For the phone of ``slug``."""
        self._config = config
        self.phone = config.phone_origin(slug)
        own = "|".join(re.escape(origin) for origin in config.own_origins)
        played = "|".join(re.escape(host) for host in PLAYED_HOSTS)
        product = re.escape(config.product)
        self._known = re.compile(rf"(?:{product}(?![\w.:-])|(?:{own})(?=/(?:{played})/))")
        escaped = self._known.pattern.replace("/", r"(?:\\?/)")
        self._in_markup = re.compile(rf"(?<=[\"'=(])(?:{escaped})")

    def url(self, address: str) -> str:
        """An absolute address as the phone must ask for it; others stay as they are."""
        return self._known.sub(self.phone, address, count=1)

    def redirect(self, address: str) -> str:
        """Where a redirect leads on the phone."""
        target = self.url(address)
        parts = urlsplit(target)
        if parts.path == AUTHORIZE and parts.fragment != FRAGMENT:
            # WeChat's page refuses such links, but a fragment is never sent: pass the fact on.
            return f"{target.partition('#')[0]}&sandbox_fragment=missing"
        if parts.scheme and f"{parts.scheme}://{parts.netloc}" != self.phone:
            return f"/_phone/external?url={quote(target, safe='')}"
        return target

    def markup(self, text: str) -> str:
        """HTML whose attributes point at the phone's own host."""
        return self._in_markup.sub(self.phone, text)

    def policy(self, text: str) -> str:
        """A content security policy that lets the phone frame the page."""
        kept = [
            part
            for part in text.split(";")
            if part.strip().lower().split(" ")[0]
            not in ("frame-ancestors", "upgrade-insecure-requests", "")
        ]
        return self._known.sub(self.phone, ";".join(kept)).replace(self._config.product, self.phone)
