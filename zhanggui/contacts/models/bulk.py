"""What was done to many customers at once, kept so that it can be undone."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class BulkChange(TenantModel):
    """One bulk action with the customers that it really changed."""

    action = models.CharField(max_length=20)
    """``tag``, ``untag`` or ``block``."""
    argument = models.BigIntegerField(null=True)
    """The tag."""
    customer_ids = ArrayField(models.BigIntegerField(), default=list)
    task_id = models.BigIntegerField(null=True)
    """The task this is a piece of, where more were changed than one transaction holds."""
    person_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=clock.now)
    undone_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-at"], name="bulk_changes_newest"),
            models.Index(
                fields=["merchant", "task_id"],
                condition=models.Q(task_id__isnull=False),
                name="bulk_changes_of_a_task",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action}:{self.pk}"
