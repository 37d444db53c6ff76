"""Error codes of api.weixin.qq.com and their texts."""

from __future__ import annotations

import secrets
from typing import Any

TEXTS = {
    0: "ok",
    -1: "system error",
    40001: (
        "invalid credential, access_token is invalid or not latest, could get access_token by "
        "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
    ),
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40015: "invalid menu type",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40035: "invalid parameter",
    40037: "invalid template_id",
    40052: "invalid action name",
    40053: "invalid action info",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41009: "missing openid",
    42001: "access_token expired",
    42002: "refresh_token expired",
    42003: "code expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    44002: "empty post data",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit  must slower  retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45026: "template num exceeds limit",
    45029: "qrcode count out of limit",
    45047: "out of response count limit",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    50005: "user is unsubscribed",
    76003: "cgi_path not found",
}


class Refusal(Exception):
    """A call that is answered with an error code (and, as always, HTTP 200)."""

    def __init__(self, errcode: int, text: str | None = None) -> None:
        """Answer ``errcode`` with its usual text or with ``text``."""
        super().__init__(errcode)
        self.errcode = errcode
        self.text = text or TEXTS.get(errcode, "sandbox fault")

    def body(self) -> dict[str, Any]:
        """The answer; the ``rid`` names this very call."""
        return {"errcode": self.errcode, "errmsg": f"{self.text} rid: {rid()}"}


def rid() -> str:
    """Three groups of eight hexadecimal digits."""
    return "-".join(secrets.token_hex(4) for _ in range(3))
