"""Who carries text messages: the provider of the settings, and another one in need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import httpx2
import structlog
from django.conf import settings

from zhanggui.channels.sms import health
from zhanggui.channels.sms.errors import SmsError, SmsNotSetUp, SmsRefused, SmsUnreachable
from zhanggui.channels.sms.providers import PROVIDERS, Accepted, Message, Provider
from zhanggui.channels.sms.wire import TIMEOUT

log = structlog.get_logger("zhanggui.sms.client")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was taken, and by whom."""

    provider: str
    accepted: Accepted


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
    return _made(settings.SMS_PROVIDER)


def _made(name: str) -> Provider:
    make = PROVIDERS.get(name)
    if make is None:
        raise SmsNotSetUp
    return make(_replaced[-1] if _replaced else _shared())


def signature() -> str:
    """What stands in front of every text of the first provider; counts as part of it."""
    return current().signature() if is_set_up() else ""


def send(message: Message) -> Sent:
    """Hand a message over to the provider, or to the one in reserve when the first cannot take it.

    The second is asked only when the first has certainly not taken the message.

    Raises:
        SmsNotSetUp: no provider is named in the settings (E_SMS_NOT_SET_UP, 503).
        SmsError: the first provider's.
    """
    first = current()
    try:
        return _sent_by(first, message)
    except SmsUnreachable as error:
        if error.is_sent or not settings.SMS_RESERVE:
            raise
        return _by_reserve(message, error)
    except SmsRefused as refusal:
        if not refusal.is_ours or not settings.SMS_RESERVE:
            raise
        return _by_reserve(message, refusal)


def send_by(name: str, message: Message) -> Sent:
    """Hand a message over to one provider and no other: for trying it out.

    Raises:
        SmsNotSetUp: no such provider (E_SMS_NOT_SET_UP, 503).
        SmsError: what it says.
    """
    return _sent_by(_made(name), message)


def _sent_by(provider: Provider, message: Message) -> Sent:
    try:
        accepted = provider.send(message)
    except SmsError as error:
        error.provider = provider.name
        health.note_error(provider.name, error)
        raise
    health.note_success(provider.name)
    return Sent(provider.name, accepted)


def _by_reserve(message: Message, why: SmsUnreachable | SmsRefused) -> Sent:
    second = _made(settings.SMS_RESERVE)
    log.warning("the provider in reserve is asked", provider=second.name, why=why.code)
    return _sent_by(second, message)


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
