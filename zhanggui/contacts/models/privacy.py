"""A person asks to be forgotten."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts.models.customers import Customer
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class ErasureState(models.TextChoices):
    """What became of a request to be forgotten."""

    WAITING = "waiting", _("Waiting for its day")
    DONE = "done", pgettext_lazy("state of an erasure", "Erased")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Erasure(TenantModel):
    """A request to erase one person; proves later that it was done and who asked for it."""

    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="erasures")
    state = models.CharField(max_length=10, choices=ErasureState, default=ErasureState.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(default=clock.now)
    requested_by_id = models.BigIntegerField(null=True)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "customer"],
                condition=models.Q(state="waiting"),
                name="one_waiting_erasure_each",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "due_at"],
                condition=models.Q(state="waiting"),
                name="erasures_by_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}:{self.state}"
