"""Tasks of the job centre: begun, cancelled, tried again. What runs them is in ``running``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import get_language

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import ActorKind, Membership, Tier
from zhanggui.accounts.permissions import of_membership
from zhanggui.core import clock
from zhanggui.files import jobs, storing, tasks
from zhanggui.files.cells import shown
from zhanggui.files.errors import TaskOver, TaskUnderWay
from zhanggui.files.models import ImportBatch, StoredFile, Task, TaskState

UNDER_WAY = (TaskState.QUEUED, TaskState.RUNNING)
TITLE_AT_MOST = 200
KEEP_TASKS = timedelta(days=30)


def start(
    *, kind: str, title: str, arguments: Mapping[str, Any], actor: Actor, total: int = 0
) -> Task:
    """Note a task of the merchant in scope and queue its work; see ``jobs.start``."""
    task = Task(
        kind=kind,
        title=shown(title)[:TITLE_AT_MOST],
        arguments=dict(arguments),
        total=total,
        language=get_language() or "",
        actor_kind=actor.kind.value,
        person_id=actor.id,
        actor_name=actor.name[:80],
        support_id=actor.support_id,
        device=actor.device,
        ip=actor.ip,
    )
    with transaction.atomic():
        task.save(force_insert=True)
        task.job_id = tasks.queue(task)
        task.save(update_fields=["job_id"])
    return task


def actor_of(task: Task) -> Actor:
    """Who started a task."""
    return Actor(
        ActorKind(task.actor_kind),
        task.person_id,
        task.actor_name,
        ip=task.ip,
        device=task.device,
        support_id=task.support_id,
    )


def rights_of(task: Task) -> frozenset[str]:
    """See ``jobs.rights_of``."""
    found = Membership.objects.filter(
        person=task.person_id or 0, tier=Tier.MERCHANT, merchant_id=task.merchant_id
    ).first()
    return of_membership(found) if found else frozenset()


def cancel_task(*, task: Task, actor: Actor) -> Task:
    """Ask a task to stop; one that has not begun is cancelled at once.

    Raises:
        TaskOver: it ended already (E_TASK_OVER, 409).
    """
    now = clock.now()
    with transaction.atomic():
        same = Task.objects.filter(pk=task.pk)
        stopped = same.filter(state=TaskState.QUEUED).update(
            state=TaskState.CANCELLED, finished_at=now, version=F("version") + 1
        )
        asked = same.filter(state=TaskState.RUNNING).update(
            wants_cancel=True, version=F("version") + 1
        )
        if not stopped and not asked:
            raise TaskOver
        task.refresh_from_db()
        if stopped:
            tell_the_end(task)
        audit.record(actor, "files.task.cancelled", f"task:{task.pk}")
    return task


def retry_task(*, task: Task, actor: Actor) -> Task:
    """Queue a task again that ended without success; it begins from its beginning.

    Raises:
        TaskUnderWay: it has not ended (E_TASK_UNDER_WAY, 409).
        TaskOver: it ended well, or its kind cannot be repeated (E_TASK_OVER, 409).
    """
    if not jobs.kind_of(task).may_retry:
        raise TaskOver
    ended = (TaskState.FAILED, TaskState.CANCELLED, TaskState.INTERRUPTED)
    with transaction.atomic():
        queued = Task.objects.filter(pk=task.pk, state__in=ended).update(
            state=TaskState.QUEUED,
            wants_cancel=False,
            attempt=0,
            done=0,
            error_code="",
            error_details={},
            started_at=None,
            finished_at=None,
            version=F("version") + 1,
        )
        task.refresh_from_db()
        if not queued:
            raise TaskUnderWay if task.is_under_way else TaskOver
        task.job_id = tasks.queue(task)
        task.save(update_fields=["job_id"])
        audit.record(actor, "files.task.retried", f"task:{task.pk}")
    return task


def tell_the_end(task: Task) -> None:
    """Tell the kind that its task ended without success, inside the caller's transaction."""
    kind = jobs.kind_of(task)
    if kind.on_end is not None:
        kind.on_end(task)


def forget_old_tasks() -> int:
    """Remove tasks of the merchant in scope that ended 30 days ago; answers how many."""
    before = clock.now() - KEEP_TASKS
    old = Task.objects.filter(finished_at__lt=before).exclude(state__in=UNDER_WAY)
    removed = 0
    for task_id, file_id in list(old.values_list("pk", "result_file_id")):
        with transaction.atomic():
            for name in ("check_task", "run_task", "undo_task"):
                ImportBatch.objects.filter(**{name: task_id}).update(**{name: None})
            removed += storing.delete_rows(Task.objects.filter(pk=task_id))
            StoredFile.objects.filter(pk=file_id).update(owner="", expires_at=clock.now())
    return removed
