"""A manager takes back a stamp given by mistake a moment ago.

Source: stamps specification D29-D31, feature 3.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from zhanggui.accounts import audit
from zhanggui.core import clock, constraints
from zhanggui.core.errors import NotFound
from zhanggui.stamps import rules
from zhanggui.stamps.errors import AlreadyCancelled, CardState, NotManager, UndoOver
from zhanggui.stamps.models import Kind, ManagerBinding, Method, StampRecord
from zhanggui.stamps.results import Confirmed, Desk
from zhanggui.stamps.services import careful, telling
from zhanggui.stamps.services.cycles import Place
from zhanggui.stamps.services.refusing import counter_of, is_open_now

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

UNDOES_WITHIN = timedelta(minutes=10)
UNDONE = "stamps.record.undone"
BY_HAND = (Method.CODE, Method.SCAN)
"""What a manager confirms; a stamp pressed on the phone is cancelled by pressing."""


def undoable(desk: Desk) -> QuerySet[StampRecord]:
    """What this manager may still undo here, newest first."""
    cancels = StampRecord.objects.filter(reverses_id=OuterRef("pk"))
    mine = StampRecord.objects.filter(
        ~Exists(cancels),
        store_id=desk.store_id,
        manager_id=desk.person_id,
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
    record = StampRecord.objects.filter(pk=record_id, store_id=desk.store_id).first()
    if record is None:
        raise NotFound
    try:
        with transaction.atomic():
            return _book(desk, record, actor)
    except IntegrityError as error:
        if constraints.violated(error) not in {"cancelled_once", "one_reversal_each"}:
            raise
        raise AlreadyCancelled from error


def _book(desk: Desk, record: StampRecord, actor: Actor) -> Confirmed:
    now = rules.lock_with_customer(record.card_id)
    counter = counter_of(desk)
    refusal = rules.why_not(now, Kind.CANCEL, counter=counter, record_id=record.pk)
    if refusal is None and not undoable(desk).filter(pk=record.pk).exists():
        refusal = UndoOver()
    if refusal is not None:
        raise refusal
    origin = careful.Origin(
        method=Method.UNDO,
        cause=f"undo:{record.pk}",
        code=None,
        store_id=desk.store_id,
        person_id=desk.person_id,
        person_name=desk.person_name,
        reason="",
        place=Place(actor, desk.zone, desk.store_id),
    )
    done = careful.cancel(now.card, record, origin)
    audit.record(
        actor,
        UNDONE,
        f"record:{record.pk}",
        store_id=desk.store_id,
        details={"record": done.record.pk, "amount": done.record.amount},
    )
    telling.tell(done.record, done.card, desk.store_name, desk.zone)
    return careful.answer_of(done, desk.store_name)
