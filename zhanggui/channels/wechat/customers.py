"""What the chats of an official account tell of a customer: handed out, shown, erased.

Several merchants may speak through one account; each sees and erases only its own messages.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Tier
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.channels.wechat.models import (
    BODY_OF_MESSAGE,
    Follower,
    MessageState,
    OAuthState,
    OutgoingMessage,
    Permit,
)
from zhanggui.contacts.holders import Holder, Sheet
from zhanggui.contacts.models import IdentityLink
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.core import sealing, tenancy
from zhanggui.ui.formats import moment

LONGEST = 120
TONES = {
    MessageState.WAITING: "waiting",
    MessageState.SENT: "success",
    MessageState.REFUSED: "danger",
    MessageState.FAILED: "danger",
    MessageState.LATE: "muted",
}


def _messages_to(customer_ids: Collection[int]) -> QuerySet[OutgoingMessage]:
    links = IdentityLink.objects.filter(
        customer_id__in=customer_ids,
        account_id=OuterRef("account_id"),
        openid=OuterRef("openid"),
    )
    mine = OutgoingMessage.objects.filter(merchant_id=tenancy.current_merchant_id())
    return mine.filter(Exists(links))


def _with_body(customer_id: int) -> QuerySet[OutgoingMessage]:
    """Messages to a customer; they are kept for 30 days."""
    body = Func(F("body_sealed"), Value("base64"), function="encode", output_field=TextField())
    return _messages_to([customer_id]).annotate(body=body)


def _entry(row: Row) -> Entry:
    told = dict(row.told)
    sealed = b64decode(told.pop("body"))
    message = OutgoingMessage(**told | {"body_sealed": sealed, "due_at": row.moment("due_at")})
    return Entry(
        _("WeChat message: %(state)s") % {"state": message.get_state_display()},
        " · ".join(filter(None, [Truncator(words_of(message)).chars(LONGEST), fate_of(message)])),
        "brand-wechat",
        TONES[MessageState(message.state)],
    )


def fate_of(message: OutgoingMessage) -> str:
    """Why a message was not sent yet, or not at all, and what helps; empty when all is well."""
    if message.error_code is None:
        return ""
    reason = _("%(why)s (%(code)s)") % {
        "why": advice_for(message.error_code),
        "code": message.error_code,
    }
    if message.due_at is None:
        return reason
    return _("Waits until %(moment)s: %(why)s") % {"moment": moment(message.due_at), "why": reason}


def words_of(message: OutgoingMessage) -> str:
    """What a message says, without the addresses behind its links."""
    body: dict[str, Any] = json.loads(
        sealing.unseal(bytes(message.body_sealed), column=BODY_OF_MESSAGE, merchant_id=None)
    )
    text = body["text"] if message.kind == "text" else " · ".join(body["data"].values())
    return " ".join(strip_tags(text).split())


def sheets(customer_id: int) -> Sequence[Sheet]:
    """Every message to one person that is still kept."""
    rows = [
        (row.created_at, words_of(row), row.get_state_display())
        for row in _messages_to([customer_id]).order_by("-created_at", "-pk")
    ]
    columns = [_("Time"), _("Message"), _("State")]
    return [Sheet("wechat_messages", _("WeChat messages"), columns, rows)]


def erase(customer_ids: Collection[int]) -> None:
    """Delete messages, sign-ins and, at the merchant's own account, follower and permissions.

    Callbacks stay sealed for the rest of their 30 days: nothing in them is found by a person.
    """
    _messages_to(customer_ids).delete()
    links = list(IdentityLink.objects.filter(customer_id__in=customer_ids))
    merchant_id = tenancy.current_merchant_id()
    OAuthState.objects.filter(
        audience="customer", merchant_id=merchant_id, identity_id__in=[link.pk for link in links]
    ).delete()
    pairs = Q(pk__in=[])
    for link in links:
        pairs |= Q(account_id=link.account_id, openid=link.openid)
    own = {"account__tier": Tier.MERCHANT, "account__merchant_id": merchant_id}
    Follower.objects.filter(pairs, **own).delete()
    Permit.objects.filter(pairs, **own).delete()


HOLDER = Holder(name="wechat", erase=erase, sheets=sheets)
TIMELINE = Source(
    name="wechat",
    rows=_with_body,
    told=("kind", "state", "error_code", "due_at", "body"),
    entry=_entry,
    at="created_at",
)
