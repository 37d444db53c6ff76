"""Changing more customers than one transaction should hold: a task, in pieces, with undo."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import batched

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts import selectors
from zhanggui.contacts.errors import TagUnknown
from zhanggui.contacts.models import BulkChange, Tag
from zhanggui.contacts.permissions import EDIT_CUSTOMERS, MANAGE_CUSTOMERS
from zhanggui.contacts.services.bulk import BLOCK, TAG, change_many, undo_bulk
from zhanggui.core.errors import NotAllowed
from zhanggui.files import jobs
from zhanggui.files.models import Task

CHANGE = "contacts.bulk"
UNDO = "contacts.bulk_undo"
AT_ONCE = 5_000
"""Customers of one transaction; between two of them the task can be stopped."""


def begin_change(
    *,
    action: str,
    filters: Mapping[str, str],
    tag_id: int | None,
    reason: str,
    count: int,
    actor: Actor,
) -> Task:
    """Begin to tag, untag or block everybody who fits the list's filters.

    Args:
        action: ``tag``, ``untag`` or ``block``.
        filters: values of the list's address, as ``selectors.Filters.of`` reads them.
        tag_id: the tag, for the first two.
        reason: why they are blocked.
        count: how many fit now.
        actor: who acts; the rights are looked up again when the work begins.

    Raises:
        TagUnknown: no such tag here (404).
    """
    tag = Tag.objects.filter(pk=tag_id).first() if tag_id else None
    if action != BLOCK and tag is None:
        raise TagUnknown
    with transaction.atomic():
        return jobs.start(
            kind=CHANGE,
            title=_title(action, tag),
            arguments={
                "action": action,
                "filters": {name: value for name, value in filters.items() if value},
                "tag": tag_id,
                "reason": reason,
            },
            actor=actor,
            total=count,
        )


def _title(action: str, tag: Tag | None) -> str:
    if tag is None:
        return _("Block customers")
    words = (
        _("Put the tag %(tag)s on customers") if action == TAG else _("Take the tag %(tag)s off")
    )
    return words % {"tag": tag.name}


def run_change(task: Task) -> jobs.Outcome:
    """The work of the task; what was changed before a stop stays and can be undone.

    Raises:
        NotAllowed: whoever began it lost the right meanwhile (403).
        TagUnknown: the tag was deleted meanwhile (404).
    """
    wanted = task.arguments
    needed = MANAGE_CUSTOMERS if wanted["action"] == BLOCK else EDIT_CUSTOMERS
    if needed.name not in jobs.rights_of(task):
        raise NotAllowed
    actor = jobs.actor_of(task)
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=task.merchant_id)
    found = selectors.found(selectors.Filters.of(wanted["filters"], zone=zone))
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    done = changed = last = 0
    for piece in batched(ids, AT_ONCE):
        change = change_many(
            action=wanted["action"],
            customer_ids=piece,
            tag_id=wanted["tag"],
            reason=wanted["reason"],
            actor=actor,
            task_id=task.pk,
        )
        last, changed = change.pk, changed + len(change.customer_ids)
        done += len(piece)
        jobs.progress(task, done, len(ids))
    return jobs.Outcome({"customers": changed, "change": last})


def begin_undo(*, change: BulkChange, actor: Actor) -> Task:
    """Begin to take back everything the task of a change has done."""
    changes = _open_changes(change.task_id)
    with transaction.atomic():
        return jobs.start(
            kind=UNDO,
            title=_("Undo a change of many customers"),
            arguments={"task": change.task_id},
            actor=actor,
            total=sum(len(one.customer_ids) for one in changes),
        )


def run_undo(task: Task) -> jobs.Outcome:
    """The work of undoing.

    Raises:
        NotAllowed: whoever began it lost the right meanwhile (403).
        UndoLate, TagUnknown: as ``undo_bulk``.
    """
    if EDIT_CUSTOMERS.name not in jobs.rights_of(task):
        raise NotAllowed
    actor = jobs.actor_of(task)
    done = undone = 0
    for change in _open_changes(task.arguments["task"]):
        undone += undo_bulk(change_id=change.pk, actor=actor)
        done += len(change.customer_ids)
        jobs.progress(task, done)
    return jobs.Outcome({"customers": undone})


def _open_changes(task_id: int | None) -> list[BulkChange]:
    return list(BulkChange.objects.filter(task_id=task_id, undone_at__isnull=True).order_by("pk"))


def changed_by(change: BulkChange) -> int:
    """How many customers a change, or the whole task it belongs to, has changed."""
    if change.task_id is None:
        return len(change.customer_ids)
    return sum(len(one.customer_ids) for one in _open_changes(change.task_id))


def url_of(task: Task) -> str:
    """The list, with the way to undo the change."""
    slug = Merchant.objects.values_list("slug", flat=True).get(pk=task.merchant_id)
    change = task.result.get("change")
    here = reverse("contacts:customers", args=[slug])
    return f"{here}?done={change}" if change else here
