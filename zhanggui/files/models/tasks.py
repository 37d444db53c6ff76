"""The job centre's rows: what runs for somebody, how far it is, and how it ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.files.models.files import StoredFile


class TaskState(models.TextChoices):
    """How far a task is."""

    QUEUED = "queued", pgettext_lazy("state of a task", "Waiting")
    RUNNING = "running", pgettext_lazy("state of a task", "Running")
    DONE = "done", pgettext_lazy("state of a task", "Done")
    FAILED = "failed", pgettext_lazy("state of a task", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("state of a task", "Cancelled")
    INTERRUPTED = "interrupted", pgettext_lazy("state of a task", "Interrupted")


class Task(TenantModel):
    """A long action of a person (任务): progress, result, reason of a failure."""

    kind = models.CharField(max_length=60)
    """The registered kind, ``files.export``."""
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=TaskState, default=TaskState.QUEUED)
    arguments = models.JSONField(default=dict)
    """What the work needs, ids and choices; never names, phones or secrets."""
    language = models.CharField(max_length=10, blank=True)
    """In which the person who started it reads; headers and reasons are written in it."""
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    """0: not known yet."""
    version = models.IntegerField(default=1)
    """Grows with every change a page can show; polls compare it."""
    wants_cancel = models.BooleanField(default=False)
    result = models.JSONField(default=dict)
    """Figures of the outcome, for the kind's own template."""
    result_file = TenantForeignKey(StoredFile, null=True, on_delete=models.PROTECT)
    error_code = models.CharField(max_length=60, blank=True)
    error_details = models.JSONField(default=dict)
    """Fill the places of the refusal's text; for a crash the code support asks for."""
    actor_kind = models.CharField(max_length=10)
    person_id = models.BigIntegerField(null=True)
    """Who started it (a global row, so no constraint)."""
    actor_name = models.CharField(max_length=80, blank=True)
    support_id = models.BigIntegerField(null=True)
    """The support session it was started in."""
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)
    attempt = models.IntegerField(default=0)
    job_id = models.BigIntegerField(null=True)
    """The job of the queue that runs it."""
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    """When the work last gave a sign of life."""
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(done__gte=0, total__gte=0), name="task_counts_positive"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="tasks_newest_first"),
            models.Index(
                fields=["merchant", "person_id"],
                condition=models.Q(state__in=["queued", "running"]),
                name="tasks_under_way",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_under_way(self) -> bool:
        """Whether it still runs or waits."""
        return self.state in {TaskState.QUEUED, TaskState.RUNNING}

    @property
    def may_retry(self) -> bool:
        """Whether it ended in a way that trying again can mend."""
        return self.state in {TaskState.FAILED, TaskState.INTERRUPTED, TaskState.CANCELLED}
