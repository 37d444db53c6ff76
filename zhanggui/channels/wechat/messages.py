"""Messages to followers: written down in the business transaction, sent by a job after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from zhanggui.channels.wechat import permits, tasks
from zhanggui.channels.wechat.errors import NotPermitted
from zhanggui.channels.wechat.models import (
    BODY_OF_MESSAGE,
    ChannelAccount,
    OutgoingMessage,
    TemplateBinding,
)
from zhanggui.core import clock, sealing, tenancy, tokens


def link(label: str, path: str) -> str:
    """A link inside a text, as WeChat's chats show it: words instead of an address."""
    return f'<a href="{settings.BASE_URL}{path}">{plain(label)}</a>'


def plain(text: str) -> str:
    """A name inside a text: chats would read a link out of the pointed brackets of its owner."""
    return text.translate(BRACKETS)


BRACKETS = str.maketrans("<>", "‹›")


LASTS = timedelta(days=1)
"""How long a message may wait when WeChat takes no more today."""


def send_text(*, account_id: int, openid: str, text: str, lasts: timedelta = LASTS) -> int:
    """Send a customer message (客服消息); works within 48 hours of the follower's last contact.

    Args:
        account_id: the account the openid follows.
        openid: the receiver.
        text: what; ``link`` makes its links.
        lasts: after this time it would only confuse and is not sent.

    Returns:
        The id of the message; its fate is kept in ``OutgoingMessage``.
    """
    return _write(account_id, openid, "text", {"text": text}, lasts)


def send_template(
    *,
    account_id: int,
    openid: str,
    template_id: str,
    data: Mapping[str, str],
    url: str = "",
) -> int:
    """Send a template message (模板消息) to a follower.

    Args:
        account_id: the account the openid follows.
        openid: the receiver.
        template_id: as the account's template list shows it.
        data: field name (``thing1``) to value.
        url: opened by a tap; empty for none.

    Returns:
        The id of the message; its fate is kept in ``OutgoingMessage``.
    """
    body = {"template_id": template_id, "data": dict(data), "url": url}
    return _write(account_id, openid, "template", body, LASTS)


def send_notice(*, binding: TemplateBinding, openid: str, data: Mapping[str, str]) -> int:
    """Send a subscription notification (订阅通知) to somebody who allowed it.

    Raises:
        NotPermitted: the person allows none (E_NOT_PERMITTED, 409).
    """
    number = f"test.{tokens.new_token(24)}"
    if not permits.take(binding, openid, by=number):
        raise NotPermitted
    body = {"template_id": binding.template_id, "data": dict(data), "number": number}
    return _write(binding.account_id, openid, "notice", body, LASTS)


def _write(
    account_id: int, openid: str, kind: str, body: Mapping[str, Any], lasts: timedelta
) -> int:
    text = json.dumps(body, ensure_ascii=False)
    with transaction.atomic():
        message = OutgoingMessage.objects.create(
            account_id=account_id,
            merchant_id=_merchant_of(account_id),
            openid=openid,
            kind=kind,
            expires_at=clock.now() + lasts,
            body_sealed=sealing.seal(text, column=BODY_OF_MESSAGE, merchant_id=None),
        )
        tasks.send_message.defer(message_id=message.pk)
    return message.pk


def _merchant_of(account_id: int) -> int | None:
    """Who speaks: the merchant in scope, else the one whose own account it is."""
    try:
        scope = tenancy.current().merchant_id
    except tenancy.NoScope:
        scope = None
    if scope is not None:
        return scope
    accounts = ChannelAccount.objects.filter(pk=account_id)
    return accounts.values_list("merchant_id", flat=True).first()
