"""What channels tell later: messages that arrived or did not, people who answer "stop".

Each may come twice, late, or before our own note: only a message that was handed over changes.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms.hooks import Receipt, Reply
from zhanggui.channels.wechat import permits
from zhanggui.channels.wechat.hooks import PushEvent
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.contacts import selectors as contacts
from zhanggui.core import clock, tenancy
from zhanggui.messaging import consents
from zhanggui.messaging.models import (
    BY_PERMIT,
    ConsentSource,
    Kind,
    Message,
    Route,
    State,
)

NUMBER = re.compile(r"zm(\d{1,18})\.(\d{1,18})")
STOP = re.compile(r"\W*(td|t|n|r|退订|拒收|取消|unsubscribe|stop)\W*", re.IGNORECASE)
SUCCESS = "success"
BLOCKED = "user block"
OPEN = (State.SENT, State.UNSURE)


def of_sms(receipts: list[Receipt]) -> None:
    """Text messages that arrived, or did not."""
    for receipt in receipts:
        found = NUMBER.fullmatch(receipt.out_id)
        if found is None:
            continue
        with tenancy.merchant_scope(int(found[1])):
            Message.objects.filter(pk=int(found[2]), route=Route.SMS, state__in=OPEN).update(
                state=State.DELIVERED if receipt.is_delivered else State.LOST,
                error="" if receipt.is_delivered else receipt.code[:80],
                done_at=receipt.at,
            )


def of_wechat(event: PushEvent) -> None:
    """A template message that arrived, or that the follower's phone refused.

    An account of an operator serves many merchants, so each of them is asked.
    """
    status = event.details.get("Status", "")
    error = "" if status == SUCCESS else _code_of(status)
    _told(event, event.details.get("MsgID", ""), (Route.WECHAT,), error)


def of_notice(event: PushEvent) -> None:
    """Subscription notifications that arrived, or that WeChat gave up on."""
    for item in permits.items_of(event):
        code = item.get("ErrorCode", "")
        _told(event, item.get("MsgID", ""), BY_PERMIT, "" if code == "0" else code[:20] or "-1")


def _told(event: PushEvent, number: str, routes: Collection[Route], error: str) -> None:
    """Note what became of the message with WeChat's number, whoever's it is."""
    if not number:
        return
    for merchant_id in _merchants_of(event.account_id):
        with tenancy.merchant_scope(merchant_id):
            changed = Message.objects.filter(
                platform_id=number, route__in=routes, state__in=OPEN
            ).update(
                state=State.LOST if error else State.DELIVERED,
                error=error,
                done_at=event.sent_at,
            )
        if changed:
            return


def _code_of(status: str) -> str:
    return "43019" if BLOCKED in status else "-1"


def _merchants_of(account_id: int) -> list[int]:
    account = ChannelAccount.objects.filter(pk=account_id).first()
    if account is None:
        return []
    if account.merchant_id is not None:
        return [account.merchant_id]
    merchants = Merchant.objects.order_by("pk")
    if account.operator_id is not None:
        merchants = merchants.filter(operator_id=account.operator_id)
    return list(merchants.values_list("pk", flat=True))


def of_reply(reply: Reply) -> None:
    """Whoever answers "TD" gets no more marketing by SMS from the shops that sent some."""
    if not STOP.fullmatch(reply.text):
        return
    for merchant in Merchant.objects.filter(pk__in=reply.merchant_ids):
        with tenancy.merchant_scope(merchant.pk):
            customer = contacts.holder_of(reply.phone)
            if customer is not None:
                consents.note(
                    customer=customer,
                    kind=Kind.MARKETING,
                    route=Route.SMS,
                    wants=False,
                    source=ConsentSource.REPLY,
                    at=max(reply.at, clock.now()),
                )
