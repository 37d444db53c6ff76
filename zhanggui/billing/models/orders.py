"""Orders, their history, and offline transfers with their proof."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.billing.models.editions import Edition
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class Kind(models.TextChoices):
    """What an order is for (M2: 类型)."""

    BUY = "buy", pgettext_lazy("kind of an order", "First plan")
    RENEW = "renew", pgettext_lazy("kind of an order", "Renewal")
    UPGRADE = "upgrade", pgettext_lazy("kind of an order", "Upgrade")
    TOP_UP = "top_up", pgettext_lazy("kind of an order", "Top-up")
    SMS_PACK = "sms_pack", pgettext_lazy("kind of an order", "SMS credit")
    GRANT = "grant", pgettext_lazy("kind of an order", "Gift")


class Way(models.TextChoices):
    """How an order is paid (M2: 支付方式)."""

    BALANCE = "balance", pgettext_lazy("payment way", "Balance")
    WECHAT = "wechat", pgettext_lazy("payment way", "WeChat Pay")
    TRANSFER = "transfer", pgettext_lazy("payment way", "Offline transfer")
    FREE = "free", pgettext_lazy("payment way", "Nothing to pay")


class OrderState(models.TextChoices):
    """Where an order is (U-44)."""

    PENDING = "pending", pgettext_lazy("state of an order", "Waiting for payment")
    PAID = "paid", pgettext_lazy("state of an order", "Paid")
    CANCELLED = "cancelled", pgettext_lazy("state of an order", "Cancelled")
    REFUNDED = "refunded", pgettext_lazy("state of an order", "Refunded")


class Order(TenantModel):
    """Something a merchant buys from its seller; the amounts never change once it is made."""

    number = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    way = models.CharField(max_length=10, choices=Way)
    state = models.CharField(max_length=10, choices=OrderState, default=OrderState.PENDING)
    edition = models.ForeignKey(
        Edition,
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    months = models.PositiveSmallIntegerField(default=0)
    days = models.PositiveSmallIntegerField(default=0)
    """Only gifts are given by days."""
    pack = models.CharField(max_length=40, blank=True)
    """The name of a pack of SMS credit, as it was called when it was ordered."""
    segments = models.PositiveIntegerField(default=0)
    """How much SMS credit is bought."""
    total_fen = models.PositiveIntegerField()
    balance_fen = models.PositiveIntegerField(default=0)
    """What of it is taken from the balance; the rest comes through WeChat Pay or by transfer."""
    payment_id = models.BigIntegerField(null=True)
    """Its payment at WeChat Pay: open, or it has paid the order. First closed, then released."""
    note = models.CharField(max_length=200, blank=True)
    created_by_id = models.BigIntegerField(null=True)
    created_by_name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True)
    """When an unpaid order lapses; None while a transfer is being checked."""
    paid_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="order_number_once"),
            models.CheckConstraint(
                condition=models.Q(balance_fen__lte=models.F("total_fen")),
                name="balance_pays_at_most_the_total",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="orders_newest_first"),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=models.Q(state="pending"),
                name="orders_that_lapse",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def rest_fen(self) -> int:
        """What is left to pay besides the balance."""
        return self.total_fen - self.balance_fen


class OrderChange(TenantModel):
    """One step of an order's life."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(default=clock.now)
    from_state = models.CharField(max_length=10, choices=OrderState, blank=True)
    to_state = models.CharField(max_length=10, choices=OrderState)
    by_name = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "order", "id"], name="changes_of_an_order")
        ]

    def __str__(self) -> str:
        return f"{self.from_state} > {self.to_state}"


class TransferState(models.TextChoices):
    """What became of a proof."""

    WAITING = "waiting", pgettext_lazy("state of a transfer", "Being checked")
    APPROVED = "approved", pgettext_lazy("state of a transfer", "Received")
    REJECTED = "rejected", pgettext_lazy("state of a transfer", "Sent back")


class Transfer(TenantModel):
    """Money sent by bank with its proof, checked by the seller."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="transfers")
    amount_fen = models.PositiveIntegerField()
    paid_on = models.DateField()
    reference = models.CharField(max_length=60)
    """The bank's number of the transfer."""
    proof_id = models.BigIntegerField(null=True)
    """The stored picture or PDF."""
    state = models.CharField(max_length=10, choices=TransferState, default=TransferState.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    handed_in_at = models.DateTimeField(default=clock.now)
    handed_in_by = models.CharField(max_length=80)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=80, blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "order"],
                condition=models.Q(state__in=["waiting", "approved"]),
                name="one_open_transfer_an_order",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "handed_in_at"],
                condition=models.Q(state="waiting"),
                name="transfers_to_check",
            )
        ]

    def __str__(self) -> str:
        return self.reference
