"""Mini program codes (小程序码): what a scene of at most 32 signs stands for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class MiniCode(TenantModel):
    """A code of a shop that opens the mini program at a page, with its picture."""

    account = models.ForeignKey(
        ChannelAccount,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    scene = models.CharField(max_length=32)
    """Random; what the code says."""
    name = models.CharField(max_length=40)
    """What it is for, for the shop itself."""
    page = models.CharField(max_length=128, blank=True)
    """Of the mini program; empty is its first one."""
    target = models.CharField(max_length=80, blank=True)
    """Name of the built-in page that is shown there."""
    picture = models.BinaryField()
    picture_type = models.CharField(max_length=40)
    opened = models.PositiveIntegerField(default=0)
    """How often it was opened."""
    created_at = models.DateTimeField(default=clock.now)
    archived_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "scene"], name="mini_scene_once")
        ]
        indexes: ClassVar = [models.Index(fields=["merchant", "-id"], name="mini_codes_newest")]

    def __str__(self) -> str:
        return self.name
