"""Where WeChat Pay calls us: ``/hooks/pay/<token>/`` and ``/hooks/pay/<token>/refund/``.

The signature covers the raw body; it is checked before anything is kept. What is not WeChat Pay's
leaves no trace but a log line. An unknown certificate makes a job fetch the new ones: WeChat Pay
comes again after 15 seconds.
"""

from __future__ import annotations

import json
import re

import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from procrastinate.exceptions import AlreadyEnqueued

from zhanggui.accounts.guards import mark
from zhanggui.channels.pay import gateway, responses, tasks
from zhanggui.channels.pay.models import PayAccount
from zhanggui.channels.pay.services import notifications
from zhanggui.core import numbers

log = structlog.get_logger("zhanggui.pay.hooks")

BODY_LIMIT = 64 * 1024  # a notification is below 4 KB
TOKEN_FORM = re.compile(r"[2-9a-z]{26}")
SERIAL_FORM = re.compile(r"[0-9A-Za-z_]{1,64}")
ID_FORM = re.compile(r"[0-9A-Za-z_-]{1,64}")
EVENT_FORM = re.compile(r"[0-9A-Z._]{1,40}")


class Refused(Exception):
    """The request is not WeChat Pay's; ``status`` is all the caller learns."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _notification(request: HttpRequest, token: str) -> HttpResponse:
    """Take a notification: verify, store once, answer at once."""
    try:
        _take(request, token)
    except Refused as refusal:
        log.warning("refused", why=str(refusal), status=refusal.status)
        return JsonResponse({"code": "FAIL", "message": ""}, status=refusal.status)
    return HttpResponse(status=204)


notification = mark(csrf_exempt(require_POST(_notification)), "wechat-pay-signature")


def _take(request: HttpRequest, token: str) -> None:
    if not TOKEN_FORM.fullmatch(token):
        raise Refused(404, "token")
    body = _body(request)
    serial = request.headers.get("Wechatpay-Serial", "")
    if not SERIAL_FORM.fullmatch(serial):
        raise Refused(401, "serial")
    account = PayAccount.objects.select_related("partner").filter(token=token).first()
    if account is None:
        raise Refused(404, "no such account")
    signer = account.signer
    key = gateway.stored_key_of(signer, serial)
    if key is None:
        _fetch_certificates(signer, serial)
        raise Refused(401, "unknown serial")
    if not responses.is_from_wechat(request.headers, body, lambda _serial: key):
        raise Refused(401, "signature")
    text, platform_id, event_type = _read(body)
    notifications.keep(account=account, platform_id=platform_id, event_type=event_type, body=text)


def _body(request: HttpRequest) -> bytes:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if numbers.whole(declared) is None or int(declared) > BODY_LIMIT:
        raise Refused(413, "body too big")
    body = request.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise Refused(413, "body too big")
    return body


def _fetch_certificates(signer: PayAccount, serial: str) -> None:
    if serial.startswith(gateway.PUBLIC_KEY):
        return
    lock = f"pay.fetch_certificates:{signer.pk}"
    try:
        with transaction.atomic():
            tasks.fetch_certificates.configure(queueing_lock=lock).defer(account_id=signer.pk)
    except AlreadyEnqueued:
        log.info("certificates are being fetched", account_id=signer.pk)


def _read(body: bytes) -> tuple[str, str, str]:
    try:
        text = body.decode()
        content = json.loads(text)
        platform_id, event_type = str(content["id"]), str(content["event_type"])
    except (ValueError, KeyError, TypeError):
        raise Refused(400, "body") from None
    if not ID_FORM.fullmatch(platform_id) or not EVENT_FORM.fullmatch(event_type):
        raise Refused(400, "id or event")
    return text, platform_id, event_type
