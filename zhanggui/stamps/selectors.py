"""Reads of stamps: desks, cards, ledger pages, figures, managers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import ExtractHour

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant, Person, Store, StoreState
from zhanggui.codes import tries
from zhanggui.codes.models import CodeTry, TryKind
from zhanggui.contacts import phones
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import fold
from zhanggui.core import clock, tenancy
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Statement, Values, trip
from zhanggui.coupons import selectors as coupons
from zhanggui.stamps import rules
from zhanggui.stamps.models import (
    Card,
    CardEvent,
    InvitationState,
    Kind,
    ManagerBinding,
    ManagerInvitation,
    Method,
    PendingManager,
    PendingState,
    Programme,
    ProgrammeState,
    ProgrammeStore,
    Reward,
    RewardState,
    StampRecord,
    Terms,
)
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.press_models import Seal, SealState
from zhanggui.stamps.results import Desk
from zhanggui.ui import paging

LEDGER_DAYS = 15
BEGINNING = date(2020, 1, 1)
PHONE_TAIL = 4
ODD_FROM_HOUR, ODD_TO_HOUR = 23, 6
"""From 11 at night until 6 in the morning hardly any shop stamps."""
ORDER = ("-at", "-id")
"""The order of ledger pages, for ``ui.paging.keyset``."""


class LedgerWish(TypedDict):
    """Search and filters of a ledger."""

    q: str
    kind: str
    way: str
    """A value of ``Method``, or empty."""
    store: int | None
    programme: int | None
    manager: int | None
    """The person who confirmed."""
    odd: str
    """``1``: only entries at odd hours of the night."""
    since: date | None
    until: date | None


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
    ways: dict[str, int]
    """Entries by way (``Method``), ways without any left out."""


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One point of the chart."""

    day: date
    stamps: int
    cancels: int
    given: int
    """Entries that gave stamps."""


_CONTEXT: LiteralString = """
SELECT r.id, k.name, k.number, c.id
FROM stamps_stamprecord r
JOIN contacts_customer k ON k.merchant_id = %(merchant)s AND k.id = r.customer_id
LEFT JOIN stamps_stamprecord c ON c.merchant_id = %(merchant)s AND c.reverses_id = r.id
WHERE r.merchant_id = %(merchant)s AND r.id = ANY(%(records)s)
"""


def takes_press(programme: Programme) -> bool:
    """Whether a stamp may be pressed on cards of this programme: one is in use in its stores."""
    if Method.PRESS not in programme.ways:
        return False
    places = ProgrammeStore.objects.filter(programme=programme)
    here = places.filter(store_id=OuterRef("store_id"))
    seals = Seal.objects.filter(state=SealState.ACTIVE)
    return seals.filter(Exists(here) | ~Exists(places)).exists()


def desk_of(person_id: int) -> Desk | None:
    """Where this person works as a manager now; needs no scope."""
    binding = (
        ManagerBinding.objects.select_related("person")
        .filter(person_id=person_id, removed_at=None)
        .first()
    )
    if binding is None:
        return None
    with tenancy.merchant_scope(binding.merchant_id):
        store = Store.objects.select_related("merchant").get(pk=binding.store_id)
    merchant = store.merchant
    return Desk(
        binding_id=binding.pk,
        person_id=person_id,
        person_name=binding.person.name,
        merchant_id=merchant.pk,
        merchant_name=merchant.name,
        merchant_slug=merchant.slug,
        store_id=store.pk,
        store_name=store.name,
        zone=merchant.time_zone,
        is_open=store.state == StoreState.OPEN and standing.takes_business(merchant, FEATURE.name),
    )


def ledger_period(zone: str, days: int = LEDGER_DAYS) -> Period:
    """Today and the days before it, ``days`` in all (D40)."""
    today = clock.local_date(clock.now(), zone)
    return Period(first=today - timedelta(days=days - 1), last=today, zone=zone)


