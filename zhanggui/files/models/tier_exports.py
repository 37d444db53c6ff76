"""Long lists of the platform and of operators on their way into a spreadsheet."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Operator
from zhanggui.core import clock, tokens
from zhanggui.files.models.tasks import TaskState


class TierExport(models.Model):
    """An export of somebody at the platform (no operator) or at an operator, then its file."""

    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="+")
    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=80)
    export = models.CharField(max_length=60)
    """The registered list."""
    title = models.CharField(max_length=200)
    format = models.CharField(max_length=4)
    values = models.JSONField(default=dict)
    """The filters of the list."""
    language = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=12, choices=TaskState, default=TaskState.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    attempt = models.IntegerField(default=0)
    wants_cancel = models.BooleanField(default=False)
    token = models.CharField(max_length=26, default=tokens.new_token)
    """What the file is called in the storage."""
    name = models.CharField(max_length=200, blank=True)
    """What the download is called; empty while there is no file."""
    size = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    """Why it did not work, in the words of its person."""
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    """When the file is deleted."""

    objects: ClassVar[models.Manager[TierExport]] = models.Manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person_id", "-created_at", "-id"], name="tier_exports_of_person"),
            models.Index(fields=["created_at"], name="tier_exports_by_age"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_under_way(self) -> bool:
        """Whether it still runs or waits."""
        return self.state in {TaskState.QUEUED, TaskState.RUNNING}

    @property
    def place(self) -> str:
        """The file's name in the storage."""
        return f"tiers/{self.token[:2]}/{self.token}"

    @property
    def has_file(self) -> bool:
        """Whether its file can still be fetched."""
        return bool(self.name) and self.expires_at is not None and self.expires_at > clock.now()
