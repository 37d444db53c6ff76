"""What an account answers by itself."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class Occasion(models.TextChoices):
    """When an account answers."""

    FOLLOW = "follow", pgettext_lazy("automatic reply", "Somebody follows")
    KEYWORD = "keyword", pgettext_lazy("automatic reply", "A word comes up")
    DEFAULT = "default", pgettext_lazy("automatic reply", "Nothing else fits")


class ReplyKind(models.TextChoices):
    """What is answered."""

    TEXT = "text", pgettext_lazy("automatic reply", "Text")
    CARD = "card", pgettext_lazy("automatic reply", "Card with a link")
    PICTURE = "picture", pgettext_lazy("automatic reply", "Picture")


class AutoReply(models.Model):
    """One rule: when it holds and what is answered."""

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="auto_replies"
    )
    occasion = models.CharField(max_length=10, choices=Occasion)
    words = models.JSONField(default=list)
    """``{"text": folded word, "whole": whether the message must be nothing else}``."""
    priority = models.IntegerField(default=0)
    """The higher one answers when two rules fit."""
    kind = models.CharField(max_length=10, choices=ReplyKind)
    text = models.TextField(blank=True)
    """The text, what a card says under its title, or what is said while WeChat has no picture."""
    title = models.CharField(max_length=64, blank=True)
    url = models.CharField(max_length=1024, blank=True)
    """Where a card leads."""
    page = models.CharField(max_length=80, blank=True)
    """A built-in page a card leads to instead."""
    picture_url = models.CharField(max_length=500, blank=True)
    """Of a card; any size, WeChat shows the first one wide."""
    media_id = models.CharField(max_length=200, blank=True)
    """Under which WeChat keeps the picture of this rule."""
    media_until = models.DateTimeField(null=True)
    """From then on WeChat may have forgotten it; renewed a day earlier."""
    is_on = models.BooleanField(default=True)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "occasion"],
                condition=~models.Q(occasion="keyword"),
                name="one_follow_and_one_default_reply",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "occasion", "-priority", "id"], name="replies_in_turn")
        ]

    def __str__(self) -> str:
        return f"{self.occasion}:{self.pk}"


class ReplyPicture(models.Model):
    """The picture of a rule: written anew, without metadata; WeChat keeps a copy for three days."""

    reply = models.OneToOneField(AutoReply, on_delete=models.CASCADE, related_name="picture")
    content = models.BinaryField()
    """JPEG or PNG, its longest side at most 1,600 pixels."""
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"picture of {self.reply_id}"

    @property
    def is_png(self) -> bool:
        """Whether parts of it are transparent; otherwise it is a JPEG."""
        return bytes(self.content[:4]) == b"\x89PNG"

    @property
    def content_type(self) -> str:
        """As browsers and WeChat want it said."""
        return "image/png" if self.is_png else "image/jpeg"
