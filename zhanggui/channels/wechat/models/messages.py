"""Messages to followers, written in the business transaction and sent by a job."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock

BODY_OF_MESSAGE = "wechat_outgoingmessage.body"


class MessageState(models.TextChoices):
    """What became of a message to a follower."""

    WAITING = "waiting", _("Waiting to be sent")
    SENT = "sent", _("Sent")
    REFUSED = "refused", _("Refused by WeChat")
    FAILED = "failed", _("Not delivered")
    LATE = "late", _("Not sent, it was too late")


class OutgoingMessage(models.Model):
    """A message to one openid, written in the business transaction and sent by a job.

    The job carries only this row's id, so that neither the openid nor the text stands in the
    queue or in its log lines.
    """

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE)
    merchant_id = models.BigIntegerField(null=True)
    """On whose behalf: several merchants may speak through one account."""
    openid = models.CharField(max_length=64)
    kind = models.CharField(max_length=10)
    """``text`` (customer message), ``template`` or ``notice`` (subscription)."""
    body_sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.WAITING)
    error_code = models.IntegerField(null=True)
    platform_id = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    due_at = models.DateTimeField(null=True)
    """While it waits: WeChat takes no more of them before this moment."""
    expires_at = models.DateTimeField(null=True)
    """Sent later it would only confuse."""
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="messages_that_wait",
            ),
            models.Index(
                fields=["merchant_id", "account", "openid", "-created_at"],
                name="messages_of_a_follower",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.pk}"
