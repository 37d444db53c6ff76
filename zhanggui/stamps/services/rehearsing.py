"""A manager's practice store (feature 15): it writes its own row and nothing else.

No audit entry, no record, no code: what is practised leaves no trace in figures, ledgers and logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from zhanggui.core import clock, constraints
from zhanggui.stamps import rehearsal
from zhanggui.stamps.models import Rehearsal

if TYPE_CHECKING:
    from zhanggui.stamps.results import Desk


def rehearsal_of(desk: Desk) -> rehearsal.State | None:
    """Where the manager's practice stands; None for somebody who never practised."""
    found = Rehearsal.objects.filter(person_id=desk.person_id).first()
    return dict(found.state) if found else None


def rehearse(*, desk: Desk, action: str, sent: Callable[[str], str]) -> rehearsal.State:
    """Do one step of the practice; two at once are done one after the other."""
    with transaction.atomic():
        row = _locked(desk)
        row.state = rehearsal.step(dict(row.state), action, sent)
        row.updated_at = clock.now()
        row.save(update_fields=["state", "updated_at"])
    return dict(row.state)


def start_rehearsal(*, desk: Desk) -> rehearsal.State:
    """Begin the practice, or go on where it was left."""
    with transaction.atomic():
        return dict(_locked(desk).state)


def _locked(desk: Desk) -> Rehearsal:
    rows = Rehearsal.objects.select_for_update().filter(person_id=desk.person_id)
    found = rows.first()
    if found is not None:
        return found
    row = Rehearsal(merchant_id=desk.merchant_id, person_id=desk.person_id, state=rehearsal.begin())
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if constraints.violated(error) != "one_rehearsal_a_manager":
            raise
        return rows.get()
    return row
