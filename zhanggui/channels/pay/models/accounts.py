"""Merchant numbers with their keys, what WeChat Pay tells about them, and whose number is whose.

All of these are global: an account belongs to a tier, and what WeChat Pay sends names a number
before anybody knows the merchant.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.core import clock, sealing, tokens


class Mode(models.TextChoices):
    """How an account collects."""

    DIRECT = "direct", pgettext_lazy("mode of a pay account", "Own merchant number")
    PARTNER = "partner", pgettext_lazy("mode of a pay account", "Service provider")
    SUB = "sub", pgettext_lazy("mode of a pay account", "Through a service provider")


class Way(models.TextChoices):
    """How somebody pays."""

    NATIVE = "native", pgettext_lazy("way of paying", "QR code on the screen")
    JSAPI = "jsapi", pgettext_lazy("way of paying", "Inside WeChat")
    H5 = "h5", pgettext_lazy("way of paying", "In a phone's browser")


class PayAccount(models.Model):
    """A merchant number (商户号) at WeChat Pay, owned by one tier; its keys are sealed.

    In mode ``sub`` it has no keys of its own: ``partner`` signs, ``sub_mchid`` collects.
    """

    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(Operator, null=True, blank=True, on_delete=models.PROTECT)
    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.DIRECT)
    partner = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="subs"
    )
    token = models.CharField(max_length=26, unique=True, default=tokens.new_token)
    """Names the account in the address WeChat Pay calls."""
    name = models.CharField(max_length=80)
    mchid = models.CharField(max_length=32)
    app_id = models.CharField(max_length=32)
    """The official account or mini program linked to the merchant number."""
    sub_mchid = models.CharField(max_length=32, blank=True)
    sub_app_id = models.CharField(max_length=32, blank=True)
    serial = models.CharField(max_length=64, blank=True)
    """Of the merchant's own certificate; hexadecimal."""
    private_key_sealed = models.BinaryField(null=True)
    api_v3_key_sealed = models.BinaryField(null=True)
    public_key_id = models.CharField(max_length=64, blank=True)
    """``PUB_KEY_ID_...``; empty where platform certificates are used."""
    public_key = models.TextField(blank=True)
    ways = models.JSONField(default=list)
    """What is offered, by names of ``Way``."""
    is_connected = models.BooleanField(default=True)
    """Cleared instead of deleted: payments keep pointing here, late notifications still count."""
    certificates_at = models.DateTimeField(null=True)
    """When platform certificates were asked for last."""
    last_ok_at = models.DateTimeField(null=True)
    last_notified_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_code = models.CharField(max_length=40, blank=True)
    last_error_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tier", "operator", "merchant"],
                condition=models.Q(is_connected=True),
                nulls_distinct=False,
                name="one_pay_account_per_tier",
            ),
            models.UniqueConstraint(
                fields=["mchid", "sub_mchid"],
                condition=models.Q(is_connected=True),
                name="one_place_per_merchant_number",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(tier="platform", operator__isnull=True, merchant__isnull=True)
                    | models.Q(tier="operator", operator__isnull=False, merchant__isnull=True)
                    | models.Q(tier="merchant", operator__isnull=True, merchant__isnull=False)
                ),
                name="pay_account_names_its_tier",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(mode="sub", partner__isnull=False) & ~models.Q(sub_mchid="")
                    | models.Q(partner__isnull=True, sub_mchid="") & ~models.Q(mode="sub")
                ),
                name="pay_account_signs_or_has_a_partner",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def signer(self) -> PayAccount:
        """The account whose keys are used: the partner's, or its own."""
        return self.partner or self

    def seal(self, column: str, text: str) -> None:
        """Put a secret on the row, sealed for its column and token; does not save."""
        sealed = sealing.seal(text, column=self._box(column), merchant_id=None)
        setattr(self, f"{column}_sealed", sealed)

    def unseal(self, column: str) -> str:
        """Read a secret by its column's name without ``_sealed``, such as ``api_v3_key``."""
        sealed = getattr(self, f"{column}_sealed")
        return sealing.unseal(bytes(sealed), column=self._box(column), merchant_id=None)

    def _box(self, column: str) -> str:
        return f"pay_payaccount.{column}.{self.token}"


class PlatformCertificate(models.Model):
    """A certificate of WeChat Pay by which its signatures are checked."""

    account = models.ForeignKey(PayAccount, on_delete=models.CASCADE, related_name="certificates")
    serial = models.CharField(max_length=64)
    pem = models.TextField()
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "serial"], name="certificate_once")
        ]

    def __str__(self) -> str:
        return self.serial


class TradeKind(models.TextChoices):
    """What a number stands for."""

    PAYMENT = "payment", _("Payment")
    REFUND = "refund", pgettext_lazy("of a payment", "Refund")


class TradeNumber(models.Model):
    """The account's book: each number we gave WeChat Pay, whose row it is, and when it was done.

    Notifications and bills name numbers only. Written together with the payment or refund.
    """

    account = models.ForeignKey(PayAccount, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=10, choices=TradeKind)
    merchant_id = models.BigIntegerField()
    row_id = models.BigIntegerField()
    amount_fen = models.PositiveIntegerField()
    done_at = models.DateTimeField(null=True)
    """When the money moved, by WeChat Pay's time."""

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["account", "done_at"],
                condition=models.Q(done_at__isnull=False),
                name="trades_of_a_day",
            )
        ]

    def __str__(self) -> str:
        return self.number


BODY_OF_NOTIFICATION = "pay_paynotification.body"


class NotificationState(models.TextChoices):
    """What became of a notification."""

    RECEIVED = "received", pgettext_lazy("state of a notification", "Received")
    DONE = "done", pgettext_lazy("state of a notification", "Booked")
    KNOWN = "known", pgettext_lazy("state of a notification", "Known already")
    FLAGGED = "flagged", pgettext_lazy("state of a notification", "Not booked")
    FAILED = "failed", pgettext_lazy("state of a notification", "Failed")


class PayNotification(models.Model):
    """A notification as it came, stored once under WeChat's own id; can be replayed."""

    account = models.ForeignKey(PayAccount, on_delete=models.CASCADE)
    platform_id = models.CharField(max_length=64)
    event_type = models.CharField(max_length=40)
    """``TRANSACTION.SUCCESS``, ``REFUND.SUCCESS``, ..."""
    body_sealed = models.BinaryField()
    number = models.CharField(max_length=32, blank=True)
    """The payment's number, once it was opened."""
    state = models.CharField(
        max_length=10, choices=NotificationState, default=NotificationState.RECEIVED
    )
    error = models.CharField(max_length=200, blank=True)
    times = models.PositiveSmallIntegerField(default=1)
    """How often it came."""
    received_at = models.DateTimeField(default=clock.now, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "platform_id"], name="one_pay_notification_per_id"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["number"],
                condition=~models.Q(number=""),
                name="notifications_of_a_payment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_type}:{self.pk}"
