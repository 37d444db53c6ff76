"""Where WeChat calls us: ``/hooks/wechat/<app_id>/``.

What is malformed, too big or too old is refused before the database is asked; what is not signed
leaves no trace. Only the safe mode (encrypted pushes) is accepted: in plain mode the signature
does not cover the body.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from zhanggui.accounts.guards import mark
from zhanggui.channels.wechat import crypto, deliveries, push
from zhanggui.channels.wechat.crypto import CannotDecrypt, MessageBox
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.core import clock, numbers

log = structlog.get_logger("zhanggui.wechat.hooks")

BODY_LIMIT = 64 * 1024  # a push with its longest text is below 16 KB
OLDEST = timedelta(hours=1)
"""A captured push is useless after this; before it the platform's id stops a second effect."""
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


def _callback(request: HttpRequest, app_id: str) -> HttpResponse:
    """Answer WeChat's check of the address (GET) and take its pushes (POST)."""
    try:
        if not APP_ID_FORM.fullmatch(app_id):
            raise Refused(404, "app id")
        if request.method == "GET":
            return _plain(_echo(request, app_id))
        _take(request, app_id)
    except Refused as refusal:
        log.warning("refused", why=str(refusal), status=refusal.status)
        return _plain("", status=refusal.status)
    return _plain("success")


callback = mark(csrf_exempt(require_http_methods(["GET", "POST"])(_callback)), "wechat-signature")


def _plain(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def _echo(request: HttpRequest, app_id: str) -> str:
    given = _field(request, "signature", SIGNATURE_FORM)
    stamp, nonce = _stamp(request), _field(request, "nonce", NONCE_FORM)
    echo = request.GET.get("echostr", "")
    if not echo or len(echo) > ECHO_LENGTH:
        raise Refused(403, "echostr")
    account = _account(app_id)
    if not crypto.is_signed(given, account.unseal("callback_token"), stamp, nonce):
        raise Refused(403, "signature of the address check")
    return echo


def _take(request: HttpRequest, app_id: str) -> None:
    if request.GET.get("encrypt_type") != "aes":
        raise Refused(403, "not encrypted")
    given = _field(request, "msg_signature", SIGNATURE_FORM)
    stamp, nonce = _stamp(request), _field(request, "nonce", NONCE_FORM)
    encrypted = _encrypted(_body(request))
    account = _account(app_id)
    if not crypto.is_signed(given, account.unseal("callback_token"), stamp, nonce, encrypted):
        raise Refused(403, "signature of the push")
    body = _decrypted(account, encrypted)
    try:
        message = push.read(body)
    except push.CannotRead:
        # It is WeChat's and no repeat would be any better: take it, so that nobody sees an error.
        log.warning("unreadable push", account_id=account.pk)
        return
    deliveries.keep(account=account, body=body, message=message)


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


def _encrypted(body: bytes) -> str:
    try:
        encrypted = push.fields(body.decode()).get("Encrypt", "")
    except (UnicodeDecodeError, push.CannotRead):
        raise Refused(400, "body") from None
    if not encrypted.isascii() or not encrypted:  # Base64 by its nature
        raise Refused(400, "no encrypted part")
    return encrypted


def _account(app_id: str) -> ChannelAccount:
    account = ChannelAccount.objects.filter(app_id=app_id, is_connected=True).first()
    if account is None:
        raise Refused(404, "no such account")
    return account


def _decrypted(account: ChannelAccount, encrypted: str) -> str:
    columns = ["aes_key"] + (["previous_aes_key"] if account.previous_aes_key_sealed else [])
    for column in columns:
        try:
            return MessageBox(account.unseal(column), account.app_id).decrypt(encrypted)
        except CannotDecrypt:
            continue
    raise Refused(403, "decryption")
