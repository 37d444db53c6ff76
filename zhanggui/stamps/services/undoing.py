"""A manager takes back a stamp given by mistake a moment ago.

Source: stamps specification D29-D31, feature 3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from zhanggui.accounts import audit
from zhanggui.codes.desk import Counter
from zhanggui.core import clock, constraints
from zhanggui.core.errors import NotFound
from zhanggui.stamps import rules
from zhanggui.stamps.errors import AlreadyCancelled, CardState, NotManager, UndoOver
from zhanggui.stamps.models import Kind, ManagerBinding, Method, StampRecord
from zhanggui.stamps.results import Confirmed, Desk
from zhanggui.stamps.services import careful, telling
from zhanggui.stamps.services.cycles import Place
from zhanggui.stamps.services.refusing import is_open_now

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

UNDOES_WITHIN = timedelta(minutes=10)
UNDONE = "stamps.record.undone"
NOBODY = 0
"""Stands in records for the person where a till confirmed."""
BY_HAND = (Method.CODE, Method.SCAN)
"""What a manager confirms; a stamp pressed on the phone is cancelled by pressing."""


def undoable(desk: Desk) -> QuerySet[StampRecord]:
    """What this manager may still undo here, newest first."""
    return _undoable(desk.store_id, desk.person_id)


def _undoable(store_id: int, person_id: int) -> QuerySet[StampRecord]:
    cancels = StampRecord.objects.filter(reverses_id=OuterRef("pk"))
    mine = StampRecord.objects.filter(
        ~Exists(cancels),
        store_id=store_id,
        manager_id=person_id,
        kind=Kind.ACCUMULATE,
        method__in=BY_HAND,
        at__gt=clock.now() - UNDOES_WITHIN,
    )
    return mine.order_by("-at", "-pk")


def undo_stamp(*, desk: Desk, record_id: int, actor: Actor) -> Confirmed:
    """Take back a whole record of one's own within ten minutes, without a code of the customer.

    Args:
        desk: where the manager works; the scope of its merchant is open.
        record_id: a record that this manager confirmed at this store.
        actor: the manager.

    Raises:
        NotManager: the binding is over (E_NOT_MANAGER, 403).
        NotFound: no such record of this store (404).
        AlreadyCancelled: taken back before (E_NOTHING_TO_CANCEL, 409).
        UndoOver: older than ten minutes, or a colleague's (E_UNDO_STAMP, 409).
        RewardUsed: a reward that it won was used (E_REWARD_USED, 409).
        CardState: the card, the programme or the store takes nothing now (409).
    """
    if not ManagerBinding.objects.filter(pk=desk.binding_id, removed_at=None).exists():
        raise NotManager
    if not is_open_now(desk):
        raise CardState
    counter = Counter(desk.store_id, desk.store_name, desk.person_id, desk.person_name, desk.zone)
    return _undo(counter, record_id, actor)


def undo_at_till(*, counter: Counter, record_id: int, actor: Actor) -> Confirmed:
    """Take back a whole record that a till of this store confirmed in the last ten minutes.

    Args:
        counter: the till at its store, which is open.
        record_id: of this store.
        actor: the till; not the one that confirmed it, of necessity.

    Raises:
        NotFound, AlreadyCancelled, UndoOver, RewardUsed, CardState: as ``undo_stamp``.
    """
    return _undo(replace(counter, person_id=NOBODY), record_id, actor)


def _undo(counter: Counter, record_id: int, actor: Actor) -> Confirmed:
    record = StampRecord.objects.filter(pk=record_id, store_id=counter.store_id).first()
    if record is None:
        raise NotFound
    try:
        with transaction.atomic():
            return _book(counter, record, actor)
    except IntegrityError as error:
        if constraints.violated(error) not in {"cancelled_once", "one_reversal_each"}:
            raise
        raise AlreadyCancelled from error


def _book(counter: Counter, record: StampRecord, actor: Actor) -> Confirmed:
    now = rules.lock_with_customer(record.card_id)
    place = rules.Counter(counter.store_id, counter.person_id or None, counter.zone)
    refusal = rules.why_not(now, Kind.CANCEL, counter=place, record_id=record.pk)
    mine = _undoable(counter.store_id, counter.person_id)
    if refusal is None and not mine.filter(pk=record.pk).exists():
        refusal = UndoOver()
    if refusal is not None:
        raise refusal
    origin = careful.Origin(
        method=Method.UNDO,
        cause=f"undo:{record.pk}",
        code=None,
        store_id=counter.store_id,
        person_id=counter.person_id,
        person_name=counter.person_name,
        reason="",
        place=Place(actor, counter.zone, counter.store_id),
    )
    done = careful.cancel(now.card, record, origin)
    audit.record(
        actor,
        UNDONE,
        f"record:{record.pk}",
        store_id=counter.store_id,
        details={"record": done.record.pk, "amount": done.record.amount},
    )
    telling.tell(done.record, done.card, counter.store_name, counter.zone)
    return careful.answer_of(done, counter.store_name)
