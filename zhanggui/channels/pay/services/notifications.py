"""Notifications after their signature was checked: kept once, then worked on by a job."""

from __future__ import annotations

import json
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.db.models import F

from zhanggui.accounts.actors import Actor
from zhanggui.channels.pay import answers, gateway, signing, tasks
from zhanggui.channels.pay.errors import CANNOT_DECRYPT, PayError, PayRefused
from zhanggui.channels.pay.models import NotificationState, PayAccount, PayNotification
from zhanggui.channels.pay.models.accounts import BODY_OF_NOTIFICATION
from zhanggui.channels.pay.services import accounts, refunds, settling
from zhanggui.core import clock, sealing

log = structlog.get_logger("zhanggui.pay.notifications")

PAID = "TRANSACTION."
REFUND = "REFUND."


def keep(*, account: PayAccount, platform_id: str, event_type: str, body: str) -> bool:
    """Store a notification under WeChat Pay's own id and let a job work on it.

    Returns:
        False when it was here before; then only its count rises.
    """
    with transaction.atomic():
        found, is_new = PayNotification.objects.get_or_create(
            account=account,
            platform_id=platform_id,
            defaults={
                "event_type": event_type,
                "body_sealed": sealing.seal(body, column=BODY_OF_NOTIFICATION, merchant_id=None),
                "received_at": clock.now(),
            },
        )
        if is_new:
            PayAccount.objects.filter(pk=account.pk).update(last_notified_at=clock.now())
            tasks.handle_notification.defer(notification_id=found.pk)
        else:
            PayNotification.objects.filter(pk=found.pk).update(times=F("times") + 1)
    return is_new


def replay(*, notification: PayNotification, actor: Actor) -> None:
    """Work on a stored notification once more, by hand."""
    with transaction.atomic():
        PayNotification.objects.filter(pk=notification.pk).update(
            state=NotificationState.RECEIVED, error="", done_at=None
        )
        tasks.handle_notification.defer(notification_id=notification.pk)
        accounts.record(actor, notification.account, "pay.notification.replayed")


def handle(*, notification_id: int) -> None:
    """Work on one stored notification; what fails is noted and rises, so that the job comes again.

    What cannot be opened is not tried again by itself: only another APIv3 key helps.
    """
    found = PayNotification.objects.select_related("account__partner").get(pk=notification_id)
    if found.state not in {NotificationState.RECEIVED, NotificationState.FAILED}:
        return
    try:
        found.state = _booked(found)
    except PayRefused as refusal:
        gateway.note_error(found.account, refusal)
        found.state, found.error = NotificationState.FAILED, refusal.code
    except Exception as error:
        found.state, found.error = NotificationState.FAILED, _in_short(error)
        found.save(update_fields=["state", "error", "number"])
        raise
    else:
        found.error, found.done_at = "", clock.now()
    found.save(update_fields=["state", "error", "done_at", "number"])


def _in_short(error: Exception) -> str:
    # the database's errors quote the row
    name = type(error).__name__
    return name if isinstance(error, DatabaseError) else f"{name}: {error}"[:200]


def _booked(found: PayNotification) -> NotificationState:
    resource = _opened(found)
    if found.event_type.startswith(PAID):
        trade = answers.trade(resource)
        found.number = trade.number[:32]
        return settling.settle(account=_payee(found.account, trade.sub_mchid), found=trade)
    if found.event_type.startswith(REFUND):
        answer = answers.refund(resource)
        found.number = answer.trade_number[:32]
        sub_mchid = str(resource.get("sub_mchid", ""))
        return refunds.settle(account=_payee(found.account, sub_mchid), answer=answer)
    log.info("an event nobody works on", event_type=found.event_type)
    return NotificationState.KNOWN


def _payee(account: PayAccount, sub_mchid: str) -> PayAccount:
    """Whose payment a partner's notification is about: its own, or a merchant's under it."""
    if not sub_mchid or account.sub_mchid == sub_mchid:
        return account
    sub = account.subs.filter(sub_mchid=sub_mchid).order_by("-is_connected", "-pk").first()
    return sub or account


def _opened(found: PayNotification) -> dict[str, Any]:
    body = json.loads(
        sealing.unseal(bytes(found.body_sealed), column=BODY_OF_NOTIFICATION, merchant_id=None)
    )
    try:
        box = body["resource"]
        text = signing.decrypt(
            found.account.signer.unseal("api_v3_key"),
            nonce=box["nonce"],
            associated_data=box.get("associated_data") or "",
            ciphertext=box["ciphertext"],
        )
        resource = json.loads(text)
    except signing.CannotDecrypt:
        raise PayRefused("notification", code=CANNOT_DECRYPT) from None
    except (KeyError, TypeError, ValueError):
        raise PayError("a notification without contents", code="PARAM_ERROR") from None
    if not isinstance(resource, dict):
        raise PayError("a notification without contents", code="PARAM_ERROR")
    return resource
