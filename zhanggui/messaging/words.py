"""What a message says: its fields with the shop's name and the customer's, its words, its page."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.conf import settings

from zhanggui.channels.sms import client as sms_client
from zhanggui.core import sealing
from zhanggui.messaging import links, templates
from zhanggui.messaging.models import BODY_COLUMN, Message
from zhanggui.messaging.routing import House
from zhanggui.messaging.templates import MessageTemplate

PATH = "_path"
"""The one value that is no field: which page of the shop a tap in WeChat opens."""


def data_of(message: Message) -> dict[str, str]:
    """The values as they were written down; a mailing keeps them once for all."""
    if message.campaign is not None:
        return {name: str(value) for name, value in message.campaign.body.items()}
    sealed = bytes(message.body_sealed or b"")
    found: dict[str, str] = json.loads(
        sealing.unseal(sealed, column=BODY_COLUMN, merchant_id=message.merchant_id)
    )
    return found


def values(house: House, message: Message) -> dict[str, str]:
    """The fields a template can name."""
    name = message.customer.name if message.customer else message.to_masked
    given = {key: text for key, text in data_of(message).items() if key != PATH}
    template = templates.find(message.template)
    return {
        "shop": house.merchant.name,
        "customer": name,
        "stop": links.address(house.merchant, links.STOP, message.link_token),
        "link": page_of(house, template, message) if template else "",
        **given,
    }


def of(house: House, template: MessageTemplate, message: Message) -> str:
    """The SMS, or what stands in a chat."""
    return templates.sms_text(template, house.rule(template).words, values(house, message))


def params(template: MessageTemplate, text: str, given: Mapping[str, str]) -> dict[str, str]:
    """What fills the places of an SMS provider's template: the fields, else the whole text."""
    if has_own_template(template):
        return {field.name: given.get(field.name, "") for field in template.all_fields()}
    return {"text": text}


def has_own_template(template: MessageTemplate) -> bool:
    """Whether a provider approved a template for this very message: its words are fixed then."""
    known = {
        "tencent": settings.SMS_TENCENT.templates,
        "aliyun": settings.SMS_ALIYUN.templates,
    }.get(settings.SMS_PROVIDER, {})
    return template.name in known


def page_of(house: House, template: MessageTemplate, message: Message) -> str:
    """The address a tap in WeChat opens; empty for none."""
    if template.page and message.link_token:
        return links.address(house.merchant, template.page, message.link_token)
    path = data_of(message).get(PATH, "")
    return f"{settings.BASE_URL}{path}" if path else ""


def signature() -> str:
    """What stands in front of every SMS and counts with it."""
    return sms_client.signature()
