"""People in WeChat: who follows, who of the staff is whom, sign-ins under way."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant, Person
from zhanggui.channels.wechat.models.accounts import ChannelAccount
from zhanggui.core import clock


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
