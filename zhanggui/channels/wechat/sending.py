"""Sends what ``messages`` wrote down, and treats what WeChat says as its table of codes has it.

No answer and "busy" bring the job again; a used up minute or day lets the message wait for its
end; everything else is a refusal, recorded and not tried again.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from zhanggui.channels.wechat import api, permits, tasks
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnreachable,
    QuotaUsedUp,
)
from zhanggui.channels.wechat.models import (
    BODY_OF_MESSAGE,
    Kind,
    MessageState,
    OutgoingMessage,
)
from zhanggui.core import clock, sealing

MOST = 500
"""Woken at once; the rest a minute later."""
SHORT = timedelta(minutes=2)
"""Who waits no longer than this is woken when it is over, not by the sweep of the next minute."""


def send(*, message_id: int, is_last_try: bool) -> None:
    """Send one message.

    Raises:
        ChannelUnreachable: no answer and tries are left; the job comes again.
    """
    message = (
        OutgoingMessage.objects.select_related("account__component").filter(pk=message_id).first()
    )
    if message is None or message.state != MessageState.WAITING:
        return
    if not message.account.is_connected:
        _done(message, MessageState.REFUSED)
        return
    if message.expires_at is not None and message.expires_at < clock.now():
        _done(message, MessageState.LATE, code=message.error_code)
        return
    try:
        platform_id = _call(message)
    except (QuotaUsedUp, ChannelBusy) as limit:
        _wait(message, until=limit.until, code=limit.code)
    except ChannelRefused as refusal:
        # window closed (45015), enough for one person (45047), not following (43004), ...
        _free_permit(message, refusal.code)
        _done(message, MessageState.REFUSED, code=refusal.code)
    except ChannelUnreachable as error:
        if not is_last_try and not (error.is_sent and message.kind != "template"):
            raise
        _done(message, MessageState.FAILED, code=error.code)
    else:
        _done(message, MessageState.SENT, platform_id=platform_id)


def _free_permit(message: OutgoingMessage, code: int | None) -> None:
    """A notification that did not go out gives its permission back, unless there was none."""
    if message.kind != "notice":
        return
    settle = permits.none_left if code == permits.USED_UP else permits.give_back
    settle([_body_of(message)["number"]])


def _body_of(message: OutgoingMessage) -> dict[str, Any]:
    text = sealing.unseal(bytes(message.body_sealed), column=BODY_OF_MESSAGE, merchant_id=None)
    body: dict[str, Any] = json.loads(text)
    return body


def _call(message: OutgoingMessage) -> str:
    calls = api.for_account(message.account)
    body = _body_of(message)
    if message.kind == "text":
        calls.custom_send(message.openid, Text(body["text"]))
        return ""
    if message.kind == "notice":
        send = calls.subscription_send if message.account.kind == Kind.MINI else calls.notify
        return send(message.openid, body["template_id"], body["data"])
    return calls.template_send(
        message.openid,
        body["template_id"],
        body["data"],
        url=body["url"],
        client_id=f"zg{message.pk}",
    )


def _wait(message: OutgoingMessage, *, until: datetime, code: int | None) -> None:
    """Send it again when WeChat takes it, unless nobody needs it by then."""
    if message.expires_at is not None and message.expires_at < until:
        _done(message, MessageState.LATE, code=code)
        return
    with transaction.atomic():
        OutgoingMessage.objects.filter(pk=message.pk, state=MessageState.WAITING).update(
            due_at=until, error_code=code
        )
        pause = until - clock.now()
        if pause <= SHORT:
            _wake_in(max(math.ceil(pause.total_seconds()), 0), until)


def _wake_in(pause_s: int, until: datetime) -> None:
    """Wake whoever waits for this moment; one job does it for all of them."""
    lock = f"wechat.send_due:{until:%Y%m%d%H%M%S}"
    try:
        with transaction.atomic():
            again = tasks.send_due.configure(queueing_lock=lock, schedule_in={"seconds": pause_s})
            again.defer()
    except AlreadyEnqueued:
        return


def wake() -> int:
    """Let messages go whose waiting is over; run every minute at least, answers how many."""
    with transaction.atomic():
        due = OutgoingMessage.objects.filter(due_at__lte=clock.now()).order_by("due_at")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST])
        OutgoingMessage.objects.filter(pk__in=ids).update(due_at=None)
        for message_id in ids:
            tasks.send_message.defer(message_id=message_id)
    return len(ids)


def _done(
    message: OutgoingMessage,
    state: MessageState,
    *,
    code: int | None = None,
    platform_id: str = "",
) -> None:
    OutgoingMessage.objects.filter(pk=message.pk, state=MessageState.WAITING).update(
        state=state, error_code=code, platform_id=platform_id, due_at=None, done_at=clock.now()
    )
