"""Which template of an account stands for which of our messages, and who allowed which of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


class BindingState(models.TextChoices):
    """Whether WeChat still knows the template."""

    GOOD = "good", "good"
    GONE = "gone", "gone"


class Form(models.TextChoices):
    """WeChat's two lists of templates: each has calls, limits and rules of its own."""

    TEMPLATE = "template", _("Template message")
    """To followers, as often as there is something to tell (digest 4.9)."""
    NOTICE = "notice", _("Subscription notification")
    """To whoever allowed it before, followers or not (digest 4.10, 7.6)."""


class TemplateBinding(models.Model):
    """A template of an account that carries one of our messages."""

    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="template_bindings"
    )
    form = models.CharField(max_length=10, choices=Form, default=Form.TEMPLATE)
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
    is_lasting = models.BooleanField(default=False)
    """A notification that one permission allows for good; others use it up."""
    state = models.CharField(max_length=10, choices=BindingState, default=BindingState.GOOD)
    checked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "form", "template_key"], name="one_template_per_message"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.template_key}"


class Permit(models.Model):
    """One time somebody allowed a subscription notification: good for one message, or for good.

    Rows and not a number: WeChat tells each acceptance as an event that may come twice, and a
    message that uses one up names it, so that what was not sent gives it back.
    """

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE, related_name="permits")
    openid = models.CharField(max_length=64)
    template_id = models.CharField(max_length=64)
    given_at = models.DateTimeField()
    """The platform's own time of the event."""
    used_by = models.CharField(max_length=40, blank=True)
    """The number of the message that took it; empty while it is free."""
    ended_at = models.DateTimeField(null=True)
    """Taken back by the person, or WeChat no longer knew of it."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "openid", "template_id", "given_at"], name="one_permit_an_event"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account", "openid", "template_id"],
                condition=models.Q(used_by="", ended_at__isnull=True),
                name="permits_left",
            ),
            models.Index(
                fields=["used_by"], condition=~models.Q(used_by=""), name="permits_by_message"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.template_id}"
