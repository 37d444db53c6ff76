"""One POST to a provider: JSON comes back, or an error of the tree. Nothing personal is logged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import stamina
import structlog

from zhanggui.channels.sms.errors import SmsRefused, SmsUnreachable

log = structlog.get_logger("zhanggui.sms.client")

TIMEOUT = httpx2.Timeout(6.0, connect=3.0)
ATTEMPTS = 3
WAIT_S = 0.2
LONGEST_S = 12.0


def post(
    http: httpx2.Client,
    url: str,
    content: bytes,
    headers: Callable[[], Mapping[str, str]],
    *,
    repeat: bool,
    is_error_read: bool = False,
) -> dict[str, Any]:
    """Post and read the JSON object that comes back.

    Args:
        http: the connections.
        url: the whole address.
        content: the body.
        headers: asked anew for each try: signatures carry the time.
        repeat: the provider knows a repeat, so that it may follow one that may have arrived.
        is_error_read: status 4xx carries an object with the provider's own code, too.

    Raises:
        SmsUnreachable: no answer, or none that can be read.
        SmsRefused: a status of 4xx.
    """

    def may_repeat(error: Exception) -> bool:
        return isinstance(error, SmsUnreachable) and (repeat or not error.is_sent)

    for attempt in stamina.retry_context(
        on=may_repeat, attempts=ATTEMPTS, timeout=LONGEST_S, wait_initial=WAIT_S
    ):
        with attempt:
            return _once(http, url, content, headers(), is_error_read=is_error_read)
    raise AssertionError  # pragma: no cover - retry_context returns or raises


def _once(
    http: httpx2.Client,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    *,
    is_error_read: bool,
) -> dict[str, Any]:
    try:
        response = http.post(
            url, content=content, headers={"Content-Type": "application/json", **headers}
        )
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        raise _unreachable("no connection", is_sent=False) from None
    except httpx2.TransportError as error:
        raise _unreachable(type(error).__name__, is_sent=True) from None
    if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        raise _unreachable(f"HTTP {response.status_code}", is_sent=True)
    try:
        answer = json.loads(response.content)
    except ValueError:
        raise _unreachable("not JSON", is_sent=True) from None
    if not isinstance(answer, dict):
        raise _unreachable("not an object", is_sent=True)
    if response.status_code != httpx2.codes.OK and not is_error_read:
        raise SmsRefused(str(answer.get("code") or f"HTTP {response.status_code}"))
    return answer


def _unreachable(why: str, *, is_sent: bool) -> SmsUnreachable:
    log.warning("unreachable", why=why)
    return SmsUnreachable(why, is_sent=is_sent)
