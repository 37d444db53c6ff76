"""HTTP clients that remember nothing between calls."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2


def client(transport: httpx2.AsyncBaseTransport | None, *, timeout_s: float) -> httpx2.AsyncClient:
    """A client without proxies of the environment, redirects and cookies.

    A shared cookie jar would hand one person's session to the next.
    """
    return httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
        limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
    )
