"""Accounts, transactions and entries; each transaction sums to zero per unit; the hash chain.

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

    is_merchant_checked = False

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

    is_merchant_checked = False

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


class Chain(TenantModel):
    """How far the merchant's ledger is sealed, and what its last check found."""

    blocks = models.PositiveBigIntegerField(default=0)
    bookings = models.PositiveBigIntegerField(default=0)
    """How many transactions are sealed."""
    hash = models.CharField(max_length=64)
    """Of the last block, or the chain's beginning; hexadecimal."""
    sealed_id = models.BigIntegerField(default=0)
    """All transactions up to this id are sealed, and none can come there any more."""
    sealed_at = models.DateTimeField(null=True)
    watched_id = models.BigIntegerField(default=0)
    """Sealed next, once every database transaction that ran when it was noted has ended."""
    watched_xact = models.BigIntegerField(default=0)
    """Database transactions with smaller numbers may still write up to ``watched_id``."""
    watched_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    checked = models.PositiveBigIntegerField(default=0)
    """How many sealed transactions it hashed again."""
    checked_s = models.FloatField(default=0)
    found = models.PositiveIntegerField(default=0)
    """How many faults the last check found."""
    findings = models.JSONField(default=list)
    """The first of them: ``[{"rule", "what", "expected", "found"}, ...]``."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="one_chain_a_merchant")
        ]

    def __str__(self) -> str:
        return f"{self.blocks}: {self.hash[:12]}"


class Block(TenantModel):
    """Some bookings sealed at one moment; append-only (a trigger)."""

    number = models.PositiveBigIntegerField()
    last_id = models.BigIntegerField()
    """The transactions after the block before it, up to this one."""
    position = models.PositiveBigIntegerField()
    """How many transactions the chain has with this block."""
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="block_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.hash[:12]}"
