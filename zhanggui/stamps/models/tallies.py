"""Stamps added up by days, so that figures need not walk through the ledger (decision 41).

Whatever the ledger has sealed is in here, the few rows after it are counted when somebody asks.
Nothing is decided by these tables; they can be made anew from the records at any time.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Store
from zhanggui.core.models import TenantForeignKey, TenantModel

LONGEST_GAP = 31
"""More days than the longest period has that figures are shown for."""


class Tally(TenantModel):
    """How far the merchant's records are added up."""

    counted_id = models.BigIntegerField(default=0)
    """Records of ledger transactions up to this id are in, all others are not."""
    zone = models.CharField(max_length=40, blank=True, default="")
    """Where its days begin."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="one_tally_a_merchant")
        ]

    def __str__(self) -> str:
        return str(self.counted_id)


class DayTally(TenantModel):
    """How many entries of one sort a day brought at a store."""

    day = models.DateField()
    store = TenantForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    programme = TenantForeignKey("stamps.Programme", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12)
    method = models.CharField(max_length=16)
    entries = models.PositiveIntegerField()
    amount = models.IntegerField()
    """The sum of their stamps."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "day", "store", "programme", "kind", "method"],
                name="one_tally_a_day_and_sort",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.entries}"


class Scope(models.IntegerChoices):
    """Where a customer came to."""

    SHOP = 0
    STORE = 1
    PROGRAMME = 2
    STORE_AND_PROGRAMME = 3


class VisitorTally(TenantModel):
    """How many customers came on a day who had last come so many days before.

    Who came between two days is counted once by counting those who came for the first time since
    the first of them: a gap longer than the way back to it.
    """

    scope = models.PositiveSmallIntegerField(choices=Scope)
    day = models.DateField()
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT, related_name="+")
    programme = TenantForeignKey(
        "stamps.Programme", null=True, on_delete=models.PROTECT, related_name="+"
    )
    gap = models.PositiveSmallIntegerField()
    """Days since they came before, in the same scope; ``LONGEST_GAP``: so many, more, or never."""
    customers = models.IntegerField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "scope", "day", "store", "programme", "gap"],
                nulls_distinct=False,
                name="one_tally_a_gap",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.customers}"
