"""What a merchant wants: hours, caps, and which message goes by what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.core.models import TenantModel


class MessagingSettings(TenantModel):
    """A merchant's rules for all messages; without a row the defaults hold."""

    quiet_from = models.PositiveSmallIntegerField(default=21)
    """Hour from which marketing waits. Source: dining specification 9 (8 to 21)."""
    quiet_until = models.PositiveSmallIntegerField(default=8)
    marketing_a_day = models.PositiveSmallIntegerField(default=1)
    """For each customer."""
    service_a_day = models.PositiveSmallIntegerField(default=20)
    needs_consent = models.BooleanField(default=True)
    """Marketing goes only to those who agreed; otherwise to all who have not said no."""
    sms_after_wechat = models.BooleanField(default=True)
    """What WeChat refuses goes by SMS, where the message's own rule allows SMS."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant"], name="one_set_of_message_rules")
        ]

    def __str__(self) -> str:
        return f"{self.quiet_from}-{self.quiet_until}"


class Rule(TenantModel):
    """How a merchant sends one message of the product; without a row its defaults hold."""

    template = models.CharField(max_length=60)
    is_on = models.BooleanField(default=True)
    by_wechat = models.BooleanField(default=True)
    by_notice = models.BooleanField(default=True)
    """By what the customer allowed in WeChat: subscription notifications, mini program."""
    by_sms = models.BooleanField(default=False)
    words = models.CharField(max_length=300, blank=True)
    """The shop's own words for the SMS, with places such as ``{programme}``."""

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "template"], name="one_rule_a_message")
        ]

    def __str__(self) -> str:
        return self.template
