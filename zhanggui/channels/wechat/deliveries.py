"""Callbacks after their signature was checked: kept once, then worked on by a job.

Those that arrive at the same moment are written down together, in one transaction.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import authorising, hooks, push, services, tasks, tickets
from zhanggui.channels.wechat.models import (
    BODY_OF_DELIVERY,
    CallbackDelivery,
    ChannelAccount,
    Component,
    DeliveryState,
    SceneCode,
)
from zhanggui.channels.wechat.push import Notice, Push
from zhanggui.contacts import services as contact_services
from zhanggui.core import clock, sealing
from zhanggui.core.db.pipeline import Statement, Values, fetch_first
from zhanggui.core.db.together import Together

log = structlog.get_logger("zhanggui.wechat.deliveries")

SEEN_EVERY = timedelta(seconds=30)


_KEEP: LiteralString = """
WITH given AS (
  SELECT account_id, component_id, platform_key, kind, decode(body, 'base64'), sent_at
  FROM jsonb_to_recordset(%(given)s::jsonb -> 'pushes')
    AS g(account_id bigint, component_id bigint, platform_key text, kind text, body text,
         sent_at timestamptz)
), kept AS (
  INSERT INTO wechat_callbackdelivery
    (account_id, component_id, platform_key, kind, body_sealed, sent_at, state, tries, error,
     received_at)
  SELECT g.*, 'received', 0, '', %(now)s::timestamptz FROM given g
  ON CONFLICT DO NOTHING
  RETURNING id, account_id, component_id, platform_key, sent_at
), loads AS (
  SELECT jsonb_build_object('delivery_ids', jsonb_agg(id ORDER BY sent_at, id)) AS args
  FROM (
    SELECT id, account_id, component_id, sent_at,
           (row_number() OVER (PARTITION BY account_id, component_id ORDER BY sent_at, id) - 1)
             / %(each)s::int AS load
    FROM kept
  ) AS numbered
  GROUP BY account_id, component_id, load
)
SELECT procrastinate_defer_jobs_v1((
         SELECT array_agg(
           ROW(%(queue)s::text, %(task)s::text, 0, NULL, NULL, args, NULL)
             ::procrastinate_job_to_defer_v1)
         FROM loads)),
       (SELECT json_agg(json_build_array(account_id, component_id, platform_key)) FROM kept)
