"""Reads behind the figures: who the customers were, which codes wait, numbers per store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import typist_of
from zhanggui.accounts.models import AuditEntry
from zhanggui.api.codes import REFUSED as AT_TILL
from zhanggui.codes import desk
from zhanggui.codes.models import LIVE, OneTimeCode
from zhanggui.contacts.models import Customer, IdentityLink, LinkState
from zhanggui.core import clock
from zhanggui.stamps import selectors
from zhanggui.stamps.models import Card, CardState, Kind, ProgrammeStore, StampRecord
from zhanggui.stamps.operations import SUBJECT, kind_of
from zhanggui.stamps.selectors import Period

REFUSED = "stamps.code.refused"
MOST_CUSTOMERS = 200
LABELS: dict[str, str | Promise] = {
    "E_CODE_INVALID": _("Wrong code"),
    "E_CODE_FORMAT": _("Not six digits"),
    "E_CODE_EXPIRED": _("Expired code"),
    "E_CODE_USED": _("Code already used"),
    "E_CODE_REVOKED": _("Withdrawn code"),
    "E_CODE_HELD": _("Another manager had it open"),
    "E_WRONG_STORE": _("Card of another store"),
    "E_LOCKED": _("Locked after too many wrong codes"),
    "E_CARD_FULL": _("Card was full"),
    "E_CARD_STATE": _("Card, programme or store was stopped"),
    "E_NOTHING_TO_CANCEL": _("Nothing to cancel"),
    "E_CANCEL_WINDOW": _("Too late to cancel"),
    "E_AMOUNT": _("Too many stamps at once"),
    "E_REASON": _("Reason was missing"),
    "E_NOT_MANAGER": _("No longer a manager"),
    "E_VELOCITY": _("Too fast, or too many in a day"),
    "E_SELF": _("The manager's own card"),
    "E_REWARD_USED": _("Its reward was used already"),
    "E_COUPON_WRONG_STORE": _("Coupon of another store"),
    "E_COUPON_EXPIRED": _("Coupon had expired"),
    "E_COUPON_CONDITION": _("Conditions of the coupon were not met"),
    "E_COUPON_PROGRAMME_PAUSED": _("Coupon was on hold"),
    "E_COUPON_FROZEN": _("Coupon was frozen"),
    "E_COUPON_USED": _("Coupon was used already"),
    "E_CODE_PURPOSE": _("Code for something else"),
    "E_SCOPE": _("Not allowed to this till"),
}


@dataclass(frozen=True, slots=True)
class CustomerFigure:
    """What one customer did at a store within a period."""

    customer_id: int
    name: str
    stamps: int
    entries: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """A code that was refused at a store."""

    at: datetime
    manager_name: str
    code: str
    """The code of the refusal, for example ``E_CODE_INVALID``."""

    @property
    def label(self) -> str:
        """The refusal in a few words."""
        return str(LABELS.get(self.code, self.code))


@dataclass(frozen=True, slots=True)
class WaitingCode:
    """A code a customer shows right now; never its digits."""

    customer_name: str
    operation: str
    seconds_left: int
    life_s: int
    is_held: bool


def customers_of(*, period: Period, store_id: int) -> list[CustomerFigure]:
    """Customers with entries at a store, the latest first, at most 200."""
    rows = (
        selectors.ledger(period=period, store_id=store_id)
        .order_by()
        .values("customer_id")
        .annotate(
            stamps=Sum("amount"),
            entries=Count("id"),
            last_at=Max("at"),
            first_name=Min("customer_name"),
        )
        .order_by("-last_at")[:MOST_CUSTOMERS]
    )
    names = customer_names([row["customer_id"] for row in rows])
    return [
        CustomerFigure(
            row["customer_id"],
            names.get(row["customer_id"], row["first_name"]),
            row["stamps"],
            row["entries"],
            row["last_at"],
        )
        for row in rows
    ]


def customer_names(ids: Collection[int]) -> dict[int, str]:
    """Today's names of customers."""
    return dict(Customer.objects.filter(pk__in=ids).values_list("pk", "name"))


def attempts(*, period: Period, store_id: int) -> list[Attempt]:
    """Refused codes of a store, newest first, at most 200; taken from the audit log."""
    entries = AuditEntry.objects.filter(
        store_id=store_id,
        action__in=(REFUSED, AT_TILL),
        at__gte=clock.start_of(period.first, period.zone),
    ).order_by("-at", "-id")[:MOST_CUSTOMERS]
    typists = [typist_of(entry.actor_kind, entry.actor_id) for entry in entries]
    names = audit.names_of_typists(set(typists))
    return [
        Attempt(entry.at, names.get(typist, ""), str(entry.details.get("code", "")))
        for entry, typist in zip(entries, typists, strict=True)
    ]


