"""Smallest valid rows of messaging; a test names only what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx2

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.sms import client as sms_client
from zhanggui.channels.wechat.models import ChannelAccount, TemplateBinding
from zhanggui.channels.wechat.notices import Field
from zhanggui.contacts.models import Customer, IdentityLink
from zhanggui.contacts.tests.factories import make_customer
from zhanggui.core import tenancy
from zhanggui.messaging import services, templates, wallet
from zhanggui.messaging.models import Campaign, Grant, Kind, Message, Purse
from zhanggui.messaging.receivers import Receiver
from zhanggui.messaging.templates import MessageTemplate

_numbers = count(1)


def fill_purse(merchant: Merchant, segments: int, purse: Purse = Purse.SERVICE) -> Grant:
    """Credit that was bought."""
    return wallet.grant(
        merchant=merchant,
        segments=segments,
        cause=f"order:{next(_numbers)}",
        actor=ACTOR,
        purse=purse,
    )


PROBE = MessageTemplate(
    name="tests.probe",
    label="Probe",
    explanation="",
    fields=(Field("what", "What", "Tea"), Field("when", "When", "12:00", "time")),
    words="{shop}: {what}, {customer}!",
    by_sms=True,
    for_many=True,
)
OFFER = MessageTemplate(
    name="tests.offer",
    label="Offer",
    explanation="",
    fields=(Field("what", "What", "Tea"),),
    words="{shop}: {what}",
    kind=Kind.MARKETING,
    by_wechat=False,
    by_sms=True,
    for_many=True,
)


def register_probes() -> None:
    """Make the templates of the tests known."""
    templates.register(PROBE, OFFER)


def make_reader(
    merchant: Merchant,
    account: ChannelAccount | None = None,
    *,
    name: str = "林小雨",
    phone: str = "",
    follows: bool = True,
) -> Customer:
    """A customer with a number, a WeChat that follows the account, both or neither."""
    customer = make_customer(merchant, name=name, phone=phone or None)
    if account is not None:
        with tenancy.merchant_scope(merchant.pk):
            IdentityLink(
                customer=customer,
                account_id=account.pk,
                openid=f"reader-{customer.pk}",
                follows=follows,
            ).save()
    return customer


def bind(account: ChannelAccount, template: str = PROBE.name, **mapping: str) -> TemplateBinding:
    """A template of an official account that carries one of ours."""
    return TemplateBinding.objects.create(
        account=account,
        template_key=template,
        template_id=f"tm-{template}-{'x' * 20}",
        mapping=mapping or {"thing1": "what", "time2": "when", "const3": "=茶"},
    )


def send(merchant: Merchant, to: Receiver, subject: str = "record:1", **more: Any) -> Message:
    """One message, as a product would."""
    values: dict[str, Any] = {
        "template": PROBE.name,
        "data": {"what": "新茶到了", "when": "2026年3月1日 12:00"},
        "purpose": "probe",
        **more,
    }
    return services.send(merchant=merchant, to=to, subject=subject, **values)


class FakeSms:
    """A gateway that answers as a test says; keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[dict[str, str]] = []
        self.status = 200
        self.error: Exception | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.error is not None:
            raise self.error
        self.texts.append(json.loads(request.content))
        return httpx2.Response(
            self.status, json={"id": f"sms{len(self.texts)}", "code": "BAD_NUMBER"}
        )


@contextmanager
def fake_sms() -> Iterator[FakeSms]:
    """Let every text message go to a fake."""
    fake = FakeSms()
    with sms_client.using(httpx2.MockTransport(fake)):
        yield fake


def make_message(merchant: Merchant, **values: Any) -> Message:
    """A message to a number, as the log shows it."""
    message = Message(
        merchant=merchant,
        template=PROBE.name,
        once=f"made|{next(_numbers)}|",
        to_masked="138****8000",
        body_sealed=services.sealed_body({"what": "新茶", "when": ""}, merchant.pk),
    )
    for name, value in values.items():
        setattr(message, name, value)
    message.save(force_insert=True)
    return message


def make_mailing(**values: Any) -> Campaign:
    """A draft."""
    row = Campaign(
        name="清明歇业通知",
        template="messaging.announcement",
        body={"subject": "清明歇业", "text": "4 月 5 日休息一天"},
        created_by="李店长",
    )
    for name, value in values.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row
