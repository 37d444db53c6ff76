"""What an import did to each customer, so that the whole batch can be taken back."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.contacts.models.customers import Customer
from zhanggui.core.models import TenantForeignKey, TenantModel


class ImportedCustomer(TenantModel):
    """One customer that a batch made or changed."""

    batch_id = models.BigIntegerField()
    """The import (``files``)."""
    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    was_created = models.BooleanField()
    before = models.JSONField(null=True)
    """Changed fields of one that existed: ``{name: [before, after]}``."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "batch_id", "customer"], name="imported_once_a_batch"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "customer"], name="imports_of_a_customer")
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.customer_id}"