def wrong_codes(*, period: Period, store_id: int) -> list[Attempt]:
    """Wrong codes typed at a store, newest first; the rows of ``selectors.wrong_codes``."""
    rows = selectors.wrong_tries(store_id=store_id, period=period).order_by("-at", "-pk")
    names = audit.names_of_typists({row.person_id for row in rows})
    return [Attempt(row.at, names.get(row.person_id, ""), "E_CODE_INVALID") for row in rows]


def waiting_codes(store_id: int) -> list[WaitingCode]:
    """Live codes that this store could take now, the one that ends first on top."""
    moment = clock.now()
    codes = _live_at(store_id, moment).order_by("expires_at")[:50]
    names = customer_names([code.customer_id for code in codes])
    return [
        WaitingCode(
            customer_name=names.get(code.customer_id, ""),
            operation=_colour(code),
            seconds_left=max(0, int((code.expires_at - moment).total_seconds())),
            life_s=max(1, int((code.expires_at - code.created_at).total_seconds())),
            is_held=code.held_until is not None and code.held_until > moment,
        )
        for code in codes
    ]


def _colour(code: OneTimeCode) -> str:
    """The name of the operation's colour."""
    if code.subject_type != SUBJECT:
        return "redeem"
    return "cancel" if kind_of(code.operation) is Kind.CANCEL else "stamp"


def waiting_count(store_id: int) -> int:
    """How many codes wait."""
    return _live_at(store_id, clock.now()).count()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A customer with what their entries among some records come to."""

    customer: Customer
    stamps: int
    entries: int
    last_at: datetime


VISITORS = ("-id",)
"""The order of the list of visitors."""


def visitors(records: QuerySet[StampRecord]) -> QuerySet[Customer]:
    """The customers of some records, each once, merged and erased ones too; unordered."""
    return Customer.objects.filter(pk__in=records.order_by().values("customer_id"))


def visits(customers: Sequence[Customer], records: QuerySet[StampRecord]) -> list[Visitor]:
    """Add up the records of each of these customers; one statement."""
    sums = {
        row["customer_id"]: row
        for row in records.filter(customer_id__in=[customer.pk for customer in customers])
        .order_by()
        .values("customer_id")
        .annotate(stamps=Sum("amount"), entries=Count("id"), last_at=Max("at"))
    }
    return [
        Visitor(
            customer,
            sums[customer.pk]["stamps"],
            sums[customer.pk]["entries"],
            sums[customer.pk]["last_at"],
        )
        for customer in customers
        if customer.pk in sums
    ]


class ProgrammeCounts(NamedTuple):
    """How many cards a programme has."""

    cards: int = 0
    full: int = 0
    """Filled at least once."""
    unfinished: int = 0
    """Customers who hold stamps on a card that is not full."""


def programme_counts() -> dict[int, ProgrammeCounts]:
    """The cards of each programme."""
    lasts = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    is_begun = Q(state=CardState.OPEN, balance__gt=0) & lasts
    rows = Card.objects.values("programme_id").annotate(
        cards=Count("id"),
        full=Count("id", filter=Q(state=CardState.REWARDED) | Q(cycle__gt=0)),
        unfinished=Count("customer_id", distinct=True, filter=is_begun),
    )
    return {
        row["programme_id"]: ProgrammeCounts(row["cards"], row["full"], row["unfinished"])
        for row in rows
    }


def stores_of(programme_ids: Collection[int]) -> dict[int, list[str]]:
    """The stores each programme runs in; a programme without any runs in all."""
    found: dict[int, list[str]] = {}
    rows = ProgrammeStore.objects.filter(programme_id__in=programme_ids).order_by("store_id")
    for programme_id, name in rows.values_list("programme_id", "store__name"):
        found.setdefault(programme_id, []).append(name)
    return found


def avatars_of(customer_ids: Collection[int]) -> dict[int, str]:
    """Pictures of customers from their newest identity."""
    links = IdentityLink.objects.filter(customer_id__in=customer_ids, state=LinkState.ACTIVE)
    return dict(links.order_by("id").values_list("customer_id", "avatar_url"))


def _live_at(store_id: int, moment: datetime) -> QuerySet[OneTimeCode]:
    here = Q(store_ids=[]) | Q(store_ids__contains=[store_id])
    return OneTimeCode.objects.filter(
        here,
        subject_type__in=[SUBJECT, *desk.subject_types()],
        state__in=LIVE,
        expires_at__gt=moment,
    )
