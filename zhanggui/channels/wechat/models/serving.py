"""Which account served a merchant's customers, and when."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class ServingReason(models.TextChoices):
    """Why an account began to serve, or none."""

    BEGUN = "begun", pgettext_lazy("why an account serves", "First seen")
    CONNECTED = "connected", pgettext_lazy("why an account serves", "Own account connected")
    DISCONNECTED = "disconnected", pgettext_lazy("why an account serves", "Own account gone")
    LENDER = "lender", pgettext_lazy("why an account serves", "The lender changed its account")


class ServingPeriod(TenantModel):
    """A time during which one account (or none) served a merchant's customers."""

    account = models.ForeignKey(
        ChannelAccount,
        null=True,
        db_index=False,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    reason = models.CharField(max_length=12, choices=ServingReason)
    since = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant"],
                condition=models.Q(until__isnull=True),
                name="one_account_serves_now",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-since", "-id"], name="serving_newest_first")
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id}:{self.pk}"
