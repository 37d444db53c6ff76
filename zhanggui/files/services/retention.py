"""What this module cleans up: files nobody holds, expired results, old tasks, lost jobs."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from zhanggui.accounts.models import Merchant
from zhanggui.core import clock, tenancy
from zhanggui.files import storing, tasks
from zhanggui.files.models import ImportBatch, StoredFile, Task
from zhanggui.files.services import tier_exports
from zhanggui.files.services.keeping import remove_file
from zhanggui.files.services.running import lost_tasks
from zhanggui.files.services.tasks import forget_old_tasks

UNHELD_FOR = timedelta(days=1)


def forget() -> int:
    """Remove what has had its time, merchant by merchant; answers how many files and tasks."""
    removed = 0
    for merchant_id in Merchant.objects.order_by("pk").values_list("pk", flat=True):
        with tenancy.merchant_scope(merchant_id):
            removed += forget_old_tasks()
            removed += _forget_files()
            storing.remove(list(storing.lost_places(merchant_id, older_than=UNHELD_FOR)))
    return removed + tier_exports.forget()


def _forget_files() -> int:
    now = clock.now()
    unheld = Q(owner="", expires_at__isnull=True, created_at__lt=now - UNHELD_FOR)
    removed = 0
    for stored in list(StoredFile.objects.filter(unheld | Q(expires_at__lte=now))):
        with transaction.atomic():
            Task.objects.filter(result_file=stored).update(result_file=None)
            ImportBatch.objects.filter(file=stored).update(file=None)
            remove_file(stored=stored)
        removed += 1
    return removed


def take_up_lost_tasks() -> int:
    """Queue tasks again whose job is gone; answers how many.

    A worker that was killed leaves its job behind; the queue gives that to another worker by
    itself (``core.take_up``). This is for jobs that were lost altogether.
    """
    lost = lost_tasks()
    for task in lost:
        with tenancy.merchant_scope(task.merchant_id), transaction.atomic():
            task.job_id = tasks.queue(task)
            task.save(update_fields=["job_id"])
    return len(lost)
