"""SMS credit: packs on sale, what merchants were given, what operators have in stock.

The segments themselves move in the ledger (unit ``sms``); these rows say why.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Operator
from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class Purse(models.TextChoices):
    """What credit is for: advertising never uses up what codes and notices need."""

    SERVICE = "service", pgettext_lazy("SMS credit", "Codes and notices")
    MARKETING = "marketing", pgettext_lazy("SMS credit", "Marketing")


class SmsPack(models.Model):
    """So many segments for so much money; the platform's price list."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=40)
    segments = models.PositiveIntegerField()
    price_fen = models.PositiveIntegerField()
    is_on_sale = models.BooleanField(default=True)
    resale_from_percent = models.PositiveSmallIntegerField(default=80)
    resale_to_percent = models.PositiveSmallIntegerField(default=150)
    """What operators may ask, in percent of the platform's price (P11)."""

    class Meta:
        ordering: ClassVar = ["segments", "code"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(segments__gt=0), name="a_pack_holds_something"
            ),
            models.CheckConstraint(
                condition=models.Q(resale_from_percent__lte=models.F("resale_to_percent")),
                name="pack_resale_range_is_a_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PackPrice(models.Model):
    """What an operator asks its merchants for a pack; without a row the platform's price holds."""

    pack = models.ForeignKey(SmsPack, on_delete=models.CASCADE, related_name="prices")
    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="+")
    price_fen = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pack", "operator"], name="one_pack_price_a_seller")
        ]

    def __str__(self) -> str:
        return f"{self.pack_id}: {self.price_fen}"


class Wallet(TenantModel):
    """What a segment of a purse cost, and when to warn: once after each filling, at a fifth."""

    purse = models.CharField(max_length=10, choices=Purse)
    filled = models.BigIntegerField(default=0)
    """What lay in the purse after the last filling."""
    milli_fen = models.PositiveIntegerField(default=0)
    """What a segment in it cost on average, in thousandths of a fen; gifts cost nothing. Only
    fillings change it: spending takes out segments at this price."""
    warned_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "purse"], name="one_wallet_a_purse")
        ]

    def __str__(self) -> str:
        return self.purse


class GrantSource(models.TextChoices):
    """Where credit came from."""

    ORDER = "order", pgettext_lazy("source of SMS credit", "Bought")
    OPERATOR = "operator", pgettext_lazy("source of SMS credit", "Given by the operator")
    PLATFORM = "platform", pgettext_lazy("source of SMS credit", "Given by the platform")
    TRIAL = "trial", pgettext_lazy("source of SMS credit", "For trying out")


class Grant(TenantModel):
    """Credit that was put into a purse."""

    purse = models.CharField(max_length=10, choices=Purse)
    segments = models.PositiveIntegerField()
    source = models.CharField(max_length=10, choices=GrantSource)
    cause = models.CharField(max_length=40)
    """What it was given for, for example ``order:17``; gives once."""
    reason = models.CharField(max_length=200, blank=True)
    paid_fen = models.PositiveIntegerField(default=0)
    by_name = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)
    taken_back_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "cause"], name="one_grant_per_cause")
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-at", "-id"], name="grants_newest_first")
        ]

    def __str__(self) -> str:
        return f"{self.cause}: {self.segments}"


class Stock(models.Model):
    """What an operator may still give to its merchants."""

    operator = models.OneToOneField(Operator, on_delete=models.PROTECT, related_name="+")
    segments = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(segments__gte=0), name="no_stock_below_zero")
        ]

    def __str__(self) -> str:
        return f"{self.operator_id}: {self.segments}"


class StockMove(models.Model):
    """Segments that came into an operator's stock or went to a merchant."""

    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    merchant_id = models.BigIntegerField(null=True)
    """Who got them; empty when they came from the platform."""
    reason = models.CharField(max_length=200)
    by_name = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["operator", "-at", "-id"], name="stock_moves_newest_first")
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d}"
