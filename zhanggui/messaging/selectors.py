"""Reads of messages, mailings and SMS credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Sum

from zhanggui.core import clock, tenancy
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
    in_fen,
)
from zhanggui.ui.formats import masked_phone
from zhanggui.ui.paging import COUNT_UP_TO

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
    """Messages of today by what became of them, and what they cost."""

    out: int
    waiting: int
    trouble: int
    segments: int
    cost_fen: int


def today(zone: str) -> Today:
    """Counts since midnight."""
    start = clock.start_of(clock.local_date(clock.now(), zone), zone)
    counted = Message.objects.filter(created_at__gte=start).aggregate(
        out=Count("pk", filter=Q(state__in=GONE_OUT)),
        waiting=Count("pk", filter=Q(state__in=WAITING)),
        trouble=Count("pk", filter=Q(state__in=TROUBLE)),
        **_costs(),
    )
    return Today(**_in_fen(counted))


CHARGED = Q(route=Route.SMS, state__in=[*GONE_OUT, State.LOST, State.UNSURE])
"""A provider that took a message charges it, also when it does not arrive."""


def _costs() -> dict[str, Sum]:
    price = F("segments") * F("milli_fen")
    return {"used": Sum("segments", filter=CHARGED), "paid": Sum(price, filter=CHARGED)}


def _in_fen(counted: dict[str, Any]) -> dict[str, Any]:
    used, paid = counted.pop("used") or 0, counted.pop("paid") or 0
    return {**counted, "segments": used, "cost_fen": in_fen(paid)}


@dataclass(frozen=True, slots=True)
class Costs:
    """What a list of messages cost."""

    by_sms: int
    segments: int
    cost_fen: int


def costs(rows: QuerySet[Message]) -> Costs:
    """What the messages of a filter cost, at most the newest 10,000 of them."""
    ids = rows.order_by(*ORDER).values("pk")[:COUNT_UP_TO]
    counted = Message.objects.filter(pk__in=ids).aggregate(
        by_sms=Count("pk", filter=CHARGED), **_costs()
    )
    return Costs(**_in_fen(counted))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a purse's statement."""

    at: datetime
    amount: int
    balance: int
    """What lay in the purse afterwards."""
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
    balances = _balances(entries)
    return [
        Line(
            at=entry.transaction.at,
            amount=entry.amount,
            balance=balances[entry.pk],
            event=entry.transaction.event,
            purse=names[entry.account.code],
            cause=entry.transaction.cause,
            grant=grants.get(_grant_id(entry.transaction.cause) or 0),
        )
        for entry in entries
    ]


_BALANCES: LiteralString = """
SELECT id, balance FROM (
  SELECT e.id, a.balance - coalesce(sum(e.amount) OVER (
           PARTITION BY e.account_id ORDER BY e.id DESC
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS balance
  FROM ledger_entry e
  JOIN ledger_account a ON a.merchant_id = e.merchant_id AND a.id = e.account_id
  WHERE e.merchant_id = %(merchant)s AND e.account_id = ANY(%(accounts)s) AND e.id >= %(first)s
) AS newer WHERE id = ANY(%(ids)s)
"""


def _balances(entries: list[Entry]) -> dict[int, int]:
    """What lay in a purse after each of these entries: today's balance less what came later."""
    if not entries:
        return {}
    ids = [entry.pk for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(
            _BALANCES,
            {
                "merchant": tenancy.current_merchant_id(),
                "accounts": list({entry.account_id for entry in entries}),
                "first": min(ids),
                "ids": ids,
            },
        )
        return {pk: int(balance) for pk, balance in cursor.fetchall()}


def _grant_id(cause: str) -> int | None:
    kind, _colon, rest = cause.partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == "grant" and number.isdecimal() else None


def mailings() -> QuerySet[Campaign]:
    """Mailings, newest first."""
    return Campaign.objects.order_by(*ORDER)
