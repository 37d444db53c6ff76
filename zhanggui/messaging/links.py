"""Links in messages that work without signing in, because only the receiver has them.

Marketing leads to the page that says stop; a product's message may lead to a page of the product
that shows what happened. The token is random and says nothing of the row.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID, uuid4

from django.conf import settings

from zhanggui.accounts.models import Merchant
from zhanggui.messaging.models import Kind, Message
from zhanggui.messaging.templates import MessageTemplate

STOP = "stop"
SHORT = 22
"""Letters of a token: fewer than a UUID's usual 32, because an SMS pays for each."""


def new(template: MessageTemplate) -> UUID | None:
    """A token for a message that needs one."""
    return uuid4() if template.page or template.kind == Kind.MARKETING else None


def written(token: UUID) -> str:
    """A token as it stands in an address."""
    return base64.urlsafe_b64encode(token.bytes).decode().rstrip("=")


def read(text: str) -> UUID | None:
    """The token of an address; None for anything else."""
    try:
        if len(text) == SHORT:
            return UUID(bytes=base64.urlsafe_b64decode(f"{text}=="))
        return UUID(text)
    except (ValueError, binascii.Error):
        return None


def address(merchant: Merchant, page: str, token: UUID | None) -> str:
    """The whole address of a message's page; empty without a token."""
    path = f"/w/{merchant.slug}/{page}/{written(token)}" if token else ""
    return f"{settings.BASE_URL}{path}" if path else ""


def message_of(text: str) -> Message | None:
    """The message whose link was followed, of the merchant in scope."""
    token = read(text)
    if token is None:
        return None
    return Message.objects.select_related("customer").filter(link_token=token).first()


def subject_of(message: Message) -> str:
    """What a message told of, such as ``record:17``; one that was sent again tells the same."""
    while message.resent_from is not None:
        message = Message.objects.get(pk=message.resent_from)
    return message.once.split("|")[1]
