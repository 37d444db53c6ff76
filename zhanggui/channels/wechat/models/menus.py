"""The menu of an account: what is being drawn up, and everything that was published."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class MenuDraft(models.Model):
    """The menu as it is being drawn up; nothing of it reaches WeChat before publishing."""

    account = models.OneToOneField(ChannelAccount, on_delete=models.CASCADE, related_name="draft")
    content = models.JSONField(default=list)
    """Buttons as ``menus.rules`` reads them."""
    saved_at = models.DateTimeField(default=clock.now)
    saved_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)
    revision = models.PositiveIntegerField(default=1)
    """Goes up with each change, so that two people do not overwrite each other unseen."""

    def __str__(self) -> str:
        return f"menu of {self.account_id}"


class MenuVersion(models.Model):
    """A menu as it was published; an empty one when the menu was deleted at WeChat."""

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="menu_versions"
    )
    number = models.PositiveIntegerField()
    content = models.JSONField(default=list)
    sent = models.JSONField(default=list)
    """The buttons WeChat took, to compare with what stands there now."""
    published_at = models.DateTimeField(default=clock.now)
    published_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "number"], name="menu_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.number}"
