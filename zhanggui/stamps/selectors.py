"""Reads of stamps: desks, cards, ledger pages, figures, managers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from zhanggui.stamps.models import (
    Card,
    Kind,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    Programme,
    StampRecord,
)
from zhanggui.stamps.results import Desk

LEDGER_DAYS = 15
ORDER = ("-at", "-id")
"""The order of ledger pages, for ``ui.paging.keyset``."""


@dataclass(frozen=True, slots=True)
class Period:
    """Business days, both ends included, in the shop's zone."""

    first: date
    last: date
    zone: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One line of the ledger, ready to be shown."""

    record: StampRecord
    name_now: str
    """The customer's name today; ``record.customer_name`` is the one of that time."""
    number: str
    is_cancelled: bool
    cancelled_by_id: int | None
    """The record that took it back (show struck through, link to it)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one period; each equals the number of rows the ledger shows for it."""

    period: Period
    stamps: int
    """Stamps given (the sum of amounts)."""
    given: int
    """Entries that gave stamps."""
    cancels: int
    """Entries that took stamps back."""
    customers: int


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One point of the chart."""

    day: date
    stamps: int
    cancels: int


def desk_of(person_id: int) -> Desk | None:
    """Where this person works as a manager now; needs no scope."""
    raise NotImplementedError


def ledger_period(zone: str, days: int = LEDGER_DAYS) -> Period:
    """Today and the days before it, ``days`` in all (D40)."""
    raise NotImplementedError


def ledger(
    *, period: Period, store_id: int | None = None, kind: Kind | None = None, search: str = ""
) -> QuerySet[StampRecord]:
    """Records of a period, for ``ui.paging.keyset(..., order=ORDER)``; unordered."""
    raise NotImplementedError


def with_context(records: Sequence[StampRecord]) -> list[LedgerRow]:
    """Add today's names and the reversals to a page of records; two queries."""
    raise NotImplementedError


def figures(*, periods: Sequence[Period], store_id: int | None = None) -> list[Figures]:
    """Counts of several periods of a store, or of the whole merchant, in one query."""
    raise NotImplementedError


def by_day(*, period: Period, store_id: int | None = None) -> list[DayFigure]:
    """One figure per day, days without entries included, oldest first."""
    raise NotImplementedError


def cards_of(customer_id: int) -> list[Card]:
    """A customer's cards with their programmes, active programmes first."""
    raise NotImplementedError


def programmes_open() -> QuerySet[Programme]:
    """Programmes that give stamps."""
    raise NotImplementedError


def card_by_token(token: str, customer_id: int) -> Card | None:
    """The customer's own card, with its programme."""
    raise NotImplementedError


def card_version(card_id: int) -> tuple[int, int]:
    """Version and balance, for the polling phone."""
    raise NotImplementedError


def records_of_card(card_id: int, limit: int = 50) -> list[LedgerRow]:
    """The newest entries of a card."""
    raise NotImplementedError


def choices_to_cancel(card_id: int, store_id: int, moment: datetime) -> list[StampRecord]:
    """Stamps a manager of the store may still take back, newest first (D29, D30)."""
    raise NotImplementedError


def managers_of(store_id: int) -> list[ManagerBinding]:
    """Active managers of a store of the merchant in scope, oldest first."""
    raise NotImplementedError


def invitations_of(store_id: int) -> list[ManagerInvitation]:
    """QR codes of a store that still bind somebody, newest first."""
    raise NotImplementedError


def waiting_for_approval(store_id: int | None = None) -> list[PendingManager]:
    """People who scanned late and wait for the office, oldest first."""
    raise NotImplementedError


def wrong_codes(*, store_id: int, period: Period) -> int:
    """Wrong codes typed at a store."""
    raise NotImplementedError


def guess_alerts() -> list[int]:
    """Stores (ids) where 40 or more wrong codes were typed today (D23)."""
    raise NotImplementedError
