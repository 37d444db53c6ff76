"""Where WeChat calls us.

* ``/hooks/wechat/<app id>/``: an account with its own keys;
* ``/hooks/wechat/component/<platform>/``: what the third-party platform is told itself;
* ``/hooks/wechat/component/<platform>/<app id>/``: accounts that authorised it.

What is malformed, too big or too old is refused before the database is asked; what is not signed
leaves no trace. Encrypted pushes are verified over what came, byte for byte. A plain push is
taken only for an account whose settings say so: there the signature does not cover the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from zhanggui.accounts.guards import mark
from zhanggui.channels.wechat import answering, deliveries, push, receivers, release_check
from zhanggui.channels.wechat.crypto import CannotDecrypt, MessageBox
from zhanggui.channels.wechat.models import ChannelAccount, Component, TokenHolder
from zhanggui.channels.wechat.receivers import Known, Receiver
from zhanggui.core import clock, numbers

log = structlog.get_logger("zhanggui.wechat.hooks")

BODY_LIMIT = 64 * 1024  # a push with its longest text is below 16 KB
OLDEST = timedelta(hours=1)
"""A captured push is useless after this; before it the platform's id stops a second effect."""
SUCCESS = "success"
APP_ID_FORM = re.compile(r"[0-9A-Za-z_-]{1,40}")
SIGNATURE_FORM = re.compile(r"[0-9a-f]{40}")
STAMP_FORM = re.compile(r"[0-9]{1,11}")
NONCE_FORM = re.compile(r"[0-9A-Za-z]{1,64}")
ECHO_LENGTH = 256


class Refused(Exception):
    """The request is not WeChat's; ``status`` is all the caller learns."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Letter:
    """What came, before anybody was asked about it: well-formed, but not yet verified."""

    signature: str
    stamp: str
    nonce: str
    encrypted: str
    """Empty for a plain push."""
    body: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A genuine push, and what an answer to it is sealed with (None: not at all)."""

    text: str
    token: str
    box: MessageBox | None


def _guarded(work: Callable[..., str]) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, **app_ids: str) -> HttpResponse:
        try:
            if not all(APP_ID_FORM.fullmatch(app_id) for app_id in app_ids.values()):
                raise Refused(404, "app id")
            return _plain(work(request, **app_ids))
        except Refused as refusal:
            log.warning("refused", why=str(refusal), status=refusal.status)
            return _plain("", status=refusal.status)

    return mark(csrf_exempt(require_http_methods(["GET", "POST"])(view)), "wechat-signature")


def _plain(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


@_guarded
def callback(request: HttpRequest, app_id: str) -> str:
    """An account with its own keys: the check of the address (GET), or a push."""
    if request.method == "GET":
        return _echo(request, lambda: _known(app_id, is_anew=True).receiver)
    letter = _letter(request)
    account, opened = _read(letter, partial(_known, app_id))
    return answering.take(account, opened.text, answering.Seal.of(letter.nonce, opened))


@_guarded
def component(request: HttpRequest, component_id: str) -> str:
    """The third-party platform itself: tickets, authorisations given and withdrawn."""
    if request.method == "GET":
        return _echo(request, lambda: _component(component_id, is_anew=True).receiver)
    letter = _letter(request)
    found, opened = _read(letter, partial(_component, component_id))
    try:
        notice = push.read_notice(opened.text)
    except push.CannotRead:
        log.warning("unreadable notice", component_id=found.pk)
        return SUCCESS
    deliveries.keep_notice(component=found, body=opened.text, notice=notice)
    return SUCCESS


@_guarded
def component_account(request: HttpRequest, component_id: str, app_id: str) -> str:
    """An account that authorised the third-party platform."""
    if request.method == "GET":
        return _echo(request, lambda: _component(component_id, is_anew=True).receiver)
    letter = _letter(request)
    found, opened = _read(letter, partial(_component, component_id))
    seal = answering.Seal.of(letter.nonce, opened)
    account = receivers.known_under((found.pk, app_id))
    if account is not None:
        return answering.take(account, opened.text, seal)
    if app_id in release_check.APP_IDS:
        return release_check.take(found, app_id, opened.text, seal)
    log.warning("push of an account nobody connected", component_id=found.pk)
    return SUCCESS


def _known(app_id: str, *, is_anew: bool = False) -> Known[ChannelAccount]:
    found = receivers.known(app_id, is_anew=is_anew)
    if found is None:
        raise Refused(404, "no such account")
    return found


def _component(app_id: str, *, is_anew: bool = False) -> Known[Component]:
    found = receivers.known_platform(app_id, is_anew=is_anew)
    if found is None:
        raise Refused(404, "no such platform")
    return found


def _read[Holder: TokenHolder](
    letter: Letter, find: Callable[..., Known[Holder]]
) -> tuple[Holder, Opened]:
    """Verify and decrypt by the keys in memory, else by those of this moment."""
    found = find()
    try:
        return found.holder, _opened(found.receiver, letter)
    except Refused:  # perhaps the keys were changed a moment ago
        found = find(is_anew=True)
        return found.holder, _opened(found.receiver, letter)


def _echo(request: HttpRequest, find: Callable[[], Receiver]) -> str:
    given = _field(request, "signature", SIGNATURE_FORM)
    stamp, nonce = _stamp(request), _field(request, "nonce", NONCE_FORM)
    echo = request.GET.get("echostr", "")
    if not echo or len(echo) > ECHO_LENGTH:
        raise Refused(403, "echostr")
    if not find().token_of(given, stamp, nonce):
        raise Refused(403, "signature of the address check")
    return echo


def _letter(request: HttpRequest) -> Letter:
    is_sealed = request.GET.get("encrypt_type", "raw") == "aes"
    name = "msg_signature" if is_sealed else "signature"
    given = _field(request, name, SIGNATURE_FORM)
    stamp, nonce = _stamp(request), _field(request, "nonce", NONCE_FORM)
    try:
        body = _body(request).decode()
        encrypted = push.encrypted(body) if is_sealed else ""
    except (UnicodeDecodeError, push.CannotRead):
        raise Refused(400, "body") from None
    if is_sealed and (not encrypted or not encrypted.isascii()):  # Base64 by its nature
        raise Refused(400, "no encrypted part")
    return Letter(given, stamp, nonce, encrypted, body)


def _opened(receiver: Receiver, letter: Letter) -> Opened:
    if letter.encrypted:
        token = receiver.token_of(letter.signature, letter.stamp, letter.nonce, letter.encrypted)
        if not token:
            raise Refused(403, "signature of the push")
        try:
            text, box = receiver.opened(letter.encrypted)
        except CannotDecrypt:
            raise Refused(403, "decryption") from None
        return Opened(text, token, box)
    token = receiver.token_of(letter.signature, letter.stamp, letter.nonce)
    if not receiver.takes_plain:
        raise Refused(403, "not encrypted")
    if not token:
        raise Refused(403, "signature of the push")
    return Opened(letter.body, token, None)


def _field(request: HttpRequest, name: str, form: re.Pattern[str]) -> str:
    value = request.GET.get(name, "")
    if not form.fullmatch(value):
        raise Refused(403, name)
    return value


def _stamp(request: HttpRequest) -> str:
    stamp = _field(request, "timestamp", STAMP_FORM)
    if datetime.fromtimestamp(int(stamp), UTC) < clock.now() - OLDEST:
        raise Refused(403, "timestamp")
    return stamp


def _body(request: HttpRequest) -> bytes:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if numbers.whole(declared) is None or int(declared) > BODY_LIMIT:
        raise Refused(413, "body too big")
    body = request.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise Refused(413, "body too big")
    return body
