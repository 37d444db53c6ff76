"""Reads of messages, mailings and SMS credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum

from zhanggui.core import clock
from zhanggui.ledger.models import Entry, Unit
from zhanggui.messaging import wallet
from zhanggui.messaging.models import (
    GONE_OUT,
    TROUBLE,
    WAITING,
    Campaign,
    Grant,
    Message,
    Purse,
    Route,
    State,
)
from zhanggui.ui.formats import masked_phone

ORDER = ("-created_at", "-id")
GROUPS = {"waiting": WAITING, "out": GONE_OUT, "trouble": TROUBLE, "skipped": (State.SKIPPED,)}
TAIL = 4


def messages(values: Mapping[str, Any], *, search: str, zone: str) -> QuerySet[Message]:
    """Messages that fit the list's filters, newest first.

    The search finds a customer's name or member number, or a masked number by its last digits.
    """
    rows = Message.objects.select_related("customer", "campaign").order_by(*ORDER)
    state = values.get("state") or ""
    if state in GROUPS:
        rows = rows.filter(state__in=GROUPS[state])
    elif state in State.values:
        rows = rows.filter(state=state)
    for name, column in (("route", "route"), ("template", "template"), ("mailing", "campaign_id")):
        if values.get(name):
            rows = rows.filter(**{column: values[name]})
    for moment in _period(values, zone):
        rows = rows.filter(moment)
    if search:
        rows = rows.filter(_fits(search))
    return rows


def _fits(search: str) -> Q:
    found = Q(to_masked__icontains=search) | Q(customer__name_key__contains=search.lower())
    found |= Q(customer__number__istartswith=search)
    if search.isdecimal():
        masked = masked_phone(f"+86{search}") if len(search) == len("13800138000") else search
        found |= Q(to_masked__endswith=masked[-TAIL:])
    return found


def _period(values: Mapping[str, Any], zone: str) -> list[Q]:
    def midnight(day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone))

    first, last = values.get("created_from"), values.get("created_to")
    found = [Q(created_at__gte=midnight(first))] if isinstance(first, date) else []
    if isinstance(last, date) and last < date.max:
        found.append(Q(created_at__lt=midnight(last + timedelta(days=1))))
    return found


@dataclass(frozen=True, slots=True)
class Today:
    """Messages of today by what became of them, and the segments they cost."""

    out: int
    waiting: int
    trouble: int
    segments: int


def today(zone: str) -> Today:
    """Counts since midnight."""
    start = clock.start_of(clock.local_date(clock.now(), zone), zone)
    counted = Message.objects.filter(created_at__gte=start).aggregate(
        out=Count("pk", filter=Q(state__in=GONE_OUT)),
        waiting=Count("pk", filter=Q(state__in=WAITING)),
        trouble=Count("pk", filter=Q(state__in=TROUBLE)),
        segments=Sum("segments", filter=Q(route=Route.SMS, state__in=[*GONE_OUT, State.UNSURE])),
    )
    return Today(**{**counted, "segments": counted["segments"] or 0})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a purse's statement."""

    at: datetime
    amount: int
    event: str
    purse: Purse
    cause: str
    grant: Grant | None


EVENT_KINDS = {
    "in": ("filled", "moved"),
    "out": ("held", "taken_back"),
    "back": ("settled",),
}


def statement(*, purse: str = "", kind: str = "") -> QuerySet[Entry]:
    """What moved in the purses of the merchant in scope, newest first."""
    purses = [Purse(purse)] if purse in Purse.values else list(Purse)
    rows = Entry.objects.select_related("transaction", "account").filter(
        account__unit=Unit.SMS, account__code__in=[wallet.code_of(one) for one in purses]
    )
    if kind in EVENT_KINDS:
        rows = rows.filter(
            transaction__event__in=[wallet.EVENTS[name] for name in EVENT_KINDS[kind]]
        )
    return rows.order_by("-id")


def lines(entries: list[Entry]) -> list[Line]:
    """Entries with what they were for."""
    ids = [_grant_id(entry.transaction.cause) for entry in entries]
    grants = {row.pk: row for row in Grant.objects.filter(pk__in=[pk for pk in ids if pk])}
    names = {wallet.code_of(purse): purse for purse in Purse}
    return [
        Line(
            at=entry.transaction.at,
            amount=entry.amount,
            event=entry.transaction.event,
            purse=names[entry.account.code],
            cause=entry.transaction.cause,
            grant=grants.get(_grant_id(entry.transaction.cause) or 0),
        )
        for entry in entries
    ]


def _grant_id(cause: str) -> int | None:
    kind, _colon, rest = cause.partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == "grant" and number.isdecimal() else None


def mailings() -> QuerySet[Campaign]:
    """Mailings, newest first."""
    return Campaign.objects.order_by(*ORDER)
