"""Cards whose time is up, and the word to their customers a week before.

Source: stamps specification 5.3, 5.6 (expiry by lot).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.codes import services as codes
from zhanggui.core import clock, tenancy
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction, Unit
from zhanggui.stamps import rules
from zhanggui.stamps.models import Card, CardState, EventKind
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.services import cycles, telling
from zhanggui.stamps.services.cycles import Place

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

EXPIRED = "stamps.expired"
TOLD_BEFORE = timedelta(days=7)
AT_ONCE = 500


def expire_due(actor: Actor) -> int:
    """Expire the cards of all merchants whose time is up; answers how many."""
    with tenancy.all_merchants("cards expire by the clock, whoever's they are"):
        due = list(
            Card.objects.filter(state=CardState.OPEN, expires_at__lte=clock.now())
            .order_by("expires_at", "pk")
            .values_list("merchant_id", "pk")[:AT_ONCE]
        )
    for merchant_id, card_id in due:
        with tenancy.merchant_scope(merchant_id):
            expire_card(card_id=card_id, actor=actor)
    return len(due)


def expire_card(*, card_id: int, actor: Actor) -> bool:
    """Take the stamps off a card whose time is up; False when it is not, or no longer open."""
    with transaction.atomic():
        card = rules.card_of(card_id, is_locked=True).card
        if card.state != CardState.OPEN or not card.is_over(clock.now()):
            return False
        zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=card.merchant_id)
        place = Place(actor, zone)
        codes.revoke_free(subject_type=SUBJECT, subject_ids=[card.pk])
        rest, lots, booked = card.balance, _lots(card), None
        if rest:
            booked = _book(card, zone)
        card.balance, card.state = 0, CardState.EXPIRED
        card.version += 1
        card.save(update_fields=["balance", "state", "version"])
        cycles.note(card, EventKind.EXPIRY, -rest, booked, place, lots=lots)
        audit.record(
            actor,
            "stamps.card.expired",
            f"card:{card.pk}",
            details={"amount": rest, "round": card.cycle},
        )
    return True


def _book(card: Card, zone: str) -> Transaction:
    expired = ledger.open_account(
        unit=Unit.STAMP, code=f"expire:{card.programme_id}", is_cached=False
    )
    return ledger.book(
        unit=Unit.STAMP,
        event=EXPIRED,
        cause=f"expiry:{card.pk}:{card.cycle}",
        amounts={card.account_id: -card.balance, expired.pk: card.balance},
        zone=zone,
    )


def _lots(card: Card) -> list[list[int]]:
    """Which stamps are still on the card, those that came first in front.

    Rewards took the oldest ones; what was given by hand belongs to no record and is not named.
    """
    rest, lots = card.balance, []
    for record in rules.to_cancel(card.pk, store_id=None, moment=None):
        if rest <= 0:
            break
        lots.append([record.pk, min(rest, record.amount)])
        rest -= record.amount
    return lots[::-1]


def tell_expiring() -> int:
    """Tell the customers of all merchants whose cards expire within a week; each end once."""
    moment = clock.now()
    with tenancy.all_merchants("customers of every merchant are told"):
        soon = list(
            Card.objects.filter(
                state=CardState.OPEN,
                balance__gt=0,
                expires_at__gt=moment,
                expires_at__lte=moment + TOLD_BEFORE,
            ).values_list("merchant_id", "pk")
        )
    for merchant_id, card_id in soon:
        with tenancy.merchant_scope(merchant_id), transaction.atomic():
            card = rules.card_of(card_id).card
            zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=merchant_id)
            if card.expires_at is not None:
                last = clock.local_date(card.expires_at - timedelta(seconds=1), zone)
                telling.tell_expiring(card, f"{last.year}年{last.month}月{last.day}日")
    return len(soon)
