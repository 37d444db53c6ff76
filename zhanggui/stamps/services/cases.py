"""Cases: a customer says "that was not me", the office looks and settles it with a note.

Source: stamps specification D46.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.core import clock
from zhanggui.core.constraints import insert
from zhanggui.stamps.errors import CaseSettled, ReasonMissing, ReportTooLate
from zhanggui.stamps.models import Case, CaseKind, CaseState, StampRecord, Verdict

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

REPORT_WITHIN = timedelta(days=30)
"""Longer than the office can take a stamp back, shorter than anybody remembers it."""
LONGEST_TEXT = 300
LONGEST_NOTE = 500


class _Known(Exception):
    """This was reported before."""


def report_not_me(*, record: StampRecord, text: str, actor: Actor) -> Case:
    """Open a case about a stamp or its cancel; a second report of one record changes nothing.

    Args:
        record: of the merchant in scope.
        text: the customer's own words, may be empty.
        actor: the customer whose card it is.

    Raises:
        ReportTooLate: more than 30 days ago (E_REPORT_TOO_LATE, 410).
    """
    known = case_of(record)
    if known is not None:
        return known
    if clock.now() > record.at + REPORT_WITHIN:
        raise ReportTooLate(days=REPORT_WITHIN.days)
    row = Case(
        kind=CaseKind.NOT_ME,
        subject=f"record:{record.pk}",
        record=record,
        store_id=record.store_id,
        manager_id=record.manager_id or None,
        manager_name=record.manager_name,
        text=text.strip()[:LONGEST_TEXT],
    )
    with transaction.atomic():
        try:
            insert(row, _Known)
        except _Known:
            return Case.objects.get(kind=row.kind, subject=row.subject)
        audit.record(
            actor,
            "stamps.case.opened",
            f"case:{row.pk}",
            store_id=record.store_id,
            details={"kind": row.kind, "record": record.pk},
        )
    return row


def case_of(record: StampRecord) -> Case | None:
    """What was reported about a record."""
    return Case.objects.filter(kind=CaseKind.NOT_ME, subject=f"record:{record.pk}").first()


def settle_case(*, case_id: int, verdict: Verdict, note: str, actor: Actor) -> Case:
    """Close a case with what came out.

    Raises:
        Case.DoesNotExist: none of this merchant's.
        ReasonMissing: no note (E_REASON, 422).
        CaseSettled: a colleague was faster (E_CASE_SETTLED, 409).
    """
    words = note.strip()[:LONGEST_NOTE]
    if not words:
        raise ReasonMissing
    with transaction.atomic():
        row = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
        if row.state != CaseState.OPEN:
            raise CaseSettled
        row.state, row.verdict, row.note = CaseState.SETTLED, verdict, words
        row.settled_at, row.settled_by = clock.now(), actor.name[:80]
        row.save(update_fields=["state", "verdict", "note", "settled_at", "settled_by"])
        audit.record(
            actor,
            "stamps.case.settled",
            f"case:{row.pk}",
            store_id=row.store_id,
            details={"verdict": verdict.value},
        )
    return row
