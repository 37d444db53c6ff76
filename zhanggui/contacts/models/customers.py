"""One customer of one merchant."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock, sealing
from zhanggui.core.models import TenantModel

PHONE_COLUMN = "contacts_customer.phone"
TAIL_PURPOSE = "contacts_customer.phone_tail"


class CustomerState(models.TextChoices):
    """Whether a customer takes part."""

    ACTIVE = "active", _("In good standing")
    BLOCKED = "blocked", _("Blocked by the shop")
    REPLACED = "replaced", _("Merged into another customer")
    ERASED = "erased", pgettext_lazy("state of a customer", "Erased")


class Customer(TenantModel):
    """One person as one merchant knows it (顾客)."""

    number = models.CharField(max_length=20)
    """The member number that people read out, unique in the merchant."""
    name = models.CharField(max_length=80)
    name_key = models.CharField(max_length=200)
    """NFKC, case-folded name and its pinyin, for search without the database's locale."""
    phone_sealed = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, max_length=32)
    phone_tail_hash = models.BinaryField(null=True, max_length=32)
    state = models.CharField(max_length=10, choices=CustomerState, default=CustomerState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="customer_number_once"),
            models.UniqueConstraint(fields=["merchant", "phone_hash"], name="customer_phone_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="customers_newest_first"),
            models.Index(fields=["merchant", "phone_tail_hash"], name="customers_by_phone_tail"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def phone(self) -> str:
        """The phone number in E.164, empty when not known."""
        if self.phone_sealed is None:
            return ""
        return sealing.unseal(
            bytes(self.phone_sealed), column=PHONE_COLUMN, merchant_id=self.merchant_id
        )