"""
"""One statement and so one transaction: a push is kept if and only if it stands in a job."""

EACH_JOB = 8
"""Pushes of one job. A job costs the database more than the push it is for, so those that came
together share one; few enough that a slow one holds up few, and of one account."""


class Arrived(NamedTuple):
    """A push on its way into the database."""

    account_id: int | None
    component_id: int | None
    key: str
    kind: str
    body: bytes
    """Sealed."""
    sent_at: datetime

    @property
    def name(self) -> tuple[int | None, int | None, str]:
        """What is there once."""
        return self.account_id, self.component_id, self.key

    def as_json(self) -> dict[str, str | int | None]:
        """As the statement reads it."""
        return {
            "account_id": self.account_id,
            "component_id": self.component_id,
            "platform_key": self.key,
            "kind": self.kind,
            "body": b64encode(self.body).decode(),
            "sent_at": self.sent_at.isoformat(),
        }


def _keep_all(arrived: Sequence[Arrived]) -> list[bool]:
    """Store pushes with jobs for them; says of each whether it is new."""
    # in one order everywhere: two processes that keep the same pushes must not wait in a circle
    rows = sorted(arrived, key=lambda one: (one.account_id or 0, one.component_id or 0, one.key))
    values: Values = {
        "given": {"pushes": [one.as_json() for one in rows]},
        "now": clock.now(),
        "queue": tasks.QUEUE,
        "task": tasks.handle_deliveries.name,
        "each": EACH_JOB,
    }
    line = fetch_first(Statement(_KEEP, values))
    written = json.loads(line[1]) if line and line[1] else []
    new = {(account, component, key) for account, component, key in written}
    found = []
    for one in arrived:
        found.append(one.name in new)
        new.discard(one.name)
    return found


_keep_together = Together(_keep_all)


def keep(*, account: ChannelAccount, body: str, message: Push) -> bool:
    """Store a callback under the platform's own id and let a job work on it.

    Returns:
        False when it was here before; then nothing happens.
    """
    is_new = _keep(
        account_id=account.pk,
        component_id=None,
        key=message.platform_key,
        kind=message.kind,
        body=body,
        sent_at=message.sent_at,
    )
    if is_new:
        _note_seen(account, message.to)
    return is_new


def keep_notice(*, component: Component, body: str, notice: Notice) -> None:
    """Store what the third-party platform was told; a ticket is put in its place at once."""
    if notice.kind == "component_verify_ticket":
        if notice.ticket:
            tickets.keep(component, notice.ticket, sent_at=notice.sent_at)
    else:
        _keep(
            account_id=None,
            component_id=component.pk,
            key=notice.platform_key,
            kind=notice.kind,
            body=body,
            sent_at=notice.sent_at,
        )
    _note_seen(component, "")


def _keep(
    *,
    account_id: int | None,
    component_id: int | None,
    key: str,
    kind: str,
    body: str,
    sent_at: datetime,
) -> bool:
    sealed = sealing.seal(body, column=BODY_OF_DELIVERY, merchant_id=None)
    return _keep_together(Arrived(account_id, component_id, key, kind, sealed, sent_at))


def _note_seen(holder: ChannelAccount | Component, to: str) -> None:
    """Remember that pushes arrive, without rewriting a shared row for each of them."""
    now = clock.now()
    if holder.last_callback_at is None or holder.last_callback_at < now - SEEN_EVERY:
        rows = Component.objects if isinstance(holder, Component) else ChannelAccount.objects
        rows.filter(pk=holder.pk).filter(
            Q(last_callback_at__isnull=True) | Q(last_callback_at__lt=now - SEEN_EVERY)
        ).update(last_callback_at=now)
        holder.last_callback_at = now
    if isinstance(holder, ChannelAccount) and not holder.original_id and to:
        ChannelAccount.objects.filter(pk=holder.pk, original_id="").update(original_id=to[:40])


def replay(*, delivery: CallbackDelivery, actor: Actor) -> None:
    """Work on a stored callback once more, by hand; it has all its tries again."""
    with transaction.atomic():
        CallbackDelivery.objects.filter(pk=delivery.pk).update(
            state=DeliveryState.RECEIVED, error="", tries=0, done_at=None
        )
        tasks.handle_delivery.defer(delivery_id=delivery.pk)
        if delivery.account is not None:
            services.record(actor, delivery.account, "wechat.delivery.replayed")
        else:
            audit.record_platform(actor, "wechat.delivery.replayed", f"callback:{delivery.pk}")


def handle_all(*, delivery_ids: Sequence[int]) -> None:
    """Make the first try of pushes that came together; who fails is tried again by its own job.

    Repeated after a crash, it works on those that were not done.
    """
    for delivery_id in delivery_ids:
        try:
            handle(delivery_id=delivery_id)
        except Exception as error:  # noqa: BLE001  noted in its row; the others are not at fault
            log.warning("push failed", delivery_id=delivery_id, error=type(error).__name__)
            tasks.handle_again(delivery_id=delivery_id)


def handle(*, delivery_id: int, is_last_try: bool = False) -> None:
    """Work on one stored callback; what fails is noted and rises, so that the job tries again.

    After the last try it is given up: shown where the account's health is, and worked on again
    only by hand.
    """
    delivery = (
        CallbackDelivery.objects.select_related("account", "component")
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is None or delivery.state == DeliveryState.DONE:
        return
    delivery.tries += 1
    try:
        body = sealing.unseal(
            bytes(delivery.body_sealed), column=BODY_OF_DELIVERY, merchant_id=None
        )
        if delivery.component is not None:
            _dispatch_notice(delivery.component, push.read_notice(body))
        elif delivery.account is not None:
            _dispatch(delivery.account, push.read(body))
    except Exception as error:
        delivery.state = DeliveryState.DEAD if is_last_try else DeliveryState.FAILED
        delivery.error = _in_short(error)
        delivery.save(update_fields=["state", "error", "tries"])
        raise
    delivery.state, delivery.error, delivery.done_at = DeliveryState.DONE, "", clock.now()
    delivery.save(update_fields=["state", "error", "tries", "done_at"])


def _dispatch_notice(component: Component, notice: Notice) -> None:
    if notice.kind in {"authorized", "updateauthorized"}:
        authorising.on_authorised(
            component=component,
            app_id=notice.app_id,
            code=notice.code,
            pre_auth_code=notice.pre_auth_code,
            at=notice.sent_at,
        )
    elif notice.kind == "unauthorized":
        authorising.on_unauthorised(component=component, app_id=notice.app_id, at=notice.sent_at)
    else:
        log.info("notice of a kind we do not use", kind=notice.kind)


def _in_short(error: Exception) -> str:
    # the database's errors quote the row, openids and all
    name = type(error).__name__
    return name if isinstance(error, DatabaseError) else f"{name}: {error}"[:200]


def _dispatch(account: ChannelAccount, message: Push) -> None:
    _tell_kind(account, message)
    if message.is_event and message.name in hooks.event_handlers:
        event = hooks.PushEvent(
            account.pk,
            message.openid,
            account.merchant_id,
            message.name,
            message.details,
            message.sent_at,
        )
        for handler in hooks.event_handlers[message.name]:
            handler(event)


def _tell_kind(account: ChannelAccount, message: Push) -> None:
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
