"""The office takes back a stamp of any store.

Source: stamps specification D29, D30, D33.
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
from zhanggui.messaging import routing
from zhanggui.messaging import services as messages
from zhanggui.stamps import told
from zhanggui.stamps.errors import AlreadyCancelled, CancelWindowOffice, ReasonMissing
from zhanggui.stamps.models import Card, Kind, Method, StampRecord
from zhanggui.stamps.operations import EVENTS
from zhanggui.stamps.rules import OFFICE_CANCELS_WITHIN

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

LONGEST_REASON = 200


def cancel_record(*, record_id: int, reason: str, actor: Actor) -> StampRecord:
    """Take back a whole stamp record of any store within 15 days; answers the new record.

    Args:
        record_id: a record that gave stamps.
        reason: kept with the entry.
        actor: a person of the office.

    Raises:
        NotFound: no such record of this merchant (404).
        ReasonMissing: no reason (E_REASON, 422).
        ReversalOfReversal: the record is itself a cancel (E_REVERSAL, 409).
        AlreadyCancelled: taken back before (E_NOTHING_TO_CANCEL, 409).
        CancelWindowOffice: older than 15 days (E_CANCEL_WINDOW, 409).
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ReasonMissing
    try:
        with transaction.atomic():
            record = _open_record(record_id)
            cancel = _book(record, reason, actor)
            audit.record(
                actor,
                "stamps.record.cancelled",
                f"record:{record.pk}",
                store_id=record.store_id,
                details={"record": cancel.pk, "amount": cancel.amount},
            )
            _tell(record, cancel)
    except AlreadyReversed as error:
        raise AlreadyCancelled from error
    return cancel


def _tell(record: StampRecord, cancel: StampRecord) -> None:
    """Tell the customer, if the shop wants that."""
    merchant = Merchant.objects.get(pk=record.merchant_id)
    if not routing.is_switched_on(told.CANCELLED):
        return
    messages.send(
        merchant=merchant,
        to=cancel.card.customer,
        template=told.CANCELLED.name,
        data=told.values(
            programme=cancel.card.programme.name,
            amount=cancel.amount,
            balance=cancel.balance_after,
            slots=cancel.card.programme.slots,
            store=record.store.name,
            at=cancel.at,
            zone=merchant.time_zone,
        ),
        purpose="stamps",
        subject=f"record:{cancel.pk}",
    )


def _open_record(record_id: int) -> StampRecord:
    found = StampRecord.objects.filter(pk=record_id).first()
    if found is None:
        raise NotFound
    if found.kind == Kind.CANCEL:
        raise ReversalOfReversal
    if found.at < clock.now() - OFFICE_CANCELS_WITHIN:
        raise CancelWindowOffice(hours=24)
    return found


def _book(record: StampRecord, reason: str, actor: Actor) -> StampRecord:
    card = (
        Card.objects.select_for_update(of=("self",))
        .select_related("customer")
        .get(pk=record.card_id)
    )
    if StampRecord.objects.filter(reverses_id=record.pk).exists():
        raise AlreadyCancelled
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=record.merchant_id)
    booked = ledger.reverse(
        original=Transaction.objects.get(pk=record.transaction_id),
        event=EVENTS[Kind.CANCEL],
        cause=f"cancel:{record.pk}",
        zone=zone,
    )
    card.balance -= record.amount
    card.version += 1
    card.save(update_fields=["balance", "version"])
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
        balance_after=card.balance,
        reverses=record,
        reason=reason,
        at=booked.at,
        business_date=booked.business_date,
    )
    cancel.save(force_insert=True)
    return cancel
