"""QR codes with a purpose, and everybody who scanned them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Merchant, Person
from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class TrackedCode(models.Model):
    """A QR code of an account with a purpose of its own: a table, a poster, a fair.

    Two pictures lead to it: WeChat's own, bound to the account, which follows at once, and ours,
    whose address ``/q/<token>`` stays right when the shop changes its account.
    """

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.PROTECT, related_name="tracked_codes"
    )
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    """Whose code it is; None for the operator's or the platform's own."""
    token = models.CharField(max_length=26, unique=True)
    name = models.CharField(max_length=40)
    caption = models.CharField(max_length=40, blank=True)
    """Printed under the picture."""
    is_permanent = models.BooleanField(default=False)
    url = models.CharField(max_length=300)
    """What WeChat's picture says."""
    expires_at = models.DateTimeField(null=True)
    reply = models.TextField(blank=True)
    """Answered to whoever scans; empty for the account's usual answer."""
    page = models.CharField(max_length=80, blank=True)
    """The built-in page that is opened or offered."""
    page_url = models.CharField(max_length=1024, blank=True)
    """Any other page that is opened or offered."""
    tag_id = models.BigIntegerField(null=True)
    """A tag of the merchant that customers get who scan it."""
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="tracked_codes_of_account"),
            models.Index(fields=["merchant", "-id"], name="tracked_codes_of_merchant"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_over(self, now: datetime) -> bool:
        """Whether WeChat's picture of it leads nowhere any more."""
        return self.expires_at is not None and self.expires_at <= now


class CodeScan(models.Model):
    """One scan of a tracked code."""

    code = models.ForeignKey(TrackedCode, on_delete=models.CASCADE, related_name="scans")
    openid = models.CharField(max_length=64)
    """Empty for somebody who only opened the printed address."""
    is_new_follower = models.BooleanField(default=False)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["code", "openid", "at"],
                condition=~models.Q(openid=""),
                name="one_scan_per_event",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["code", "-at", "-id"], name="scans_of_code")]

    def __str__(self) -> str:
        return f"{self.code_id}:{self.pk}"
