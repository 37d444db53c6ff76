"""Messages to phones: what was sent, what it cost of the day, whether anything may be sent."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from zhanggui.channels.sms.errors import advice_of
from zhanggui.core import clock

PHONE_COLUMN = "sms_outgoingsms.phone"
BODY_COLUMN = "sms_outgoingsms.body"


class SmsState(models.TextChoices):
    """How far a message is."""

    WAITING = "waiting", pgettext_lazy("state of an SMS", "Waiting")
    HANDING = "handing", pgettext_lazy("state of an SMS", "Being handed over")
    """Noted before the call: found so later, nobody knows whether the provider took it."""
    SENT = "sent", pgettext_lazy("state of an SMS", "Handed over")
    DELIVERED = "delivered", pgettext_lazy("state of an SMS", "Arrived")
    LOST = "lost", pgettext_lazy("state of an SMS", "Did not arrive")
    REFUSED = "refused", pgettext_lazy("state of an SMS", "Refused")
    FAILED = "failed", pgettext_lazy("state of an SMS", "Failed")


class SmsPurpose(models.TextChoices):
    """What a message is for; a provider's templates are chosen by it."""

    CODE = "code", pgettext_lazy("purpose of an SMS", "Verification code")
    NOTICE = "notice", pgettext_lazy("purpose of an SMS", "Notice")
    MARKETING = "marketing", pgettext_lazy("purpose of an SMS", "Marketing")


class OutgoingSms(models.Model):
    """One message and its fate; the words are wiped once nobody needs them any more."""

    merchant_id = models.BigIntegerField(null=True)
    """On whose account; empty for the platform's own."""
    purpose = models.CharField(max_length=10, choices=SmsPurpose)
    phone_sealed = models.BinaryField()
    phone_masked = models.CharField(max_length=24)
    phone_hash = models.BinaryField(max_length=32, null=True)
    """To find who answered to a message."""
    out_id = models.CharField(max_length=40, blank=True)
    """What the provider gives back with its receipt; the same message is handed over once."""
    template = models.CharField(max_length=60, blank=True)
    segments = models.PositiveSmallIntegerField(default=0)
    """What the provider charges, as far as it says so."""
    body_sealed = models.BinaryField(null=True)
    state = models.CharField(max_length=10, choices=SmsState, default=SmsState.WAITING)
    provider = models.CharField(max_length=20, blank=True)
    provider_id = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=80, blank=True)
    error_kind = models.CharField(max_length=20, blank=True)
    """Class of the error, for its advice."""
    created_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)
    receipt_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["out_id"], condition=~models.Q(out_id=""), name="one_sms_an_out_id"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="sms_newest_first"),
            models.Index(
                fields=["provider_id"], condition=~models.Q(provider_id=""), name="sms_by_number"
            ),
            models.Index(fields=["phone_hash", "-created_at"], name="sms_of_a_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.state}"

    @property
    def advice(self) -> str | Promise:
        """What to do about the error; empty without one."""
        return advice_of(self.error_kind)


class SmsDay(models.Model):
    """How many messages went out on somebody's account on one day; the budget's counter."""

    owner = models.CharField(max_length=40)
    """``platform`` or ``merchant:<id>``."""
    day = models.DateField()
    sent = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "day"], name="one_sms_counter_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.day}: {self.sent}"


class SmsStop(models.Model):
    """The platform's emergency switch: while this row is there, no message goes out."""

    reason = models.CharField(max_length=200)
    stopped_at = models.DateTimeField(default=clock.now)
    is_on = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_on"], condition=models.Q(is_on=True), name="one_sms_stop"
            )
        ]

    def __str__(self) -> str:
        return self.reason


class ProviderHealth(models.Model):
    """How one provider is doing, for the platform's page."""

    provider = models.CharField(max_length=20, unique=True)
    ok_at = models.DateTimeField(null=True)
    """When it last took a message, to half a minute."""
    error = models.CharField(max_length=80, blank=True)
    error_kind = models.CharField(max_length=20, blank=True)
    """Class of the error, for its advice."""
    error_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    """In a row since it last took one."""
    receipts_at = models.DateTimeField(null=True)
    """When it last reported what became of messages."""

    def __str__(self) -> str:
        return self.provider

    @property
    def is_down(self) -> bool:
        """Whether it takes nothing now."""
        return self.failures > 0

    @property
    def advice(self) -> str | Promise:
        """What to do about its last error; empty without one."""
        return advice_of(self.error_kind)


class SmsReceipt(models.Model):
    """A provider's report that came before we had noted the number it speaks of."""

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=80)
    is_delivered = models.BooleanField()
    code = models.CharField(max_length=80, blank=True)
    segments = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "provider_id"], name="one_early_receipt_a_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.provider_id}"
