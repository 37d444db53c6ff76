"""Who a person is to an account: openids and unionids, stable over restarts and resets."""

from __future__ import annotations

import base64
import hashlib


def _opaque(*parts: str) -> str:
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]


def openid(appid: str, slug: str) -> str:
    """The person's name at one account; another account gets another one."""
    return _opaque("openid", appid, slug)


def unionid(open_account: str, slug: str) -> str:
    """The person's name at all accounts bound to one Open Platform account."""
    return _opaque("unionid", open_account, slug)


def snapshot_openid(appid: str, slug: str) -> str:
    """The made-up name of a person who only looks at a snapshot page."""
    return _opaque("snapshot", appid, slug)
