"""A manager's practice store: nothing in it is real.

Source: stamps specification, feature 15.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class Rehearsal(TenantModel):
    """Where one manager's practice stands: customers, cards, codes and entries made up."""

    person_id = models.BigIntegerField()
    """The manager (a global row)."""
    state = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "person_id"], name="one_rehearsal_a_manager"
            ),
        ]

    def __str__(self) -> str:
        return f"rehearsal:{self.person_id}"
