"""A customer's cards: what is on them, what they won, what may be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.coupons import selectors as coupons
from zhanggui.stamps import rules
from zhanggui.stamps.models import (
    Card,
    CardEvent,
    Method,
    Programme,
    ProgrammeState,
    ProgrammeStore,
    Reward,
    RewardState,
    Seal,
    SealState,
    StampRecord,
    Terms,
)
from zhanggui.stamps.selectors.entries import ORDER, LedgerRow, with_context
from zhanggui.ui import paging

LISTED_FOR = timedelta(days=15)
LISTED_AT_MOST = 10


def takes_press(programme: Programme) -> bool:
    """Whether a stamp may be pressed on cards of this programme: one is in use in its stores."""
    if Method.PRESS not in programme.ways:
        return False
    places = ProgrammeStore.objects.filter(programme=programme)
    here = places.filter(store_id=OuterRef("store_id"))
    seals = Seal.objects.filter(state=SealState.ACTIVE)
    return seals.filter(Exists(here) | ~Exists(places)).exists()


def cards_of(customer_id: int) -> list[Card]:
    """A customer's cards with their programmes, active programmes first."""
    cards = Card.objects.select_related("programme", "customer", "terms").filter(
        customer_id=customer_id, merged_into=None
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
    """The customer's own card, with its programme; for one that was joined, where it went."""
    cards = Card.objects.select_related("programme", "customer", "terms")
    card = cards.filter(token=token, customer_id=customer_id).first()
    while card is not None and card.merged_into_id is not None:
        card = cards.get(pk=card.merged_into_id)
    return card


def card_version(card_id: int) -> tuple[int, int]:
    """Version and balance, for the polling phone."""
    version, balance = Card.objects.values_list("version", "balance").get(pk=card_id)
    return version, balance


def records_of_card(card_id: int, *, size: int, after: str = "") -> paging.Page[LedgerRow]:
    """A page of a card's entries and of those that were joined to it, newest first."""
    cards = Card.objects.filter(Q(pk=card_id) | Q(merged_into_id=card_id))
    records = StampRecord.objects.select_related("store").filter(card_id__in=cards.values("pk"))
    page = paging.keyset(records, order=ORDER, after=after, size=size)
    return paging.Page(with_context(page.rows), page.next, page.previous, size)


@dataclass(frozen=True, slots=True)
class Won:
    """A reward as its customer sees it."""

    reward: Reward
    coupon: coupons.Shown | None
    """The coupon it was given as; None: it is handed out at the counter."""

    @property
    def is_due(self) -> bool:
        """Whether the counter still has to hand it out."""
        return self.coupon is None and self.reward.handed_at is None


def rewards_of_card(card_id: int, limit: int = 5) -> list[Won]:
    """What a card has won, the newest first; what was withdrawn is left out."""
    given = Reward.objects.filter(card_id=card_id, state=RewardState.ISSUED)
    rewards = list(given.order_by("-issued_at", "-pk")[:limit])
    found = coupons.shown_by_id([one.coupon_id for one in rewards if one.coupon_id])
    return [Won(one, found.get(one.coupon_id or 0)) for one in rewards]


def won_without_coupon(record_id: int) -> list[Reward]:
    """What a stamp has just won that is handed out at the counter."""
    record = StampRecord.objects.only("card_id", "at").get(pk=record_id)
    won = Reward.objects.filter(
        card_id=record.card_id,
        state=RewardState.ISSUED,
        issued_at__gte=record.at,
        coupon_id=None,
    )
    return list(won.order_by("cycle", "position"))


def to_hand_over(store_id: int) -> list[Reward]:
    """What was won at a store, or in the office, and no manager has handed over; newest first."""
    since = clock.now() - LISTED_FOR
    open_ones = rewards_at(store_id).filter(
        state=RewardState.ISSUED, coupon_id=None, handed_at=None, issued_at__gte=since
    )
    shown = open_ones.select_related("card__customer", "card__programme")
    return list(shown.order_by("-issued_at", "-pk")[:LISTED_AT_MOST])


def rewards_at(store_id: int) -> QuerySet[Reward]:
    """Rewards that a store may hand out: those won there, and the office's of its programmes."""
    places = ProgrammeStore.objects.filter(programme=OuterRef("card__programme"))
    is_of_programme = Exists(places.filter(store_id=store_id)) | ~Exists(places)
    return Reward.objects.filter(Q(store_id=store_id) | Q(is_of_programme, store_id=None))


def withdrawn_with(cancel: StampRecord) -> list[str]:
    """The names of the rewards that a cancel took back."""
    gone = Reward.objects.filter(
        card_id=cancel.card_id, state=RewardState.VOIDED, voided_at__gte=cancel.at
    )
    return list(gone.order_by("cycle", "position").values_list("name", flat=True))


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
