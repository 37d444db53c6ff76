"""Payments and refunds of a merchant's business, each with its history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.channels.pay.models.accounts import PayAccount, Way
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel

SHORTEST = timedelta(seconds=90)
"""WeChat Pay wants an order to live for at least a minute."""


class PaymentState(models.TextChoices):
    """Where a payment is; ``states.PAYMENTS`` says what may follow."""

    CREATED = "created", pgettext_lazy("state of a payment", "Begun")
    PREPAID = "prepaid", pgettext_lazy("state of a payment", "Waiting for the payer")
    CLOSING = "closing", pgettext_lazy("state of a payment", "Being closed")
    CLOSED = "closed", pgettext_lazy("state of a payment", "Closed")
    PAID = "paid", pgettext_lazy("state of a payment", "Paid")
    LATE = "late", pgettext_lazy("state of a payment", "Paid, but goes back")
    REFUNDING = "refunding", pgettext_lazy("state of a payment", "Being refunded")
    REFUNDED = "refunded", pgettext_lazy("state of a payment", "Refunded")


class Trouble(models.TextChoices):
    """What somebody has to look at."""

    AMOUNT = "amount", pgettext_lazy("trouble of a payment", "Another amount was paid")
    PAYEE = "payee", pgettext_lazy("trouble of a payment", "Paid to another merchant number")
    LATE = "late", pgettext_lazy("trouble of a payment", "Paid after it was closed")
    REFUSED = "refused", pgettext_lazy("trouble of a payment", "Paid for what is gone")
    REFUND = "refund", pgettext_lazy("trouble of a payment", "A refund did not work")


class Payment(TenantModel):
    """Money somebody is asked for through WeChat Pay; what it is for never changes."""

    account = models.ForeignKey(
        PayAccount, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    """Who collects: the merchant itself, or whoever sells to it."""
    number = models.CharField(max_length=32)
    """``out_trade_no``; random, as payers see it."""
    purpose = models.CharField(max_length=40)
    subject_id = models.BigIntegerField(null=True)
    description = models.CharField(max_length=127)
    """What the payer reads in WeChat."""
    amount_fen = models.PositiveIntegerField()
    way = models.CharField(max_length=10, choices=Way)
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.CREATED)
    openid = models.CharField(max_length=64, blank=True)
    payer_ip = models.CharField(max_length=45, blank=True)
    code_url = models.CharField(max_length=300, blank=True)
    prepay_id = models.CharField(max_length=64, blank=True)
    h5_url = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField(null=True)
    """When WeChat Pay was first asked to make the order; it may know it since."""
    transaction_id = models.CharField(max_length=40, blank=True)
    """WeChat Pay's own number."""
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    refund_fen = models.PositiveIntegerField(default=0)
    """Asked to go back, done or not."""
    refunded_fen = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=10, choices=Trouble, blank=True)
    trouble_note = models.CharField(max_length=200, blank=True)
    trouble_done_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="payment_number_once"),
            models.CheckConstraint(
                condition=models.Q(refunded_fen__lte=models.F("refund_fen"))
                & models.Q(refund_fen__lte=models.F("amount_fen")),
                name="at_most_what_was_paid_goes_back",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gte=1), name="payment_is_of_some_money"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="payments_newest_first"),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=models.Q(state__in=["created", "prepaid", "closing"]),
                name="payments_that_wait",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        """Whether it can still be paid."""
        return self.state in {PaymentState.CREATED, PaymentState.PREPAID}

    @property
    def is_troubled(self) -> bool:
        """Whether somebody has to look at it."""
        return bool(self.trouble) and self.trouble_done_at is None

    @property
    def left_fen(self) -> int:
        """What can still be given back."""
        return self.amount_fen - self.refund_fen

    @property
    def expires_at_wechat(self) -> datetime:
        """When WeChat Pay stops taking it; a fixed moment, as a repeat must say the same."""
        return max(self.expires_at, self.created_at + SHORTEST)


class PaymentChange(TenantModel):
    """One step of a payment's life."""

    payment = TenantForeignKey(Payment, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(default=clock.now)
    from_state = models.CharField(max_length=10, choices=PaymentState, blank=True)
    to_state = models.CharField(max_length=10, choices=PaymentState)
    by_name = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "payment", "id"], name="changes_of_a_payment")
        ]

    def __str__(self) -> str:
        return f"{self.from_state} > {self.to_state}"


class RefundState(models.TextChoices):
    """Where a refund is; ``states.REFUNDS`` says what may follow."""

    ASKED = "asked", pgettext_lazy("state of a refund", "Waiting to be sent")
    PROCESSING = "processing", pgettext_lazy("state of a refund", "WeChat Pay is working on it")
    DONE = "done", pgettext_lazy("state of a refund", "Given back")
    REFUSED = "refused", pgettext_lazy("state of a refund", "Refused by WeChat Pay")
    ABNORMAL = "abnormal", pgettext_lazy("state of a refund", "Stuck at WeChat Pay")


class Refund(TenantModel):
    """Money of a payment that goes back."""

    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    number = models.CharField(max_length=32)
    """``out_refund_no``; stays the same however often it is sent."""
    amount_fen = models.PositiveIntegerField()
    reason = models.CharField(max_length=80)
    """The payer reads it in WeChat."""
    state = models.CharField(max_length=10, choices=RefundState, default=RefundState.ASKED)
    is_automatic = models.BooleanField(default=False)
    by_name = models.CharField(max_length=80)
    refund_id = models.CharField(max_length=40, blank=True)
    received_by = models.CharField(max_length=80, blank=True)
    """Where the money went, as WeChat Pay says it, for example a bank and four digits."""
    error_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    """When it was first sent; WeChat Pay may know it since."""
    next_ask_at = models.DateTimeField(null=True)
    """When WeChat Pay is asked again, in case its notification gets lost."""
    done_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="refund_number_once"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gte=1), name="refund_is_of_some_money"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "payment", "id"], name="refunds_of_a_payment"),
            models.Index(
                fields=["merchant", "next_ask_at"],
                condition=models.Q(state__in=["asked", "processing"]),
                name="refunds_under_way",
            ),
        ]

    def __str__(self) -> str:
        return self.number
