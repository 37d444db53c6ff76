"""What a shop asks to be paid, and each payer's way through it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.channels.pay.models import Payment, Way
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel


class RequestState(models.TextChoices):
    """Where a request is; one whose time is over counts as ended without a job."""

    OPEN = "open", pgettext_lazy("state of a payment request", "Open")
    PAID = "paid", pgettext_lazy("state of a payment request", "Paid")
    STOPPED = "stopped", pgettext_lazy("state of a payment request", "Stopped")


class PaymentRequest(TenantModel):
    """An amount the shop asks for (收款单), by one payer or by many."""

    token = models.CharField(max_length=26, default=tokens.new_token)
    """Names it in its address; nobody can guess it."""
    title = models.CharField(max_length=40)
    """What it is for; the payer reads it here and in WeChat."""
    note = models.CharField(max_length=200, blank=True)
    amount_fen = models.PositiveIntegerField()
    customer = TenantForeignKey(
        Customer, null=True, on_delete=models.PROTECT, related_name="payment_requests"
    )
    """The only one who may pay it; None for whoever has the link."""
    is_many = models.BooleanField(default=False)
    """Whether any number of people may pay it, each once or more often."""
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.OPEN)
    paid_count = models.PositiveIntegerField(default=0)
    paid_fen = models.PositiveBigIntegerField(default=0)
    refunded_fen = models.PositiveBigIntegerField(default=0)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="payment_request_token"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gte=1), name="request_asks_for_money"
            ),
            models.CheckConstraint(
                condition=models.Q(is_many=True) | models.Q(paid_count__lte=1),
                name="one_payer_pays_once",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded_fen__lte=models.F("paid_fen")),
                name="request_refunds_what_was_paid",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="requests_newest_first"),
            models.Index(
                fields=["merchant", "customer"],
                condition=models.Q(customer__isnull=False),
                name="requests_of_a_customer",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def is_over(self, now: datetime) -> bool:
        """Whether its time has run out before it was paid or stopped."""
        return self.state == RequestState.OPEN and self.expires_at <= now

    def takes_money(self, now: datetime) -> bool:
        """Whether somebody may begin to pay."""
        return self.state == RequestState.OPEN and self.expires_at > now


class TryState(models.TextChoices):
    """How far a payer came."""

    WAITING = "waiting", pgettext_lazy("state of a payer's try", "Waiting for payment")
    PAID = "paid", pgettext_lazy("state of a payer's try", "Paid")
    CLOSED = "closed", pgettext_lazy("state of a payer's try", "Not paid")


class PayerTry(TenantModel):
    """One payer's way through a request: one payment of it."""

    request = TenantForeignKey(PaymentRequest, on_delete=models.PROTECT, related_name="tries")
    token = models.CharField(max_length=26, default=tokens.new_token)
    """Names the payer's page; only who began it knows it."""
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, related_name="+")
    customer = TenantForeignKey(
        Customer, null=True, on_delete=models.PROTECT, related_name="payer_tries"
    )
    """Known when it was begun inside WeChat."""
    way = models.CharField(max_length=10, choices=Way)
    state = models.CharField(max_length=10, choices=TryState, default=TryState.WAITING)
    refunded_fen = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    paid_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "token"], name="payer_try_token"),
            models.UniqueConstraint(fields=["merchant", "payment"], name="payer_try_of_a_payment"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "request", "-id"], name="tries_of_a_request"),
            models.Index(
                fields=["merchant", "customer", "-paid_at", "-id"],
                condition=models.Q(state="paid"),
                name="paid_by_a_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id}:{self.pk}"
