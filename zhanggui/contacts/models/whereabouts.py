"""Where a customer's phone is, as far as the customer lets the shop know."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.contacts.models.customers import Customer
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class Whereabouts(TenantModel):
    """Where a customer's phone said it was a short while ago; one row a customer.

    Only compared with the place of a store; gone within two hours (``whereabouts.forget``).
    """

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    latitude = models.FloatField()
    longitude = models.FloatField()
    accuracy_m = models.PositiveIntegerField()
    """How wrong the phone says it may be."""
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "whereabouts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "customer"], name="whereabouts_once"),
        ]

    def __str__(self) -> str:
        return f"whereabouts:{self.pk}"
