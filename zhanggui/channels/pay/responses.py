"""What comes back from WeChat Pay, before anybody believes it: signature, refusals, form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx2
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings

from zhanggui.channels.pay import signing
from zhanggui.channels.pay.errors import (
    NOT_SIGNED,
    OLD_NAMES,
    AnswerNotSigned,
    NoSuchTrade,
    PayRefused,
    PayUnreachable,
)
from zhanggui.core import clock

log = structlog.get_logger("zhanggui.pay.client")

SKEW = timedelta(minutes=5)
AWAY = frozenset({502, 503})
"""Nothing was done; the backup host may answer."""
NOT_THERE = frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"})

KeyOf = Callable[[str], RSAPublicKey | None]


def verify(path: str, response: httpx2.Response, key_of: KeyOf) -> None:
    """Believe an answer only with WeChat Pay's signature over its raw body (8.3).

    Raises:
        AnswerNotSigned: none, an old one, of an unknown key, or a wrong one.
    """
    headers = response.headers
    if not is_from_wechat(headers, response.content, key_of):
        log.warning("not signed", path=path, serial=headers.get("Wechatpay-Serial", "")[:64])
        raise AnswerNotSigned(path, code=NOT_SIGNED, is_sent=True)


def is_from_wechat(headers: Mapping[str, str], body: bytes, key_of: KeyOf) -> bool:
    """Whether WeChat Pay signed this body, at most five minutes ago."""
    stamp = headers.get("Wechatpay-Timestamp", "")
    serial = headers.get("Wechatpay-Serial", "")
    signature = headers.get("Wechatpay-Signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and serial and signature):
        return False
    if abs(clock.now().timestamp() - int(stamp)) > SKEW.total_seconds():
        return False
    key = key_of(serial)
    return key is not None and signing.is_signed(
        key,
        timestamp=stamp,
        nonce=headers.get("Wechatpay-Nonce", ""),
        body=body,
        signature=signature,
    )


def refusal(path: str, response: httpx2.Response) -> PayRefused | PayUnreachable:
    """The error of an answer that is no success; such answers are not signed (8.3)."""
    status = response.status_code
    code = _code(response)
    log.info("refused", path=path, status=status, code=code)
    summary = f"{path}: HTTP {status} {code}".rstrip()
    if status in AWAY:
        return PayUnreachable(summary, code=code, status=status)
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR or status == httpx2.codes.TOO_MANY_REQUESTS:
        return PayUnreachable(summary, code=code, status=status, is_sent=True)
    kind = NoSuchTrade if code in NOT_THERE else PayRefused
    return kind(summary, code=code, status=status)


def _code(response: httpx2.Response) -> str:
    try:
        body = json.loads(response.content)
        code = str(body["code"])[:40]
    except (ValueError, KeyError, TypeError):
        return f"HTTP_{response.status_code}"
    return OLD_NAMES.get(code, code)


def object_of(response: httpx2.Response, path: str) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise unreachable(path, "not an object", is_sent=True)
    return body


def unreachable(path: str, why: str, *, is_sent: bool) -> PayUnreachable:
    log.warning("unreachable", path=path, why=why)
    return PayUnreachable(f"{path}: {why}", is_sent=is_sent)


def path_of(url: str) -> str:
    """The path of a download, only under WeChat Pay's own addresses.

    Raises:
        PayUnreachable: another host.
    """
    for base in (settings.PAY_BASE_URL, settings.PAY_BACKUP_URL):
        if url.startswith(f"{base}/"):
            return url.removeprefix(base)
    message = "a download from another host"
    raise PayUnreachable(message)
