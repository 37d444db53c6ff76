"""Messages on their way to people, with their fate; what people want; how many a day.

The table is the outbox and the log at once: a row is written in the business transaction, claimed
by a worker, and kept with what became of it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts.models import Customer
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.messaging.models.campaigns import Campaign
from zhanggui.messaging.models.wallet import Purse

Text = str | Promise
TO_COLUMN = "messaging_message.to"
BODY_COLUMN = "messaging_message.body"


def in_fen(milli_fen: int) -> int:
    """Thousandths of a fen as whole fen, half up."""
    return (milli_fen + 500) // 1000


class Kind(models.TextChoices):
    """What a message is about, which decides when and to whom it may go."""

    SERVICE = "service", pgettext_lazy("kind of message", "Service")
    MARKETING = "marketing", pgettext_lazy("kind of message", "Marketing")


class Route(models.TextChoices):
    """By what a message goes."""

    NONE = "", pgettext_lazy("way of a message", "Not decided")
    WECHAT = "wechat", pgettext_lazy("way of a message", "WeChat")
    """A template message to a follower."""
    NOTICE = "notice", pgettext_lazy("way of a message", "WeChat subscription")
    """A subscription notification of the official account, to whoever allowed it."""
    MINI = "mini", pgettext_lazy("way of a message", "Mini program")
    """A subscription message of the mini program."""
    SMS = "sms", pgettext_lazy("way of a message", "SMS")


class State(models.TextChoices):
    """What became of a message."""

    QUEUED = "queued", pgettext_lazy("state of a message", "Waiting")
    SENDING = "sending", pgettext_lazy("state of a message", "Being sent")
    SENT = "sent", pgettext_lazy("state of a message", "Handed over")
    DELIVERED = "delivered", pgettext_lazy("state of a message", "Arrived")
    LOST = "lost", pgettext_lazy("state of a message", "Did not arrive")
    REFUSED = "refused", pgettext_lazy("state of a message", "Refused")
    FAILED = "failed", pgettext_lazy("state of a message", "Failed")
    UNSURE = "unsure", pgettext_lazy("state of a message", "Perhaps sent")
    SKIPPED = "skipped", pgettext_lazy("state of a message", "Not sent")
    CANCELLED = "cancelled", pgettext_lazy("state of a message", "Cancelled")


BY_PERMIT = (Route.NOTICE, Route.MINI)
"""Ways that use up what the receiver allowed."""
IN_WECHAT = (Route.WECHAT, *BY_PERMIT)
WAITING = (State.QUEUED, State.SENDING)
ON_THEIR_WAY = (State.QUEUED, State.SENDING, State.SENT)
GONE_OUT = (State.SENT, State.DELIVERED)
TROUBLE = (State.LOST, State.REFUSED, State.FAILED, State.UNSURE)


class Why(models.TextChoices):
    """Why a message was not sent."""

    OFF = "off", _("The shop has switched this message off.")
    NO_WAY = "no_way", _("No WeChat and no mobile number, or the shop sends it neither way.")
    REFUSES = "refuses", _("The customer does not want such messages.")
    NO_CONSENT = "no_consent", _("The customer has not agreed to marketing.")
    CAPPED = "capped", _("The customer had enough messages today.")
    NO_PERMIT = "no_permit", _("The customer has not allowed it in WeChat, or used it up.")
    NO_CREDIT = "no_credit", _("The SMS credit is used up. Buy more, then send it again.")
    GONE = "gone", _("The customer is blocked, erased or merged.")
    TOO_LATE = "too_late", _("It waited so long that it would only confuse.")


class Message(TenantModel):
    """One message to one person."""

    template = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SERVICE)
    once = models.CharField(max_length=160)
    """``purpose|subject|state``: the same business is told once."""
    customer = TenantForeignKey(Customer, null=True, on_delete=models.CASCADE)
    to_sealed = models.BinaryField(null=True)
    """A phone or an openid, for somebody who is no customer."""
    to_masked = models.CharField(max_length=80, blank=True)
    body_sealed = models.BinaryField(null=True)
    """The values of the template's fields; a campaign keeps them once for all its messages."""
    campaign = TenantForeignKey(Campaign, null=True, on_delete=models.CASCADE)
    route = models.CharField(max_length=10, choices=Route, blank=True, default=Route.NONE)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    error = models.CharField(max_length=80, blank=True)
    """A member of ``Why``, WeChat's number, or the code of an SMS provider."""
    error_kind = models.CharField(max_length=20, blank=True)
    wechat_error = models.CharField(max_length=20, blank=True)
    """What WeChat said before it went by SMS instead."""
    segments = models.PositiveSmallIntegerField(default=0)
    """What it cost, or what is set aside for it while it waits."""
    milli_fen = models.PositiveIntegerField(default=0)
    """What a segment cost when it was set aside, in thousandths of a fen."""
    attempt = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    first_try_at = models.DateTimeField(null=True)
    """WeChat knows a repeat for ten minutes only; later nobody can tell."""
    claim = models.CharField(max_length=26, blank=True)
    claimed_until = models.DateTimeField(null=True)
    platform_id = models.CharField(max_length=80, blank=True)
    """WeChat's number of it; for SMS our own that comes back with receipts."""
    link_token = models.UUIDField(null=True)
    """Of a page that is opened without signing in: to say stop, or what the template names."""
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    resent_from = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "once"], name="one_message_per_business"),
            models.UniqueConstraint(
                fields=["merchant", "link_token"],
                condition=models.Q(link_token__isnull=False),
                name="one_message_per_link",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="messages_newest_first"),
            models.Index(
                fields=["merchant", "due_at", "id"],
                condition=models.Q(state__in=["queued", "sending"], campaign__isnull=True),
                name="messages_on_their_way",
            ),
            models.Index(
                fields=["merchant", "due_at", "id"],
                condition=models.Q(state__in=["queued", "sending"], campaign__isnull=False),
                name="mailings_on_their_way",
            ),
            models.Index(
                fields=["merchant", "customer", "-created_at"], name="messages_of_a_customer"
            ),
            models.Index(
                fields=["merchant", "campaign", "state"],
                condition=models.Q(campaign__isnull=False),
                name="messages_of_a_campaign",
            ),
            models.Index(
                fields=["merchant", "platform_id"],
                condition=~models.Q(platform_id=""),
                name="messages_by_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template}: {self.state}"

    @property
    def number(self) -> str:
        """Ours, the same for every try; WeChat and SMS providers give it back."""
        return f"zm{self.merchant_id}.{self.pk}"

    @property
    def cost_fen(self) -> int:
        """What it cost in money, rounded to the fen."""
        return in_fen(self.segments * self.milli_fen)

    @property
    def purse(self) -> Purse:
        """Which purse pays when it goes by SMS."""
        return Purse.MARKETING if self.kind == Kind.MARKETING else Purse.SERVICE


class MessageDay(TenantModel):
    """How many messages a customer got on one day."""

    customer_id = models.BigIntegerField()
    day = models.DateField()
    service = models.PositiveSmallIntegerField(default=0)
    marketing = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "customer_id", "day"], name="one_message_counter_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.day}"


class ConsentSource(models.TextChoices):
    """How we know what somebody wants."""

    PAGE = "page", pgettext_lazy("source of a consent", "Said so on the own page")
    LINK = "link", pgettext_lazy("source of a consent", "By the link in a message")
    REPLY = "reply", pgettext_lazy("source of a consent", "Replied to an SMS")
    STAFF = "staff", pgettext_lazy("source of a consent", "Noted by staff")


class Consent(TenantModel):
    """What a customer wants of one kind of messages by one way; no row: never said anything."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE)
    kind = models.CharField(max_length=10, choices=Kind)
    route = models.CharField(max_length=10, choices=Route)
    wants = models.BooleanField()
    source = models.CharField(max_length=10, choices=ConsentSource)
    by_name = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "customer", "kind", "route"], name="one_consent_a_way"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.route}: {self.wants}"
