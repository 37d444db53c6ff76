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
from collections.abc import Callable, Mapping
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
CONTENT_TYPE = "text/plain; charset=utf-8"


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


@dataclass(frozen=True, slots=True)
class Sent:
    """A request of WeChat, as far as it is looked at; ``config.hot`` makes one without Django."""

    is_check: bool
    """A GET: WeChat checks the address."""
    query: Mapping[str, str]
    length: str
    read: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of address pushes come to; a door is its own view."""

    work: Callable[..., str]

    def answer(self, sent: Sent, app_ids: Mapping[str, str]) -> tuple[int, str]:
        """Take a request; answers the status and the body."""
        try:
            if not all(APP_ID_FORM.fullmatch(app_id) for app_id in app_ids.values()):
                raise Refused(404, "app id")
            return 200, self.work(sent, **app_ids)
        except Refused as refusal:
            log.warning("refused", why=str(refusal), status=refusal.status)
            return refusal.status, ""

    def view(self) -> Callable[..., HttpResponse]:
        """The same as a view of Django's."""

        @csrf_exempt
        @require_http_methods(["GET", "POST"])
        def view(request: HttpRequest, **app_ids: str) -> HttpResponse:
            sent = Sent(
                request.method == "GET",
                request.GET,
                request.META.get("CONTENT_LENGTH") or "0",
                request.read,
            )
            status, text = self.answer(sent, app_ids)
            return HttpResponse(text, status=status, content_type=CONTENT_TYPE)

        return mark(view, "wechat-signature")


def _callback(sent: Sent, app_id: str) -> str:
    """An account with its own keys: the check of the address (GET), or a push."""
    if sent.is_check:
        return _echo(sent, lambda: _known(app_id, is_anew=True).receiver)
    letter = _letter(sent)
    account, opened = _read(letter, partial(_known, app_id))
    return answering.take(account, opened.text, answering.Seal.of(letter.nonce, opened))


def _notice(sent: Sent, component_id: str) -> str:
    """The third-party platform itself: tickets, authorisations given and withdrawn."""
    if sent.is_check:
        return _echo(sent, lambda: _component(component_id, is_anew=True).receiver)
    letter = _letter(sent)
    found, opened = _read(letter, partial(_component, component_id))
    try:
        notice = push.read_notice(opened.text)
    except push.CannotRead:
        log.warning("unreadable notice", component_id=found.pk)
        return SUCCESS
    deliveries.keep_notice(component=found, body=opened.text, notice=notice)
    return SUCCESS


def _of_authorised(sent: Sent, component_id: str, app_id: str) -> str:
    """An account that authorised the third-party platform."""
    if sent.is_check:
        return _echo(sent, lambda: _component(component_id, is_anew=True).receiver)
    letter = _letter(sent)
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


CALLBACK, COMPONENT, AUTHORISED = Door(_callback), Door(_notice), Door(_of_authorised)
callback, component, component_account = (door.view() for door in (CALLBACK, COMPONENT, AUTHORISED))


def _echo(sent: Sent, find: Callable[[], Receiver]) -> str:
    given = _field(sent, "signature", SIGNATURE_FORM)
    stamp, nonce = _stamp(sent), _field(sent, "nonce", NONCE_FORM)
    echo = sent.query.get("echostr", "")
    if not echo or len(echo) > ECHO_LENGTH:
        raise Refused(403, "echostr")
    if not find().token_of(given, stamp, nonce):
        raise Refused(403, "signature of the address check")
    return echo


def _letter(sent: Sent) -> Letter:
    is_sealed = sent.query.get("encrypt_type", "raw") == "aes"
    name = "msg_signature" if is_sealed else "signature"
    given = _field(sent, name, SIGNATURE_FORM)
    stamp, nonce = _stamp(sent), _field(sent, "nonce", NONCE_FORM)
    try:
        body = _body(sent).decode()
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


def _field(sent: Sent, name: str, form: re.Pattern[str]) -> str:
    value = sent.query.get(name, "")
    if not form.fullmatch(value):
        raise Refused(403, name)
    return value


def _stamp(sent: Sent) -> str:
    stamp = _field(sent, "timestamp", STAMP_FORM)
    if datetime.fromtimestamp(int(stamp), UTC) < clock.now() - OLDEST:
        raise Refused(403, "timestamp")
    return stamp


def _body(sent: Sent) -> bytes:
    length = numbers.whole(sent.length)
    if length is None or length > BODY_LIMIT:
        raise Refused(413, "body too big")
    body = sent.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise Refused(413, "body too big")
    return body
