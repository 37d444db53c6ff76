"""Parameterised QR codes that were given out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class SceneCode(models.Model):
    """A parameterised QR code: scanning it tells the module that made it."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE)
    scene = models.CharField(max_length=64)
    purpose = models.CharField(max_length=40)
    """Names the handler in ``hooks.scan_handlers``, for example ``stamps.manager_invitation``."""
    merchant_id = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField(null=True)
    url = models.CharField(max_length=300)
    """What the picture says; drawn by ourselves."""
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "scene"], name="scene_once_per_account")
        ]

    def __str__(self) -> str:
        return self.purpose
