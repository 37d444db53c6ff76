"""The office takes back a stamp of any store.

Source: stamps specification D29-D33.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.ledger import services as ledger
from zhanggui.ledger.errors import AlreadyReversed, ReversalOfReversal
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import rules
from zhanggui.stamps.errors import (
    AlreadyCancelled,
    CancelWindowOffice,
    CardState,
    ReasonMissing,
    RewardUsed,
    RewardUsedOffice,
)
from zhanggui.stamps.models import CardState as State
from zhanggui.stamps.models import Kind, Method, StampRecord
from zhanggui.stamps.operations import EVENTS
from zhanggui.stamps.rules import OFFICE_CANCELS_WITHIN
from zhanggui.stamps.services import cycles, joining, telling
from zhanggui.stamps.services.cycles import Place

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

LONGEST_REASON = 200


def cancel_record(
    *, record_id: int, reason: str, actor: Actor, is_forced: bool = False
) -> StampRecord:
    """Take back a whole stamp record of any store within 15 days; answers the new record.

    Args:
        record_id: a record that gave stamps.
        reason: kept with the entry.
        actor: a person of the office.
        is_forced: also when a reward won with it was used; the card then owes the stamps (D32).

    Raises:
        NotFound: no such record of this merchant (404).
        ReasonMissing: no reason (E_REASON, 422).
        ReversalOfReversal: the record is itself a cancel (E_REVERSAL, 409).
        AlreadyCancelled: taken back before (E_NOTHING_TO_CANCEL, 409).
        CancelWindowOffice: older than 15 days (E_CANCEL_WINDOW, 409).
        CardState: the card has expired (E_CARD_STATE, 409).
        RewardUsedOffice: a reward was used and nothing is forced (E_REWARD_USED, 409).
        StampsGone: they expired or were taken off by hand, nothing is forced (E_STAMPS_GONE, 409).
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ReasonMissing
    try:
        with transaction.atomic():
            record = _open_record(record_id)
            cancel = _book(record, reason, actor, is_forced=is_forced)
            audit.record(
                actor,
                "stamps.record.cancelled",
                f"record:{record.pk}",
                store_id=record.store_id,
                details={"record": cancel.pk, "amount": cancel.amount, "forced": is_forced},
            )
            zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=record.merchant_id)
            telling.tell(cancel, cancel.card, record.store.name, zone)
    except AlreadyReversed as error:
        raise AlreadyCancelled from error
    except RewardUsed as used:
        raise RewardUsedOffice(**used.details) from used
    return cancel


def _open_record(record_id: int) -> StampRecord:
    found = StampRecord.objects.filter(pk=record_id).first()
    if found is None:
        raise NotFound
    if found.kind == Kind.CANCEL:
        raise ReversalOfReversal
    if found.at < clock.now() - OFFICE_CANCELS_WITHIN:
        raise CancelWindowOffice(hours=24)
    return found


def _book(record: StampRecord, reason: str, actor: Actor, *, is_forced: bool) -> StampRecord:
    card = rules.card_of(record.card_id, is_locked=True).card
    if StampRecord.objects.filter(reverses_id=record.pk).exists():
        raise AlreadyCancelled
    if card.state == State.EXPIRED:
        raise CardState
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=record.merchant_id)
    booked = ledger.reverse(
        original=Transaction.objects.get(pk=record.transaction_id),
        event=EVENTS[Kind.CANCEL],
        cause=f"cancel:{record.pk}",
        zone=zone,
    )
    was_blocked, place = card.state == State.BLOCKED, Place(actor, zone, record.store_id)
    if record.card_id != card.pk:
        joining.cover(record, card, place)
    cycles.take(card, record.amount, place, is_forced=is_forced)
    cycles.forget_today(card, record)
    if was_blocked and card.state != State.BLOCKED:
        card.state = State.BLOCKED
        card.save(update_fields=["state"])
    cancel = StampRecord(
        merchant_id=record.merchant_id,
        transaction=booked,
        kind=Kind.CANCEL,
        method=Method.BACK_OFFICE,
        card=card,
        customer_id=record.customer_id,
        store_id=record.store_id,
        manager_id=actor.id or 0,
        manager_name=actor.name,
        customer_name=card.customer.name,
        name_key=card.customer.name_key,
        amount=-record.amount,
        balance_after=card.shown,
        reverses=record,
        reason=reason,
        at=booked.at,
        business_date=booked.business_date,
    )
    cancel.save(force_insert=True)
    return cancel