def ledger(
    *,
    period: Period,
    store_id: int | None = None,
    programme_id: int | None = None,
    kind: Kind | None = None,
    way: str = "",
    search: str = "",
) -> QuerySet[StampRecord]:
    """Records of a period, for ``ui.paging.keyset(..., order=ORDER)``; unordered.

    Args:
        period: business days in the shop's zone.
        store_id: one store; None for all of the merchant.
        programme_id: one programme; None for all of them.
        kind: only stamps given, or only cancels.
        way: only what was proved like this, a value of ``Method``.
        search: part of the customer's name then or now, the member number, or the last four
            digits of the phone; width, case and blanks do not matter (D41).
    """
    # by moment and not by business date: the indexes are ordered by moment
    records = StampRecord.objects.filter(
        at__gte=clock.start_of(period.first, period.zone),
        at__lt=clock.start_of(period.last + timedelta(days=1), period.zone),
    )
    if store_id is not None:
        records = records.filter(store_id=store_id)
    if programme_id is not None:
        records = records.filter(card__programme_id=programme_id)
    if kind is not None:
        records = records.filter(kind=kind)
    if way:
        records = records.filter(method=way)
    wanted = fold(search)
    if wanted:
        records = records.filter(
            Q(name_key__contains=wanted) | Q(customer_id__in=customers_like(wanted))
        )
    return records


def ledger_of(wanted: LedgerWish, zone: str) -> QuerySet[StampRecord]:
    """Records that fit the search and filters of the back office's ledger; unordered.

    Without days from the beginning until today; days to come are cut off.
    """
    today = clock.local_date(clock.now(), zone)
    first = min(wanted["since"] or BEGINNING, today)
    last = min(wanted["until"] or today, today)  # the calendar's last day has no next one
    records = ledger(
        period=Period(first, last, zone),
        store_id=wanted["store"],
        programme_id=wanted["programme"],
        kind=Kind(wanted["kind"]) if wanted["kind"] else None,
        way=wanted["way"],
        search=wanted["q"],
    )
    if wanted["manager"] is not None:
        records = records.filter(manager_id=wanted["manager"])
    if wanted["odd"]:
        records = with_hour(records, zone).filter(odd_hours())
    return records


def odd_hours() -> Q:
    """The condition for entries of the night; needs ``with_hour``."""
    return Q(hour__gte=ODD_FROM_HOUR) | Q(hour__lt=ODD_TO_HOUR)


def with_hour(records: QuerySet[StampRecord], zone: str) -> QuerySet[StampRecord]:
    """Records with the hour of the shop's day in ``hour``."""
    return records.annotate(hour=ExtractHour("at", tzinfo=ZoneInfo(zone)))


def customers_like(wanted: str) -> QuerySet[Customer, int]:
    """The ids of customers by part of the name, number or last four digits, already folded."""
    found = Q(name_key__contains=wanted) | Q(number__startswith=wanted)
    if len(wanted) == PHONE_TAIL and wanted.isascii() and wanted.isdecimal():
        hashes = phones.tail_hashes(wanted, merchant_id=tenancy.current_merchant_id())
        found |= Q(phone_tail_hash__in=hashes)
    return Customer.objects.filter(found).values_list("pk", flat=True)


def with_context(records: Sequence[StampRecord]) -> list[LedgerRow]:
    """Add today's names and the reversals to a page of records; one query."""
    if not records:
        return []
    asked: Values = {
        "merchant": tenancy.current_merchant_id(),
        "records": [record.pk for record in records],
    }
    (lines,) = trip([Statement(_CONTEXT, asked)])
    known = {read.number(line[0]): line[1:] for line in lines}
    rows = []
    for record in records:
        name, number, cancelled_by = known[record.pk]
        cancel_id = read.number_or_none(cancelled_by)
        rows.append(
            LedgerRow(record, read.text(name), read.text(number), cancel_id is not None, cancel_id)
        )
    return rows


