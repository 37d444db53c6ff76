"""Menus that only some followers see (个性化菜单), and everything that was published of them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Person
from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class Platform(models.TextChoices):
    """The kind of phone a menu is for, as WeChat numbers them. Source: ``client_platform_type``."""

    IOS = "1", _("iPhone and iPad")
    ANDROID = "2", _("Android")
    OTHER = "3", pgettext_lazy("kind of phone", "Others")


class Drawn(models.Model):
    """A menu and whom it is for; without tag and kind of phone it is for nobody yet."""

    name = models.CharField(max_length=40)
    """What the shop calls it; followers never see it."""
    tag_id = models.PositiveIntegerField(null=True)
    """WeChat's number of a label (标签) of followers."""
    tag_name = models.CharField(max_length=30, blank=True)
    platform = models.CharField(max_length=1, choices=Platform, blank=True)
    content = models.JSONField(default=list)
    """Buttons as ``menus.rules`` reads them."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def rule(self) -> dict[str, str]:
        """Whom it is for, as WeChat takes it."""
        found = {"tag_id": str(self.tag_id or ""), "client_platform_type": self.platform}
        return {name: value for name, value in found.items() if value}


class ConditionalMenu(Drawn):
    """A menu for some followers as it is being drawn up; ``menu_id`` while it stands at WeChat."""

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="conditional_menus"
    )
    menu_id = models.CharField(max_length=20, blank=True)
    live_at = models.DateTimeField(null=True)
    """When it was put there: of two that fit, WeChat shows the one that came later."""
    saved_at = models.DateTimeField(default=clock.now)
    saved_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)
    revision = models.PositiveIntegerField(default=1)
    """Goes up with each change, so that two people do not overwrite each other unseen."""
    archived_at = models.DateTimeField(null=True)

    @property
    def is_live(self) -> bool:
        """Whether it stands at WeChat."""
        return bool(self.menu_id)

    @property
    def shown_since(self) -> datetime | None:
        """Since when followers see it."""
        return self.live_at if self.menu_id else None


class ConditionalVersion(Drawn):
    """A menu for some followers as it was published."""

    menu = models.ForeignKey(ConditionalMenu, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sent = models.JSONField(default=list)
    """The buttons WeChat took, to tell which menu a follower sees."""
    published_at = models.DateTimeField(default=clock.now)
    published_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["menu", "number"], name="conditional_version_once")
        ]
