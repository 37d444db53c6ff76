"""The ticket of the third-party platform: WeChat pushes one every ten minutes.

It is good for twelve hours. When none came for half an hour we ask for pushes again and say so
on the platform's page; until the twelve hours are over everything goes on working.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from zhanggui.channels.wechat import client, troubles
from zhanggui.channels.wechat.client.component import start_push_ticket
from zhanggui.channels.wechat.errors import ChannelError, MerchantMustAct
from zhanggui.channels.wechat.models import Component
from zhanggui.core import clock

log = structlog.get_logger("zhanggui.wechat.tickets")

LATE_AFTER = timedelta(minutes=30)
GOOD_FOR = timedelta(hours=12)
ASK_EVERY = timedelta(minutes=10)
TICKET_CODES = frozenset({61005, 61006})


def keep(component: Component, ticket: str, *, sent_at: datetime) -> None:
    """Store a ticket that was pushed, unless a newer one is known."""
    sealed = Component(app_id=component.app_id)  # the row at hand is shared by threads
    sealed.seal("ticket", ticket)
    Component.objects.filter(pk=component.pk).filter(
        Q(ticket_at__isnull=True) | Q(ticket_at__lte=sent_at)
    ).update(ticket_sealed=sealed.ticket_sealed, ticket_at=sent_at, ticket_asked_at=None)


def ticket_of(component: Component) -> str:
    """The newest ticket, if it is still good.

    Raises:
        MerchantMustAct: there is none (61006), or it is older than twelve hours (61005).
    """
    fresh = Component.objects.get(pk=component.pk)
    if fresh.ticket_at is None:
        message = "WeChat has not pushed a ticket yet"
        raise MerchantMustAct(message, code=61006)
    if fresh.ticket_at < clock.now() - GOOD_FOR:
        message = "the newest ticket is older than twelve hours"
        raise MerchantMustAct(message, code=61005)
    return fresh.unseal("ticket")


def late_components() -> QuerySet[Component]:
    """The third-party platform in use, if no ticket came for half an hour."""
    since = Coalesce("ticket_at", "created_at")
    found = Component.objects.filter(is_active=True).alias(heard_at=since)
    return found.filter(heard_at__lt=clock.now() - LATE_AFTER)


def ask_for_more(component: Component) -> bool:
    """Ask WeChat to push tickets again, at most every ten minutes; outside transactions.

    Returns:
        Whether WeChat was asked and said yes.
    """
    now = clock.now()
    is_ours = (
        Component.objects.filter(pk=component.pk)
        .filter(Q(ticket_asked_at__isnull=True) | Q(ticket_asked_at__lte=now - ASK_EVERY))
        .update(ticket_asked_at=now)
    )
    if not is_ours:
        return False
    try:
        start_push_ticket(
            client.current(), app_id=component.app_id, secret=component.unseal("secret")
        )
    except ChannelError as error:
        troubles.note(component, error)
        return False
    log.warning("asked for tickets", component_id=component.pk)
    return True


def watch() -> None:
    """Ask for tickets where they stay away; run every ten minutes."""
    for component in late_components():
        ask_for_more(component)
