"""The daily bills of WeChat Pay, and where they differ from our book."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.channels.pay.models.accounts import PayAccount, TradeKind
from zhanggui.core import clock


class BillState(models.TextChoices):
    """What became of a day's bill."""

    WAITING = "waiting", pgettext_lazy("state of a bill", "Being fetched")
    CHECKED = "checked", pgettext_lazy("state of a bill", "Checked")
    EMPTY = "empty", pgettext_lazy("state of a bill", "Nothing that day")
    FAILED = "failed", pgettext_lazy("state of a bill", "Could not be fetched")


class PayBill(models.Model):
    """The bill of one account and one day in China, beside what our book says; amounts in fen."""

    account = models.ForeignKey(PayAccount, on_delete=models.CASCADE)
    day = models.DateField()
    state = models.CharField(max_length=10, choices=BillState, default=BillState.WAITING)
    payments = models.PositiveIntegerField(default=0)
    paid_fen = models.BigIntegerField(default=0)
    refunds = models.PositiveIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0)
    fee_fen = models.BigIntegerField(default=0)
    here_paid_fen = models.BigIntegerField(default=0)
    here_refunded_fen = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    checked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "day"], name="one_bill_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.day}"


class DifferenceKind(models.TextChoices):
    """How bill and book differ."""

    NOT_HERE = "not_here", pgettext_lazy("difference of a bill", "On the bill, not with us")
    NOT_THERE = "not_there", pgettext_lazy("difference of a bill", "With us, not on the bill")
    AMOUNT = "amount", pgettext_lazy("difference of a bill", "Another amount")


class DifferenceState(models.TextChoices):
    """Whether somebody has dealt with it."""

    OPEN = "open", pgettext_lazy("state of a difference", "Open")
    GONE = "gone", pgettext_lazy("state of a difference", "Gone by itself")
    RESOLVED = "resolved", pgettext_lazy("state of a difference", "Resolved")


class BillDifference(models.Model):
    """One number on which bill and book do not agree; amounts in fen."""

    bill = models.ForeignKey(PayBill, on_delete=models.CASCADE, related_name="differences")
    kind = models.CharField(max_length=10, choices=DifferenceKind)
    trade = models.CharField(max_length=10, choices=TradeKind)
    number = models.CharField(max_length=64)
    transaction_id = models.CharField(max_length=40, blank=True)
    here_fen = models.IntegerField(null=True)
    there_fen = models.IntegerField(null=True)
    merchant_id = models.BigIntegerField(null=True)
    payment_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=DifferenceState, default=DifferenceState.OPEN)
    resolution = models.CharField(max_length=200, blank=True)
    resolved_by = models.CharField(max_length=80, blank=True)
    resolved_at = models.DateTimeField(null=True)
    found_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bill", "trade", "number"], name="difference_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.number}"
