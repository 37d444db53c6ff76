"""The one door to send, and what people do to messages by hand.

``send`` writes a message down inside the business transaction; a worker carries it out
(``sending``). Source: specification P27, P29.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db import connection, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import permits
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, sealing, tenancy
from zhanggui.core.constraints import insert
from zhanggui.messaging import (
    hours,
    links,
    receivers,
    routing,
    segments,
    tasks,
    templates,
    wallet,
    words,
)
from zhanggui.messaging.errors import NoCredit, NotResendable
from zhanggui.messaging.models import (
    BODY_COLUMN,
    BY_PERMIT,
    TROUBLE,
    Kind,
    Message,
    Route,
    State,
    Why,
)
from zhanggui.messaging.receivers import Phone, Receiver
from zhanggui.messaging.routing import House, Ways
from zhanggui.messaging.templates import MessageTemplate


class _Known(Exception):
    """This business has been told before."""


def send(
    *,
    merchant: Merchant,
    to: Receiver,
    template: str,
    data: Mapping[str, str],
    purpose: str,
    subject: str,
    state: str = "",
    path: str = "",
) -> Message:
    """Write a message down, choose its way and set aside what it costs.

    Call it in the business transaction: the message exists exactly if the business does. Nothing
    here refuses: a message that cannot go is kept with the reason, and the business goes on.

    Args:
        merchant: in whose scope this runs.
        to: a customer, a number, or a follower.
        template: a registered name.
        data: the values of its fields, as texts.
        purpose: what it is for; with ``subject`` and ``state`` the same business is told once.
        subject: for example ``record:17``.
        state: of the subject, where each state is told.
        path: which page of the shop a tap in WeChat opens, for example ``/w/tea/``.

    Returns:
        The message: queued, or skipped with the reason; the earlier one for a repeat.
    """
    known = templates.get(template)
    row = Message(
        merchant_id=tenancy.current_merchant_id(),
        template=template,
        kind=known.kind,
        once=once_of(purpose, subject, state),
        body_sealed=sealed_body({**data, words.PATH: path} if path else dict(data), merchant.pk),
        link_token=links.new(known),
    )
    receivers.put(row, to)
    with transaction.atomic():
        try:
            insert(row, _Known)
        except _Known:
            return Message.objects.get(once=row.once)
        house = routing.house_of(merchant)
        decide(house, known, row)
        if row.state == State.QUEUED:
            tasks.drain.defer(merchant_id=merchant.pk)
    return row


def once_of(purpose: str, subject: str, state: str) -> str:
    """The business a message tells of, as one key."""
    return f"{purpose}|{subject}|{state}"[:160]


def sealed_body(data: Mapping[str, str], merchant_id: int) -> bytes:
    """The values of a template's fields, at rest."""
    text = json.dumps(dict(data), ensure_ascii=False)
    return sealing.seal(text, column=BODY_COLUMN, merchant_id=merchant_id)


def decide(house: House, template: MessageTemplate, row: Message) -> None:
    """Choose the way of a new message, count it and set aside what it costs; saves the row.

    Runs in a transaction, in the merchant's scope.
    """
    found = _ways(house, template, row)
    route = _first(house, template, row, found)
    why = Why.NO_PERMIT if found.routes else found.why
    if route is not None and row.customer_id is not None and not _counted(house, row):
        permits.give_back([row.number])
        route, why = None, Why.CAPPED
    if route is None:
        row.state, row.error, row.done_at = State.SKIPPED, why.value, clock.now()
    else:
        row.route = route
        row.due_at = hours.due(
            template.kind, max(row.due_at, clock.now()), house.settings, house.merchant.time_zone
        )
        if row.route == Route.SMS:
            set_aside(house, template, row)
    row.save(
        update_fields=["route", "state", "error", "done_at", "due_at", "segments", "milli_fen"]
    )