def figures(
    *, periods: Sequence[Period], store_id: int | None = None, programme_id: int | None = None
) -> list[Figures]:
    """Counts of several periods of a store, a programme, or the whole merchant, in one query."""
    if not periods:
        return []
    longest = Period(
        min(period.first for period in periods),
        max(period.last for period in periods),
        periods[0].zone,
    )
    sums: dict[str, Any] = {}
    for number, period in enumerate(periods):
        inside = Q(business_date__range=(period.first, period.last))
        given = inside & Q(kind=Kind.ACCUMULATE)
        sums |= {
            f"stamps{number}": Sum("amount", filter=given, default=0),
            f"given{number}": Count("pk", filter=given),
            f"cancels{number}": Count("pk", filter=inside & Q(kind=Kind.CANCEL)),
            f"customers{number}": Count("customer_id", filter=inside, distinct=True),
        }
        sums |= {
            f"way{place}_{number}": Count("pk", filter=inside & Q(method=way))
            for place, way in enumerate(Method.values)
        }
    rows = ledger(period=longest, store_id=store_id, programme_id=programme_id)
    found = rows.aggregate(**sums)
    return [
        Figures(
            period=period,
            stamps=found[f"stamps{number}"],
            given=found[f"given{number}"],
            cancels=found[f"cancels{number}"],
            customers=found[f"customers{number}"],
            ways={
                way: found[f"way{place}_{number}"]
                for place, way in enumerate(Method.values)
                if found[f"way{place}_{number}"]
            },
        )
        for number, period in enumerate(periods)
    ]


def by_day(
    *, period: Period, store_id: int | None = None, programme_id: int | None = None
) -> list[DayFigure]:
    """One figure per day, days without entries included, oldest first."""
    rows = (
        ledger(period=period, store_id=store_id, programme_id=programme_id)
        .order_by()
        .values("business_date")
        .annotate(
            stamps=Sum("amount", filter=Q(kind=Kind.ACCUMULATE), default=0),
            cancels=Count("pk", filter=Q(kind=Kind.CANCEL)),
            given=Count("pk", filter=Q(kind=Kind.ACCUMULATE)),
        )
    )
    known = {row["business_date"]: (row["stamps"], row["cancels"], row["given"]) for row in rows}
    length = (period.last - period.first).days + 1
    days = [period.first + timedelta(days=number) for number in range(length)]
    return [DayFigure(day, *known.get(day, (0, 0, 0))) for day in days]


def cards_of(customer_id: int) -> list[Card]:
    """A customer's cards with their programmes, active programmes first."""
    cards = Card.objects.select_related("programme", "customer", "terms").filter(
        customer_id=customer_id
    )
    return sorted(cards, key=lambda card: (card.programme.state != ProgrammeState.ACTIVE, card.pk))


def programmes_open(zone: str) -> QuerySet[Programme]:
    """Programmes whose card can be taken: they give stamps, and their last day has not passed."""
    versions = Terms.objects.filter(programme=OuterRef("pk")).order_by("-number")
    today = clock.local_date(clock.now(), zone)
    rows = Programme.objects.annotate(last_day=Subquery(versions.values("ends_on")[:1]))
    is_on = Q(last_day=None) | Q(last_day__gte=today)
    return rows.filter(is_on, state=ProgrammeState.ACTIVE)


def card_by_token(token: str, customer_id: int) -> Card | None:
    """The customer's own card, with its programme."""
    cards = Card.objects.select_related("programme", "customer", "terms")
    return cards.filter(token=token, customer_id=customer_id).first()


def card_version(card_id: int) -> tuple[int, int]:
    """Version and balance, for the polling phone."""
    version, balance = Card.objects.values_list("version", "balance").get(pk=card_id)
    return version, balance


def records_of_card(card_id: int, *, size: int, after: str = "") -> paging.Page[LedgerRow]:
    """A page of a card's entries, newest first."""
    records = StampRecord.objects.select_related("store").filter(card_id=card_id)
    page = paging.keyset(records, order=ORDER, after=after, size=size)
    return paging.Page(with_context(page.rows), page.next, page.previous, size)


