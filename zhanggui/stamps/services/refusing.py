"""Why a code at the desk is refused, and what is noted of it.

Source: stamps specification D16, D20-D23, D45.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from zhanggui.accounts import audit, standing
from zhanggui.accounts.models import Store, StoreState
from zhanggui.codes import desk as code_desk
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.errors import Locked
from zhanggui.codes.tries import Tries
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps import rules, ways
from zhanggui.stamps.errors import CardState, NotManager
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Desk

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

REFUSED = "stamps.code.refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that is answered after its transaction, so that what it counted stays."""

    refusal: DomainError
    code_id: int | None = None


class TakeBack(Exception):
    """Roll the transaction back and refuse."""

    def __init__(self, refusal: DomainError, code_id: int | None = None) -> None:
        self.refusal = refusal
        self.code_id = code_id
        super().__init__()


def counter_of(desk: Desk) -> rules.Counter:
    """The desk as the rules of a card see it."""
    return rules.Counter(desk.store_id, desk.person_id, desk.zone)


def read_typed(digits: str, desk: Desk, actor: Actor) -> ways.Typed:
    """Digits that were typed or scanned; anything else is refused and noted, but no try."""
    try:
        return ways.read(digits)
    except DomainError as refusal:
        if desk.check is None:
            note_refusal(desk, actor, Refused(refusal))
        raise


def is_open_now(desk: Desk) -> bool:
    """Whether the store is open and the shop takes business."""
    stores = Store.objects.filter(pk=desk.store_id, state=StoreState.OPEN)
    store = stores.select_related("merchant").first()
    return store is not None and standing.takes_business(store.merchant, FEATURE.name)


def barred(known: Tries, *, is_bound: bool, is_open: bool) -> DomainError | None:
    """Why this person may type no code here now, whatever the code."""
    if not is_bound:
        return NotManager()
    wait = known.seconds_locked(clock.now())
    if wait:
        return Locked(retry_after_s=wait)
    if not is_open:
        return CardState()
    return None


def no_code(desk: Desk, typed: str, actor: Actor, known: Tries) -> Refused:
    """Say why no code was found, count it if it was a guess; inside the turn."""
    reason = codes.why_not(
        digits=typed,
        store_id=desk.store_id,
        person_id=desk.person_id,
        subject_types=[SUBJECT, *code_desk.subject_types()],
    )
    refusal = tries.refuse(
        code_desk.in_its_words(reason),
        known,
        person_id=desk.person_id,
        store_id=desk.store_id,
        actor=actor,
    )
    refused = Refused(refusal, reason.code_id)
    _record_refusal(desk, actor, refused)
    return refused


def note_refusal(desk: Desk, actor: Actor, refused: Refused) -> None:
    """Write a refusal into the audit log, after the transaction that it ended."""
    with transaction.atomic():
        _record_refusal(desk, actor, refused)


def _record_refusal(desk: Desk, actor: Actor, refused: Refused) -> None:
    known = refused.code_id is not None
    details: dict[str, Any] = {"code": refused.refusal.code}
    audit.record(
        actor,
        REFUSED,
        f"code:{refused.code_id}" if known else f"store:{desk.store_id}",
        store_id=desk.store_id,
        details=details,
    )
