"""Segments: customers chosen by conditions, kept under a name."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class Segment(TenantModel):
    """A set of conditions; who fits is asked anew each time."""

    name = models.CharField(max_length=40)
    conditions = models.JSONField(default=list)
    """``[{"kind": "contacts.tag", "op": "any", "value": [3, 7]}, ...]``; all must hold."""
    created_by_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "name"], name="segment_name_once")
        ]

    def __str__(self) -> str:
        return self.name
