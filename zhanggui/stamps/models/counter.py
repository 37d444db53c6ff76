"""Screens on counters and the codes they show, each good for one stamp.

Source: stamps specification 7.7 (5), feature 14.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class CounterScreen(TenantModel):
    """A tablet on a store's counter that shows a new QR code every minute (柜台屏)."""

    name = models.CharField(max_length=40)
    store = TenantForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32)
    """SHA-256 of the token in its address, which is shown once."""
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=80)
    seen_at = models.DateTimeField(null=True)
    """When it last asked for a code."""
    revoked_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "digest"], name="counter_address_once"),
            models.UniqueConstraint(
                fields=["merchant", "store", "name"],
                condition=models.Q(revoked_at__isnull=True),
                name="counter_name_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CounterTicket(TenantModel):
    """What one QR code on a counter's screen is worth: one stamp, or the proof beside a press."""

    screen = TenantForeignKey(CounterScreen, on_delete=models.CASCADE, related_name="tickets")
    store = TenantForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32)
    """SHA-256 of the token in the QR code."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    """Until then somebody may scan it."""
    card_id = models.BigIntegerField(null=True)
    """The card for which it was taken."""
    taken_at = models.DateTimeField(null=True)
    """When a customer took it; afterwards it is good for this card only."""
    good_until = models.DateTimeField(null=True)
    """A ticket that was taken to be pressed beside is good until then."""
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "digest"], name="counter_ticket_once"),
            models.CheckConstraint(
                condition=models.Q(used_at__isnull=True) | models.Q(card_id__isnull=False),
                name="a_used_ticket_has_a_card",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "screen", "-id"], name="tickets_of_a_screen"),
            models.Index(
                fields=["merchant", "card_id"],
                condition=models.Q(card_id__isnull=False, used_at__isnull=True),
                name="tickets_taken",
            ),
            models.Index(fields=["merchant", "expires_at"], name="tickets_that_end"),
        ]

    def __str__(self) -> str:
        return f"ticket:{self.pk}"
