"""One message to many customers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class CampaignState(models.TextChoices):
    """How far a mailing is."""

    DRAFT = "draft", pgettext_lazy("state of a mailing", "Draft")
    QUEUING = "queuing", pgettext_lazy("state of a mailing", "Being put together")
    SENDING = "sending", pgettext_lazy("state of a mailing", "Being sent")
    DONE = "done", pgettext_lazy("state of a mailing", "Done")
    CANCELLED = "cancelled", pgettext_lazy("state of a mailing", "Cancelled")


class Campaign(TenantModel):
    """A mailing: which template with which words, to whom."""

    name = models.CharField(max_length=60)
    template = models.CharField(max_length=60)
    body = models.JSONField(default=dict)
    """The values of the template's fields, as the shop typed them."""
    segment_id = models.BigIntegerField(null=True)
    """Whom: a segment; empty for all customers."""
    conditions = models.JSONField(default=list)
    """The segment's conditions when it was confirmed."""
    state = models.CharField(max_length=10, choices=CampaignState, default=CampaignState.DRAFT)
    wechat = models.PositiveIntegerField(default=0)
    sms = models.PositiveIntegerField(default=0)
    segments = models.PositiveIntegerField(default=0)
    """Set aside for it when it was confirmed."""
    due_at = models.DateTimeField(null=True)
    """When its messages go out; later than the confirmation in quiet hours."""
    task_id = models.BigIntegerField(null=True)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="mailings_newest_first")
        ]

    def __str__(self) -> str:
        return self.name
