"""Accounts, transactions and entries; each transaction sums to zero per unit.

Source: stamps specification 5.6.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class Unit(models.TextChoices):
    """What an account counts."""

    STAMP = "stamp", _("Stamps")
    CNY = "cny", _("Money in fen")
    SMS = "sms", _("SMS segments")
    COUPON = "coupon", _("Uses of coupons")


NEVER_BELOW_ZERO = (Unit.CNY.value, Unit.SMS.value, Unit.COUPON.value)
"""What can be spent only while it is there."""


class Account(TenantModel):
    """Where units lie: ``card:<id>``, ``issue:<programme id>``, ...; the balance is a cache."""

    unit = models.CharField(max_length=10, choices=Unit)
    code = models.CharField(max_length=60)
    balance = models.BigIntegerField(default=0)
    """Sum of the entries. Kept for accounts with one holder (a card); hot shared accounts such as
    ``issue`` keep no cache (``is_cached`` false) so that confirms do not queue behind one row."""
    is_cached = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "unit", "code"], name="account_code_once"),
            models.CheckConstraint(
                condition=~models.Q(unit__in=NEVER_BELOW_ZERO) | models.Q(balance__gte=0),
                name="nothing_spent_twice",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit}:{self.code}"


class Transaction(TenantModel):
    """One booked event; append-only (a trigger)."""

    unit = models.CharField(max_length=10, choices=Unit)
    event = models.CharField(max_length=40)
    """For example ``stamps.accumulated`` or ``stamps.cancelled``."""
    cause = models.CharField(max_length=60)
    """What it refers to, for example ``code:17``; unique, so that a cause books once."""
    reverses = TenantForeignKey("self", null=True, on_delete=models.PROTECT)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT)
    at = models.DateTimeField(default=clock.now)
    business_date = models.DateField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "cause"], name="one_booking_per_cause"),
            models.UniqueConstraint(
                fields=["merchant", "reverses"],
                condition=models.Q(reverses__isnull=False),
                name="one_reversal_each",
            ),
        ]

    def __str__(self) -> str:
        return self.event


class Entry(TenantModel):
    """One side of a transaction; append-only (a trigger)."""

    transaction = TenantForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    account = TenantForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    amount = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="entry_moves_something")
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "transaction"], name="entries_of_a_transaction"),
            models.Index(fields=["merchant", "account", "-id"], name="entries_of_an_account"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d}"
