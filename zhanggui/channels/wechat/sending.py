"""Sends what ``messages`` wrote down; what WeChat refuses is recorded and not tried again."""

from __future__ import annotations

import json

from zhanggui.channels.wechat import api
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import ChannelRefused, ChannelUnreachable
from zhanggui.channels.wechat.models import (
    BODY_OF_MESSAGE,
    MessageState,
    OutgoingMessage,
)
from zhanggui.core import clock, sealing


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
    try:
        platform_id = _call(message)
    except ChannelRefused as refusal:
        # window closed (45015), allowance used up (45047), not following (43004), ...
        _done(message, MessageState.REFUSED, code=refusal.code)
    except ChannelUnreachable as error:
        if not is_last_try and not (error.is_sent and message.kind == "text"):
            raise
        _done(message, MessageState.FAILED, code=error.code)
    else:
        _done(message, MessageState.SENT, platform_id=platform_id)


def _call(message: OutgoingMessage) -> str:
    calls = api.for_account(message.account)
    body = json.loads(
        sealing.unseal(bytes(message.body_sealed), column=BODY_OF_MESSAGE, merchant_id=None)
    )
    if message.kind == "text":
        calls.custom_send(message.openid, Text(body["text"]))
        return ""
    return calls.template_send(
        message.openid,
        body["template_id"],
        body["data"],
        url=body["url"],
        client_id=f"zg{message.pk}",
    )


def _done(
    message: OutgoingMessage,
    state: MessageState,
    *,
    code: int | None = None,
    platform_id: str = "",
) -> None:
    OutgoingMessage.objects.filter(pk=message.pk, state=MessageState.WAITING).update(
        state=state, error_code=code, platform_id=platform_id, done_at=clock.now()
    )
