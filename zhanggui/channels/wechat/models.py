"""Official accounts with their secrets, followers, sign-in states, QR scenes, callbacks received.

All of these are global tables: an account belongs to a tier, not only to merchants.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant, Operator, Person, Tier
from zhanggui.core import clock, sealing


class ChannelAccount(models.Model):
    """An official account (公众号) by app id and secret, owned by one tier."""

    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(Operator, null=True, blank=True, on_delete=models.PROTECT)
    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT)
    app_id = models.CharField(max_length=40, unique=True)
    original_id = models.CharField(max_length=40, blank=True)
    """``gh_...``; learned from the first callback when nobody wrote it down."""
    is_connected = models.BooleanField(default=True)
    """Cleared instead of deleting: followers and identity links keep pointing here."""
    name = models.CharField(max_length=80)
    secret_sealed = models.BinaryField()
    callback_token_sealed = models.BinaryField()
    aes_key_sealed = models.BinaryField()
    access_token_sealed = models.BinaryField(null=True)
    previous_aes_key_sealed = models.BinaryField(null=True)
    """Messages under the old key still come for a while after it was changed."""
    access_token_at = models.DateTimeField(null=True)
    access_token_expires_at = models.DateTimeField(null=True)
    token_lease = models.CharField(max_length=26, blank=True)
    token_lease_until = models.DateTimeField(null=True)
    """While this lies ahead, one process is fetching a token and the others wait."""
    last_callback_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_code = models.IntegerField(null=True)
    last_error_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tier", "operator", "merchant"],
                condition=models.Q(is_connected=True),
                nulls_distinct=False,
                name="one_official_account_per_tier",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(tier="platform", operator__isnull=True, merchant__isnull=True)
                    | models.Q(tier="operator", operator__isnull=False, merchant__isnull=True)
                    | models.Q(tier="merchant", operator__isnull=True, merchant__isnull=False)
                ),
                name="official_account_names_its_tier",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def seal(self, column: str, text: str) -> None:
        """Put a secret on the row, sealed for its column and app id; does not save."""
        sealed = sealing.seal(text, column=self._box(column), merchant_id=None)
        setattr(self, f"{column}_sealed", sealed)

    def unseal(self, column: str) -> str:
        """Read a secret by its column's name without ``_sealed``, such as ``aes_key``."""
        sealed = getattr(self, f"{column}_sealed")
        return sealing.unseal(bytes(sealed), column=self._box(column), merchant_id=None)

    def _box(self, column: str) -> str:
        return f"wechat_channelaccount.{column}.{self.app_id}"


class Follower(models.Model):
    """One openid following (or having followed) one official account."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE, related_name="followers")
    openid = models.CharField(max_length=64)
    is_following = models.BooleanField(default=True)
    changed_at = models.DateTimeField(default=clock.now)
    """The platform's time of the event, so that a late older one changes nothing."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "openid"], name="one_follower_per_openid")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account"],
                condition=models.Q(is_following=True),
                name="followers_now",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"


class PersonIdentity(models.Model):
    """The openid by which a person of the staff signs in (platform's account)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="wechat_identities")
    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE)
    openid = models.CharField(max_length=64)
    nickname = models.CharField(max_length=80, blank=True)
    avatar_url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "openid"], name="one_person_per_openid")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"


class Outcome(models.TextChoices):
    """How a sign-in under way ended."""

    OPEN = "", _("Under way")
    SIGNED_IN = "signed_in", _("Signed in by WeChat")
    NAMELESS = "nameless", _("The nickname must be asked for")
    REFUSED = "refused", _("Refused by the person")
    SNAPSHOT = "snapshot", _("Only a preview of the page")
    FAILED = "failed", _("Failed")


class OAuthState(models.Model):
    """A sign-in under way: what the ``state`` parameter stands for."""

    state_digest = models.BinaryField(max_length=32, unique=True)
    browser_digest = models.BinaryField(max_length=32)
    """Digest of a cookie of the browser that began, so that a foreign return is refused."""
    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE)
    audience = models.CharField(max_length=10)
    """``customer`` or ``staff``."""
    scope = models.CharField(max_length=20)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.CASCADE)
    next_path = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    code_digest = models.BinaryField(max_length=32, null=True)
    """Which code used it: browsers ask for the return address twice quite often."""
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN, blank=True)
    identity_id = models.BigIntegerField(null=True)
    """The identity link (customer) or the person identity (staff) it led to."""

    def __str__(self) -> str:
        return f"{self.audience}:{self.pk}"


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


Text = str | Promise
BODY_OF_DELIVERY = "wechat_callbackdelivery.body"
BODY_OF_MESSAGE = "wechat_outgoingmessage.body"
KIND_LABELS: dict[str, Text] = {
    "subscribe": _("Somebody follows"),
    "unsubscribe": _("Somebody no longer follows"),
    "scan": _("QR code scanned"),
    "text": _("Text message"),
    "image": _("Picture"),
    "voice": _("Voice message"),
    "click": _("Menu tapped"),
    "view": _("Menu link opened"),
    "templatesendjobfinish": _("Template message delivered"),
}


class DeliveryState(models.TextChoices):
    """What became of a callback."""

    RECEIVED = "received", _("Received")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class CallbackDelivery(models.Model):
    """A callback as it came, stored once under the platform's own id; can be replayed."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.CASCADE)
    platform_key = models.CharField(max_length=200)
    """``msg:<MsgId>`` or ``event:<openid digest>:<CreateTime>:<Event>:<EventKey>``."""
    kind = models.CharField(max_length=40)
    """``subscribe``, ``SCAN``, ``text``, ... as the platform names it."""
    body_sealed = models.BinaryField()
    sent_at = models.DateTimeField()
    """The platform's own time of the message."""
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.RECEIVED)
    error = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=clock.now, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "platform_key"], name="one_delivery_per_platform_key"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-received_at", "-id"], name="deliveries_newest_first")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"

    @property
    def kind_label(self) -> Text:
        """What happened, in words where there are some."""
        return KIND_LABELS.get(self.kind.lower(), self.kind)


class MessageState(models.TextChoices):
    """What became of a message to a follower."""

    WAITING = "waiting", _("Waiting to be sent")
    SENT = "sent", _("Sent")
    REFUSED = "refused", _("Refused by WeChat")
    FAILED = "failed", _("Not delivered")


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
    """``text`` (customer message) or ``template``."""
    body_sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.WAITING)
    error_code = models.IntegerField(null=True)
    platform_id = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["merchant_id", "account", "openid", "-created_at"],
                name="messages_of_a_follower",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.pk}"
