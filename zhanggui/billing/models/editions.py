"""Editions with their feature matrix, prices, and who sells; all rows are data of the platform."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Operator

MONTHS = (1, 12, 24, 36)
"""The periods a plan is sold for (P10, U-42)."""


class Edition(models.Model):
    """A version of the service (基础版, 高级版) and what it switches on (U-41)."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=30)
    summary = models.CharField(max_length=120, blank=True)
    rank = models.PositiveSmallIntegerField(unique=True)
    """A change to a higher rank is an upgrade, to a lower one a downgrade."""
    features = models.JSONField(default=list)
    """Names of ``accounts.features``."""
    limits = models.JSONField(default=dict)
    """Name of a limit to the most allowed; what is not named has no limit."""
    is_on_sale = models.BooleanField(default=True)
    is_trial = models.BooleanField(default=False)
    """Whether new merchants try this one (U-40)."""
    resale_from_percent = models.PositiveSmallIntegerField(default=80)
    resale_to_percent = models.PositiveSmallIntegerField(default=150)
    """What operators may ask, in percent of the platform's price (P11)."""
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["rank"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_trial"], condition=models.Q(is_trial=True), name="one_trial_edition"
            ),
            models.CheckConstraint(
                condition=models.Q(resale_from_percent__lte=models.F("resale_to_percent")),
                name="resale_range_is_a_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """What an edition costs: the platform's own list (no operator) or an operator's (P11)."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="prices")
    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="+")
    day_fen = models.PositiveIntegerField()
    """What a day is worth when a running plan is upgraded (U-43)."""
    month_1_fen = models.PositiveIntegerField()
    month_12_fen = models.PositiveIntegerField()
    month_24_fen = models.PositiveIntegerField()
    month_36_fen = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["edition", "operator"], nulls_distinct=False, name="one_price_a_seller"
            )
        ]

    def __str__(self) -> str:
        return f"{self.edition_id}: {self.month_12_fen}"

    def of_months(self, months: int) -> int:
        """What so many months cost, in fen; only the periods of ``MONTHS`` are sold."""
        fen: int = getattr(self, f"month_{months}_fen")
        return fen


class Seller(models.Model):
    """Where merchants transfer money to: the platform's account (no operator) or an operator's."""

    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="+")
    payee = models.CharField(max_length=80)
    bank = models.CharField(max_length=80)
    account_number = models.CharField(max_length=40)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["operator"], nulls_distinct=False, name="one_account_a_seller"
            )
        ]

    def __str__(self) -> str:
        return self.payee
