"""A customer says "that was not me" about a redemption (D46)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.coupons import hooks
from zhanggui.coupons.errors import ReportTooLate
from zhanggui.coupons.models import UseRecord

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

REPORT_WITHIN = timedelta(days=30)
LONGEST_TEXT = 300


def report_not_me(*, record_id: int, text: str, actor: Actor) -> UseRecord:
    """Note the report and tell whoever keeps cases; a second report changes nothing.

    Raises:
        NotFound: no such redemption (404).
        ReportTooLate: more than 30 days ago (E_COUPON_REPORT_TOO_LATE, 410).
    """
    with transaction.atomic():
        record = UseRecord.objects.select_for_update().filter(pk=record_id).first()
        if record is None:
            raise NotFound
        if record.reported_at is not None:
            return record
        moment = clock.now()
        if moment > record.at + REPORT_WITHIN:
            raise ReportTooLate(days=REPORT_WITHIN.days)
        record.reported_at, record.reported_text = moment, text.strip()[:LONGEST_TEXT]
        record.save(update_fields=["reported_at", "reported_text"])
        audit.record(
            actor, "coupons.use.reported", f"coupon:{record.coupon_id}", store_id=record.store_id
        )
        hooks.tell_not_me(record, actor)
    return record