def set_aside(house: House, template: MessageTemplate, row: Message, cause: str = "") -> bool:
    """Reserve the segments of a message that goes by SMS; without credit it is not sent."""
    text = words.of(house, template, row)
    row.segments = segments.count(words.signature() + text)
    row.milli_fen = wallet.price_of(row.purse)
    try:
        wallet.reserve(
            merchant=house.merchant,
            purse=row.purse,
            segments=row.segments,
            cause=f"message:{row.pk}{cause}",
        )
    except NoCredit:
        row.segments = row.milli_fen = 0
        row.state, row.error, row.done_at = State.SKIPPED, Why.NO_CREDIT.value, clock.now()
        return False
    return True


def _ways(house: House, template: MessageTemplate, row: Message) -> Ways:
    to = receivers.of(row)
    if isinstance(to, Customer):
        return routing.ways(house, template, to)
    if not house.rule(template).is_on:
        return Ways((), Why.OFF)
    if isinstance(to, Phone):
        return Ways((Route.SMS,) if house.has_sms else ())
    return Ways((Route.WECHAT,))


def _first(house: House, template: MessageTemplate, row: Message, found: Ways) -> Route | None:
    """The first way that is really open: one by permission needs a permission that is left."""
    for route in found.routes:
        if route not in BY_PERMIT:
            return route
        customer = row.customer
        if customer is not None and routing.take_permit(
            house, template, route, customer, by=row.number
        ):
            return route
    return None


_COUNT = """
INSERT INTO messaging_messageday AS d (merchant_id, customer_id, day, service, marketing)
VALUES (%(merchant)s, %(customer)s, %(day)s, %(service)s, %(marketing)s)
ON CONFLICT (merchant_id, customer_id, day) DO UPDATE
   SET service = d.service + excluded.service, marketing = d.marketing + excluded.marketing
 WHERE d.service + excluded.service <= %(service_cap)s
   AND d.marketing + excluded.marketing <= %(marketing_cap)s
RETURNING 1
"""


def _counted(house: House, row: Message) -> bool:
    """Take one of the customer's messages of this day; False when none is left."""
    is_marketing = row.kind == Kind.MARKETING
    caps = house.settings
    if (caps.marketing_a_day if is_marketing else caps.service_a_day) < 1:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "merchant": row.merchant_id,
                "customer": row.customer_id,
                "day": clock.local_date(clock.now(), house.merchant.time_zone),
                "service": int(not is_marketing),
                "marketing": int(is_marketing),
                "service_cap": caps.service_a_day if not is_marketing else 32_000,
                "marketing_cap": caps.marketing_a_day if is_marketing else 32_000,
            },
        )
        return cursor.fetchone() is not None


def may_resend(message: Message) -> bool:
    """Whether sending once more by hand makes sense."""
    if message.campaign_id is not None:
        return False
    if message.state in TROUBLE:
        return True
    again = {Why.NO_CREDIT, Why.NO_WAY, Why.OFF}
    return message.state == State.SKIPPED and message.error in again


def resend(*, merchant: Merchant, message_id: int, actor: Actor) -> Message:
    """Send a message that did not get through once more, as a new one.

    Raises:
        Message.DoesNotExist: none of this merchant's.
        NotResendable: it went out, is on its way, or belongs to a mailing (409).
    """
    with transaction.atomic():
        old = Message.objects.select_for_update(of=("self",)).get(pk=message_id)
        if not may_resend(old):
            raise NotResendable
        known = templates.get(old.template)
        row = Message(
            merchant_id=old.merchant_id,
            template=old.template,
            kind=old.kind,
            once=f"again:{old.pk}"[:160],
            customer_id=old.customer_id,
            to_sealed=old.to_sealed,
            to_masked=old.to_masked,
            body_sealed=old.body_sealed,
            resent_from=old.pk,
            link_token=links.new(known),
        )
        insert(row, NotResendable)
        decide(routing.house_of(merchant), known, row)
        if row.state == State.QUEUED:
            tasks.drain.defer(merchant_id=merchant.pk)
        audit.record(actor, "messaging.message.resent", f"message:{old.pk}", details={"as": row.pk})
    return row
