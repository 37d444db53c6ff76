"""Changing many customers at once, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts.errors import NothingChosen, TagUnknown, TooManyChosen, UndoLate
from zhanggui.contacts.models import BulkChange, Customer, CustomerState, Tag
from zhanggui.contacts.services.customers import BLOCKABLE
from zhanggui.contacts.services.tags import put_tag, take_tag
from zhanggui.core import clock

MOST_AT_ONCE = 10_000
UNDO_FOR = timedelta(days=1)
TAG = "tag"
UNTAG = "untag"
BLOCK = "block"


def change_many(
    *,
    action: str,
    customer_ids: Sequence[int],
    tag_id: int | None,
    reason: str,
    actor: Actor,
    task_id: int | None = None,
) -> BulkChange:
    """Tag, untag or block up to 10,000 customers in one transaction.

    Args:
        action: ``tag``, ``untag`` or ``block``.
        customer_ids: whom; those of other merchants are not found.
        tag_id: the tag, for the first two.
        reason: why they are blocked.
        actor: who acts.
        task_id: the task this is a piece of; more than 10,000 are a task of such pieces.

    Returns:
        The change with the customers that were really changed.

    Raises:
        NothingChosen: nobody (422). TooManyChosen: more than 10,000 (409).
        TagUnknown: no such tag here (404).
    """
    if not customer_ids:
        raise NothingChosen
    if len(customer_ids) > MOST_AT_ONCE:
        raise TooManyChosen(most=f"{MOST_AT_ONCE:,}")
    with transaction.atomic():
        changed = _apply(action, customer_ids, tag_id, reason)
        change = BulkChange(
            action=action,
            argument=tag_id,
            customer_ids=changed,
            task_id=task_id,
            person_id=actor.id,
        )
        change.save(force_insert=True)
        audit.record(
            actor,
            f"contacts.customers.{action}",
            f"bulk:{change.pk}",
            details={"customers": len(changed)} | ({"reason": reason} if reason else {}),
        )
    return change


def _apply(action: str, ids: Sequence[int], tag_id: int | None, reason: str) -> list[int]:
    if action == BLOCK:
        rows = Customer.objects.filter(pk__in=list(ids), state__in=BLOCKABLE)
        changed = list(rows.select_for_update().values_list("pk", flat=True))
        Customer.objects.filter(pk__in=changed).update(
            state=CustomerState.BLOCKED, blocked_reason=reason.strip()
        )
        return changed
    if tag_id is None or not Tag.objects.filter(pk=tag_id).exists():
        raise TagUnknown
    change = put_tag if action == TAG else take_tag
    return change(tag_id=tag_id, customer_ids=ids)


def undo_bulk(*, change_id: int, actor: Actor) -> int:
    """Take a bulk change back within a day; answers how many customers.

    Raises:
        UndoLate: undone already, or older than a day (410).
        TagUnknown: the tag was deleted meanwhile (404).
    """
    with transaction.atomic():
        rows = BulkChange.objects.filter(
            pk=change_id, undone_at__isnull=True, at__gt=clock.now() - UNDO_FOR
        )
        if not rows.update(undone_at=clock.now()):
            raise UndoLate
        change = BulkChange.objects.get(pk=change_id)
        done = _take_back(change)
        audit.record(
            actor, "contacts.customers.undone", f"bulk:{change.pk}", details={"customers": done}
        )
    return done


def _take_back(change: BulkChange) -> int:
    if change.action == BLOCK:
        rows = Customer.objects.filter(pk__in=change.customer_ids, state=CustomerState.BLOCKED)
        return rows.update(state=CustomerState.ACTIVE, blocked_reason="")
    tag_id = change.argument
    if tag_id is None or not Tag.objects.filter(pk=tag_id).exists():
        raise TagUnknown
    back = take_tag if change.action == TAG else put_tag
    return len(back(tag_id=tag_id, customer_ids=change.customer_ids))