@dataclass(frozen=True, slots=True)
class Won:
    """A reward as its customer sees it."""

    reward: Reward
    coupon: coupons.Shown | None
    """The coupon it was given as; None: it is handed out at the counter."""


def rewards_of_card(card_id: int, limit: int = 5) -> list[Won]:
    """What a card has won, the newest first; what was withdrawn is left out."""
    given = Reward.objects.filter(card_id=card_id, state=RewardState.ISSUED)
    rewards = list(given.order_by("-issued_at", "-pk")[:limit])
    found = coupons.shown_by_id([one.coupon_id for one in rewards if one.coupon_id])
    return [Won(one, found.get(one.coupon_id or 0)) for one in rewards]


def events_of_card(card_id: int, limit: int = 50) -> list[CardEvent]:
    """Rewards, ends and changes by hand of a card, newest first."""
    return list(CardEvent.objects.filter(card_id=card_id).order_by(*ORDER)[:limit])


def can_begin(card: Card) -> bool:
    """Whether an expired card can begin a new round today."""
    terms = Terms.objects.filter(programme=card.programme).latest("number")
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=card.merchant_id)
    is_open = card.programme.state == ProgrammeState.ACTIVE
    return is_open and (
        terms.ends_on is None or terms.ends_on >= clock.local_date(clock.now(), zone)
    )


def choices_to_cancel(card_id: int, store_id: int, moment: datetime) -> list[StampRecord]:
    """Stamps a manager of the store may still take back, newest first (D29, D30)."""
    return list(rules.to_cancel(card_id, store_id=store_id, moment=moment))


def manages_a_store(person: Person) -> bool:
    """Whether somebody works at a store with their WeChat."""
    return ManagerBinding.objects.filter(person=person, removed_at=None).exists()


def managers_of(store_id: int) -> list[ManagerBinding]:
    """Active managers of a store of the merchant in scope, oldest first."""
    bindings = ManagerBinding.objects.select_related("person").filter(
        merchant_id=tenancy.current_merchant_id(), store_id=store_id, removed_at=None
    )
    return list(bindings.order_by("pk"))


def invitations_of(store_id: int) -> list[ManagerInvitation]:
    """QR codes of a store that still bind somebody, newest first."""
    open_now = ManagerInvitation.objects.filter(
        store_id=store_id, state=InvitationState.FRESH, expires_at__gt=clock.now()
    )
    return list(open_now.exclude(scene_code_id=0).order_by("-pk"))


def waiting_for_approval(store_id: int | None = None) -> QuerySet[PendingManager]:
    """People who scanned late and wait for the office, oldest first."""
    waiting = PendingManager.objects.select_related("store", "invitation").filter(
        state=PendingState.WAITING
    )
    if store_id is not None:
        waiting = waiting.filter(store_id=store_id)
    return waiting.order_by("pk")


def wrong_codes(*, store_id: int, period: Period) -> int:
    """Wrong codes typed at a store."""
    return wrong_tries(store_id=store_id, period=period).count()


def wrong_tries(*, store_id: int, period: Period) -> QuerySet[CodeTry]:
    """The same as rows."""
    return CodeTry.objects.filter(
        store_id=store_id,
        kind=TryKind.WRONG,
        at__gte=clock.start_of(period.first, period.zone),
        at__lt=clock.start_of(period.last + timedelta(days=1), period.zone),
    )


def guessed_at() -> QuerySet[Store]:
    """Stores where 40 or more wrong codes were typed in the last 24 hours (D23)."""
    wrong = (
        CodeTry.objects.filter(kind=TryKind.WRONG, at__gt=clock.now() - tries.DAY)
        .values("store_id")
        .annotate(wrong=Count("pk"))
        .filter(wrong__gte=tries.STORE_ALERT_AT)
    )
    return Store.objects.filter(pk__in=wrong.values("store_id"))
