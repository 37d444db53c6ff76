"""What WeChat pushed, kept once and worked on by jobs."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.models.accounts import ChannelAccount, Component
from zhanggui.core import clock

Text = str | Promise
BODY_OF_DELIVERY = "wechat_callbackdelivery.body"
KIND_LABELS: dict[str, Text] = {
    "subscribe": _("Somebody follows"),
    "unsubscribe": _("Somebody no longer follows"),
    "scan": _("QR code scanned"),
    "text": _("Text message"),
    "image": _("Picture"),
    "voice": _("Voice message"),
    "click": _("Menu tapped"),
    "view": _("Menu link opened"),
    "templatesendjobfinish": _("Template message delivered"),
    "authorized": _("Authorised"),
    "updateauthorized": _("Authorised again"),
    "unauthorized": _("Authorisation withdrawn"),
}


class DeliveryState(models.TextChoices):
    """What became of a callback."""

    RECEIVED = "received", _("Received")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed, tried again soon")
    DEAD = "dead", _("Given up")


class CallbackDelivery(models.Model):
    """A callback as it came, stored once under the platform's own id; can be replayed.

    It belongs to an account, or to the third-party platform itself (authorisation events).
    """

    # both keys lead an index below; one more of each would cost every push
    account = models.ForeignKey(ChannelAccount, null=True, on_delete=models.CASCADE, db_index=False)
    component = models.ForeignKey(Component, null=True, on_delete=models.CASCADE, db_index=False)
    platform_key = models.CharField(max_length=200)
    """``msg:<MsgId>``, ``event:<digest>:<CreateTime>:<Event>`` or
    ``info:<digest>:<CreateTime>:<InfoType>``."""
    kind = models.CharField(max_length=40)
    """``subscribe``, ``SCAN``, ``text``, ... as the platform names it."""
    body_sealed = models.BinaryField()
    sent_at = models.DateTimeField()
    """The platform's own time of the message."""
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.RECEIVED)
    tries = models.SmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "platform_key"], name="one_delivery_per_platform_key"
            ),
            models.UniqueConstraint(
                fields=["component", "platform_key"],
                condition=models.Q(component__isnull=False),
                name="one_delivery_per_component_key",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(account__isnull=False, component__isnull=True)
                    | models.Q(account__isnull=True, component__isnull=False)
                ),
                name="delivery_of_account_or_component",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-received_at", "-id"], name="deliveries_newest_first"),
            # for forgetting them at night: rows lie in the order in which they came
            BrinIndex(fields=["received_at"], name="deliveries_by_time"),
            models.Index(
                fields=["account"],
                condition=models.Q(state__in=["failed", "dead"]),
                name="deliveries_in_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"

    @property
    def kind_label(self) -> Text:
        """What happened, in words where there are some."""
        return KIND_LABELS.get(self.kind.lower(), self.kind)
