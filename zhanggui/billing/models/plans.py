"""The plan a merchant has, every change of it, and which reminders went out."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.billing.models.editions import Edition
from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class Plan(TenantModel):
    """What a merchant has and until when; the merchant's own row carries a copy for the guards."""

    edition = models.ForeignKey(
        Edition, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    is_trial = models.BooleanField(default=False)
    began_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField()
    next_edition = models.ForeignKey(
        Edition,
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    """A smaller edition bought at a renewal; it begins where the present period ends (U-43)."""
    next_from = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="one_plan_a_merchant"),
            models.CheckConstraint(
                condition=models.Q(next_edition__isnull=True, next_from__isnull=True)
                | models.Q(next_edition__isnull=False, next_from__isnull=False),
                name="next_edition_has_its_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.edition_id} - {self.ends_at}"


class Change(models.TextChoices):
    """Why a plan changed."""

    TRIAL = "trial", _("Trial began")
    BOUGHT = "bought", pgettext_lazy("change of a plan", "Bought")
    RENEWED = "renewed", pgettext_lazy("change of a plan", "Renewed")
    UPGRADED = "upgraded", pgettext_lazy("change of a plan", "Upgraded")
    GRANTED = "granted", pgettext_lazy("change of a plan", "Granted")
    REFUNDED = "refunded", pgettext_lazy("change of a plan", "Refunded")


class PlanChange(TenantModel):
    """One change of a plan: what it was, what it became, by which order or whose hand."""

    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(max_length=10, choices=Change)
    order_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField()
    """Edition, trial, end and what comes next, as on the plan."""
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["merchant", "-id"], name="plan_changes_newest")]

    def __str__(self) -> str:
        return self.kind

    @property
    def ends_at(self) -> datetime:
        """The end of the plan after this change."""
        return datetime.fromisoformat(self.after["ends_at"])


class Reminder(TenantModel):
    """A warning that went out, so that it goes out once for one end of a plan."""

    kind = models.CharField(max_length=20)
    """``ends-7`` days before the end, ``deletion-30`` days before the data may go, ..."""
    ends_at = models.DateTimeField()
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "ends_at"], name="one_reminder_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        return self.kind
