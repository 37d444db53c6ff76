"""Callbacks after their signature was checked: kept once, then worked on by a job."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import hooks, push, services, tasks
from zhanggui.channels.wechat.models import (
    BODY_OF_DELIVERY,
    CallbackDelivery,
    ChannelAccount,
    DeliveryState,
    SceneCode,
)
from zhanggui.channels.wechat.push import Push
from zhanggui.contacts import services as contact_services
from zhanggui.core import clock, sealing

log = structlog.get_logger("zhanggui.wechat.deliveries")

SEEN_EVERY = timedelta(seconds=30)


def keep(*, account: ChannelAccount, body: str, message: Push) -> bool:
    """Store a callback under the platform's own id and let a job work on it.

    Returns:
        False when it was here before; then nothing happens.
    """
    now = clock.now()
    with transaction.atomic():
        delivery, is_new = CallbackDelivery.objects.get_or_create(
            account=account,
            platform_key=message.platform_key,
            defaults={
                "kind": message.kind,
                "body_sealed": sealing.seal(body, column=BODY_OF_DELIVERY, merchant_id=None),
                "sent_at": message.sent_at,
                "received_at": now,
            },
        )
        if is_new:
            _note_seen(account, message)
            tasks.handle_delivery.defer(delivery_id=delivery.pk)
    return is_new


def _note_seen(account: ChannelAccount, message: Push) -> None:
    """Remember that pushes arrive, without rewriting a shared row for each of them."""
    now = clock.now()
    seen = ChannelAccount.objects.filter(pk=account.pk).filter(
        Q(last_callback_at__isnull=True) | Q(last_callback_at__lt=now - SEEN_EVERY)
    )
    if account.last_callback_at is None or account.last_callback_at < now - SEEN_EVERY:
        seen.update(last_callback_at=now)
    if not account.original_id and message.to:
        ChannelAccount.objects.filter(pk=account.pk, original_id="").update(
            original_id=message.to[:40]
        )


def replay(*, delivery: CallbackDelivery, actor: Actor) -> None:
    """Work on a stored callback once more, by hand."""
    with transaction.atomic():
        CallbackDelivery.objects.filter(pk=delivery.pk).update(
            state=DeliveryState.RECEIVED, error="", done_at=None
        )
        tasks.handle_delivery.defer(delivery_id=delivery.pk)
        if delivery.account is not None:
            services.record(actor, delivery.account, "wechat.delivery.replayed")


def handle(*, delivery_id: int) -> None:
    """Work on one stored callback; what fails is noted and rises, so that the job tries again."""
    delivery = CallbackDelivery.objects.select_related("account").filter(pk=delivery_id).first()
    if delivery is None or delivery.account is None or delivery.state == DeliveryState.DONE:
        return
    try:
        body = sealing.unseal(
            bytes(delivery.body_sealed), column=BODY_OF_DELIVERY, merchant_id=None
        )
        _dispatch(delivery.account, push.read(body))
    except Exception as error:
        delivery.state = DeliveryState.FAILED
        delivery.error = _in_short(error)
        delivery.save(update_fields=["state", "error"])
        raise
    delivery.state, delivery.error, delivery.done_at = DeliveryState.DONE, "", clock.now()
    delivery.save(update_fields=["state", "error", "done_at"])


def _in_short(error: Exception) -> str:
    # the database's errors quote the row, openids and all
    name = type(error).__name__
    return name if isinstance(error, DatabaseError) else f"{name}: {error}"[:200]


def _dispatch(account: ChannelAccount, message: Push) -> None:
    if message.name == "subscribe":
        is_first = note_follow(
            account_id=account.pk, openid=message.openid, is_following=True, at=message.sent_at
        )
        if is_first is not None:
            _tell_followed(account, message, is_first=is_first)
            contact_services.note_follow(account_id=account.pk, openid=message.openid, follows=True)
        _tell_scanned(account, message, is_new_follower=True)
    elif message.name == "unsubscribe":
        is_known = note_follow(
            account_id=account.pk, openid=message.openid, is_following=False, at=message.sent_at
        )
        if is_known is not None:
            contact_services.note_follow(
                account_id=account.pk, openid=message.openid, follows=False
            )
    elif message.name == "scan":
        _tell_scanned(account, message, is_new_follower=False)
    elif message.name == "click" and message.key in hooks.click_handlers:
        hooks.click_handlers[message.key](
            hooks.ClickEvent(
                account.pk, message.openid, account.merchant_id, message.key, message.sent_at
            )
        )
    elif message.name == "text" and not message.is_event:
        for handler in hooks.text_handlers:
            handler(
                hooks.TextEvent(
                    account.pk, message.openid, account.merchant_id, message.text, message.sent_at
                )
            )


_FOLLOW = """
INSERT INTO wechat_follower AS f (account_id, openid, is_following, changed_at)
VALUES (%(account)s, %(openid)s, %(is_following)s, %(at)s)
ON CONFLICT (account_id, openid) DO UPDATE
   SET is_following = %(is_following)s, changed_at = %(at)s
 WHERE f.changed_at <= %(at)s
RETURNING (xmax = 0)
"""


def note_follow(*, account_id: int, openid: str, is_following: bool, at: datetime) -> bool | None:
    """Take over a follow or unfollow unless a newer one is known already.

    Returns:
        Whether this openid was seen for the first time; None when the event came too late.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FOLLOW,
            {"account": account_id, "openid": openid, "is_following": is_following, "at": at},
        )
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


def _tell_followed(account: ChannelAccount, message: Push, *, is_first: bool) -> None:
    event = hooks.FollowEvent(
        account.pk, message.openid, account.merchant_id, is_first, message.sent_at
    )
    for handler in hooks.follow_handlers:
        handler(event)


def _tell_scanned(account: ChannelAccount, message: Push, *, is_new_follower: bool) -> None:
    if not message.scene:
        return
    code = SceneCode.objects.filter(account=account, scene=message.scene).first()
    if code is None or code.purpose not in hooks.scan_handlers:
        log.info("scan of a code nobody knows", account_id=account.pk)
        return
    hooks.scan_handlers[code.purpose](
        hooks.ScanEvent(
            account_id=account.pk,
            openid=message.openid,
            scene_code_id=code.pk,
            merchant_id=code.merchant_id,
            subject_id=code.subject_id,
            is_new_follower=is_new_follower,
            scanned_at=message.sent_at,
        )
    )
