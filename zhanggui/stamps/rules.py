"""When a card takes or gives back stamps: the rules said once, for pages, codes and refusals.

The hot statement (``hot.MOVE``) holds the same conditions as its WHERE; where it moves nothing,
``why_not`` says which one stood in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from zhanggui.contacts.models import CustomerState, IdentityLink, LinkState
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps.errors import (
    AlreadyCancelled,
    AmountRefused,
    CancelWindow,
    CardFull,
    CardState,
    NothingToCancel,
)
from zhanggui.stamps.models import Card, Kind, ProgrammeState, StampRecord
from zhanggui.stamps.models import CardState as State

MANAGER_CANCELS_WITHIN = timedelta(hours=24)
OFFICE_CANCELS_WITHIN = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class CardNow:
    """A card with what decides over it."""

    card_id: int
    customer_id: int
    customer_name: str
    customer_number: str
    programme_name: str
    slots: int
    max_per_code: int
    balance: int
    is_usable: bool
    """Card open, programme active, customer not blocked."""

    def avatar_url(self) -> str:
        """The customer's picture, empty when there is none; one query."""
        links = IdentityLink.objects.filter(
            customer_id=self.customer_id, state=LinkState.ACTIVE
        ).exclude(avatar_url="")
        found = links.order_by("-pk").values_list("avatar_url", flat=True).first()
        return found or ""


def card_of(card_id: int) -> CardNow:
    """Read a card with its programme and customer."""
    card = Card.objects.select_related("programme", "customer").get(pk=card_id)
    return card_now(card)


def card_now(card: Card) -> CardNow:
    """The same from a card whose programme and customer are there."""
    return CardNow(
        card_id=card.pk,
        customer_id=card.customer_id,
        customer_name=card.customer.name,
        customer_number=card.customer.number,
        programme_name=card.programme.name,
        slots=card.programme.slots,
        max_per_code=card.programme.max_per_code,
        balance=card.balance,
        is_usable=(
            card.state == State.OPEN
            and card.programme.state == ProgrammeState.ACTIVE
            and card.customer.state == CustomerState.ACTIVE
        ),
    )


def why_not(
    card: CardNow,
    kind: Kind,
    *,
    store_id: int | None = None,
    amount: int = 1,
    record_id: int | None = None,
) -> DomainError | None:
    """Why the card would refuse now; None when it would not.

    Args:
        card: the card.
        kind: give stamps, or take some back.
        store_id: where; None while the customer takes the code.
        amount: stamps to give.
        record_id: the stamp to take back; None for the newest.
    """
    if not card.is_usable:
        return CardState()
    if kind is Kind.CANCEL:
        return _why_not_cancel(card, store_id, record_id)
    if not 1 <= amount <= card.max_per_code:
        return AmountRefused(most=card.max_per_code)
    if card.balance + amount > card.slots:
        return CardFull(balance=card.balance, slots=card.slots)
    return None


def _why_not_cancel(
    card: CardNow, store_id: int | None, record_id: int | None
) -> DomainError | None:
    moment = clock.now()
    open_now = to_cancel(card.card_id, store_id=store_id, moment=moment)
    if record_id is not None:
        return _why_not_record(card, store_id, record_id, moment)
    if open_now.exists():
        return None
    ever = to_cancel(card.card_id, store_id=store_id, moment=None)
    return CancelWindow(hours=24) if ever.exists() else NothingToCancel()


def _why_not_record(
    card: CardNow, store_id: int | None, record_id: int, moment: datetime
) -> DomainError | None:
    record = given(card.card_id, store_id=store_id).filter(pk=record_id).first()
    if record is None:
        return NothingToCancel()
    if StampRecord.objects.filter(reverses_id=record_id).exists():
        return AlreadyCancelled()
    if record.at < moment - MANAGER_CANCELS_WITHIN:
        return CancelWindow(hours=24)
    return None


def given(card_id: int, *, store_id: int | None) -> QuerySet[StampRecord]:
    """Records that gave stamps to the card, at one store or anywhere."""
    records = StampRecord.objects.filter(card_id=card_id, kind=Kind.ACCUMULATE)
    return records if store_id is None else records.filter(store_id=store_id)


def to_cancel(
    card_id: int, *, store_id: int | None, moment: datetime | None
) -> QuerySet[StampRecord]:
    """What may still be taken back, newest first; all ages when ``moment`` is None."""
    cancels = StampRecord.objects.filter(reverses_id=OuterRef("pk"))
    found = given(card_id, store_id=store_id).filter(~Exists(cancels)).order_by("-at", "-pk")
    return found if moment is None else found.filter(at__gte=moment - MANAGER_CANCELS_WITHIN)
