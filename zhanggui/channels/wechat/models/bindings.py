"""Which template of an account stands for which of our messages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class BindingState(models.TextChoices):
    """Whether WeChat still knows the template."""

    GOOD = "good", "good"
    GONE = "gone", "gone"


class TemplateBinding(models.Model):
    """A template of an account that carries one of our messages."""

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="template_bindings"
    )
    template_key = models.CharField(max_length=60)
    """The name of our message, such as ``stamps.confirmed``."""
    template_id = models.CharField(max_length=64)
    number = models.CharField(max_length=20, blank=True)
    """Of the library (模板编号): templates with one number count once."""
    title = models.CharField(max_length=80, blank=True)
    content = models.TextField(blank=True)
    """As WeChat's list shows it; empty for an id that was only pasted."""
    mapping = models.JSONField(default=dict)
    """Keyword of the template (``thing1``) to our field or a fixed text (``=...``)."""
    state = models.CharField(max_length=10, choices=BindingState, default=BindingState.GOOD)
    checked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "template_key"], name="one_template_per_message"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.template_key}"
