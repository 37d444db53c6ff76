"""The calls to a provider of SMS: typed, thin, and nothing but calls.

Two providers speak one language: the sandbox's gateway of demo and tests, and Tencent Cloud
(SendSms, version 2021-01-11). Neither phones nor texts are logged or put into errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import httpx2
import stamina
import structlog
from django.conf import settings

from zhanggui.channels.sms import signing
from zhanggui.channels.sms.errors import SmsNotSetUp, SmsRefused, SmsUnreachable
from zhanggui.core import clock

log = structlog.get_logger("zhanggui.sms.client")

TIMEOUT = httpx2.Timeout(6.0, connect=3.0)
ATTEMPTS = 3
WAIT_S = 0.2
LONGEST_S = 12.0
BUSY = frozenset({"InternalError", "RequestLimitExceeded", "InternalError.Timeout"})


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent: the words, and the parts of them a provider's template asks for."""

    phone: str
    """E.164."""
    text: str
    params: tuple[str, ...]
    purpose: str
    request_id: str
    """The same for every try of one message."""


class Provider(Protocol):
    """Sends a message and answers the provider's own number of it."""

    name: str

    def send(self, message: Message) -> str:
        """Hand the message over.

        Raises:
            SmsUnreachable: no answer; worth another try unless it may have arrived.
            SmsRefused: the provider said no.
        """


class SandboxProvider:
    """The gateway of the sandbox; its phones show what is sent."""

    name = "sandbox"

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def send(self, message: Message) -> str:
        """Hand the message over; the gateway knows a repeat by its request id."""
        content = json.dumps(
            {"to": message.phone, "text": message.text, "request_id": message.request_id},
            ensure_ascii=False,
        ).encode()
        answer = _post(
            self._http, f"{settings.SMS_GATEWAY_URL}/v1/messages", content, lambda: {}, repeat=True
        )
        return str(answer.get("id", ""))


class TencentProvider:
    """Tencent Cloud's SMS; the words come from a template that Tencent approved."""

    name = "tencent"
    service = "sms"
    version = "2021-01-11"
    content_type = "application/json; charset=utf-8"

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def send(self, message: Message) -> str:
        """Hand the message over; it is never repeated once it may have arrived."""
        template = settings.SMS_TENCENT.templates.get(message.purpose)
        if not template:
            raise SmsRefused("no template")
        body = {
            "PhoneNumberSet": [message.phone],
            "SmsSdkAppId": settings.SMS_TENCENT.app_id,
            "SignName": settings.SMS_TENCENT.sign_name,
            "TemplateId": template,
            "TemplateParamSet": list(message.params),
            "SessionContext": message.request_id,
        }
        payload = json.dumps(body, ensure_ascii=False).encode()
        answer = _post(
            self._http,
            f"https://{settings.SMS_TENCENT.host}/",
            payload,
            lambda: self._headers(payload),
            repeat=False,
        )
        return _number_of(answer)

    def _headers(self, payload: bytes) -> dict[str, str]:
        options = settings.SMS_TENCENT
        timestamp = int(clock.now().timestamp())
        signed = {"content-type": self.content_type, "host": options.host}
        return {
            "Content-Type": self.content_type,
            "X-TC-Action": "SendSms",
            "X-TC-Version": self.version,
            "X-TC-Region": options.region,
            "X-TC-Timestamp": str(timestamp),
            "Authorization": signing.authorization(
                credential=signing.Credential(options.secret_id, options.secret_key),
                service=self.service,
                headers=signed,
                payload=payload,
                timestamp=timestamp,
            ),
        }


def _number_of(answer: Mapping[str, Any]) -> str:
    """The serial number in an answer of SendSms; its refusals come with status 200."""
    found = answer.get("Response")
    if not isinstance(found, dict):
        raise SmsUnreachable("no Response", is_sent=True)
    error = found.get("Error")
    if isinstance(error, dict):
        code = str(error.get("Code", "Error"))
        if code in BUSY:
            raise SmsUnreachable(code, is_sent=True)
        raise SmsRefused(code)
    statuses = found.get("SendStatusSet")
    status = statuses[0] if isinstance(statuses, list) and statuses else None
    if not isinstance(status, dict):
        raise SmsUnreachable("no SendStatusSet", is_sent=True)
    if status.get("Code") != "Ok":
        raise SmsRefused(str(status.get("Code", "Error")))
    return str(status.get("SerialNo", ""))


def _post(
    http: httpx2.Client,
    url: str,
    content: bytes,
    headers: Callable[[], Mapping[str, str]],
    *,
    repeat: bool,
) -> dict[str, Any]:
    def may_repeat(error: Exception) -> bool:
        return isinstance(error, SmsUnreachable) and (repeat or not error.is_sent)

    for attempt in stamina.retry_context(
        on=may_repeat, attempts=ATTEMPTS, timeout=LONGEST_S, wait_initial=WAIT_S
    ):
        with attempt:
            return _once(http, url, content, headers())
    raise AssertionError  # pragma: no cover - retry_context returns or raises


def _once(
    http: httpx2.Client, url: str, content: bytes, headers: Mapping[str, str]
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
    if response.status_code != httpx2.codes.OK:
        raise SmsRefused(str(answer.get("code") or f"HTTP {response.status_code}"))
    return answer


def _unreachable(why: str, *, is_sent: bool) -> SmsUnreachable:
    log.warning("unreachable", why=why)
    return SmsUnreachable(why, is_sent=is_sent)


PROVIDERS: dict[str, Callable[[httpx2.Client], Provider]] = {
    SandboxProvider.name: SandboxProvider,
    TencentProvider.name: TencentProvider,
}


def _http(transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    return httpx2.Client(timeout=TIMEOUT, transport=transport, follow_redirects=False)


@cache
def _shared() -> httpx2.Client:
    return _http()


_replaced: list[httpx2.Client] = []


def is_set_up() -> bool:
    """Whether a provider is named in the settings."""
    return settings.SMS_PROVIDER in PROVIDERS


def current() -> Provider:
    """The provider of the settings.

    Raises:
        SmsNotSetUp: none is named (E_SMS_NOT_SET_UP, 503).
    """
    make = PROVIDERS.get(settings.SMS_PROVIDER)
    if make is None:
        raise SmsNotSetUp
    return make(_replaced[-1] if _replaced else _shared())


@contextmanager
def using(transport: httpx2.BaseTransport) -> Iterator[None]:
    """Let every call go through another transport (tests)."""
    http = _http(transport)
    _replaced.append(http)
    try:
        yield
    finally:
        _replaced.remove(http)
        http.close()
