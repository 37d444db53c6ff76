"""What sign-in keeps: codes sent by SMS, pictures tried, second factors of people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Person
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel

TOTP_COLUMN = "signin_totpdevice.secret"


class Purpose(models.TextChoices):
    """What a code may be used for; one for signing in changes no password."""

    REGISTER = "register", pgettext_lazy("purpose of a code", "Sign up")
    LOGIN = "login", pgettext_lazy("purpose of a code", "Sign in")
    RESET = "reset", pgettext_lazy("purpose of a code", "New password")
    CHANGE_PHONE = "change_phone", pgettext_lazy("purpose of a code", "Change of phone")
    CUSTOMER = "customer", pgettext_lazy("purpose of a code", "Sign in as a customer")


class SmsCode(models.Model):
    """The newest code of a phone for one purpose; the next one takes its place."""

    phone_hash = models.BinaryField(max_length=32)
    purpose = models.CharField(max_length=20, choices=Purpose)
    digits_hash = models.BinaryField(max_length=32)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["phone_hash", "purpose"], name="one_code_per_phone_and_purpose"
            )
        ]

    def __str__(self) -> str:
        return self.purpose


class SpentPicture(models.Model):
    """A picture code that was tried, rightly or wrongly; it works for nobody any more."""

    digest = models.BinaryField(max_length=32, unique=True)
    spent_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return bytes(self.digest).hex()[:8]


class TotpDevice(models.Model):
    """An app that shows six digits every half minute (RFC 6238)."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="totp")
    secret_sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=0)
    """The newest half minute whose digits were used; older ones do not work again."""
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"totp of {self.person_id}"


class RecoveryCode(models.Model):
    """A code on paper for the day the phone is lost; each works once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.BinaryField(max_length=32)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "code_hash"], name="recovery_code_once")
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.person_id}"


class Passkey(models.Model):
    """A passkey (WebAuthn): the public half; the private one never leaves the device."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential_id = models.BinaryField(max_length=1023, unique=True)
    credential = models.BinaryField()
    """Attested credential data: AAGUID, id and COSE public key."""
    sign_count = models.BigIntegerField(default=0)
    host = models.CharField(max_length=200)
    """The host it was made for; it works nowhere else."""
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class QrPurpose(models.TextChoices):
    """What scanning a code in WeChat leads to."""

    ENTER = "enter", pgettext_lazy("purpose of a code", "Sign in")
    LINK = "link", pgettext_lazy("purpose of a code", "Link WeChat")


class QrState(models.TextChoices):
    """How far a code to scan has come."""

    OPEN = "open", pgettext_lazy("code to scan", "Waits to be scanned")
    SCANNED = "scanned", pgettext_lazy("code to scan", "Waits for the confirmation")
    CONFIRMED = "confirmed", pgettext_lazy("code to scan", "Confirmed on the phone")
    DONE = "done", pgettext_lazy("code to scan", "Used")
    REFUSED = "refused", pgettext_lazy("code to scan", "Refused on the phone")
    UNKNOWN = "unknown", pgettext_lazy("code to scan", "Scanned by a WeChat nobody has linked")


class QrVisit(models.Model):
    """A code of the platform's official account on one browser's screen.

    Scanning alone lets nobody in: the phone shows which browser waits where, and asks for the two
    digits that stand on its screen.
    """

    purpose = models.CharField(max_length=10, choices=QrPurpose)
    state = models.CharField(max_length=10, choices=QrState, default=QrState.OPEN)
    account_id = models.BigIntegerField()
    """The platform's official account."""
    url = models.CharField(max_length=300, blank=True)
    """What the picture says."""
    digits = models.CharField(max_length=2)
    """Stand on the screen once the code was scanned; typed on the phone."""
    tries = models.PositiveSmallIntegerField(default=0)
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="+")
    """Who links, or whom the scan showed."""
    openid = models.CharField(max_length=64, blank=True)
    """Who scanned."""
    token_digest = models.BinaryField(max_length=32, null=True, unique=True)
    """Of the page on the phone; its address goes only into the chat of who scanned."""
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.purpose}:{self.pk}"


class EmbedOrigin(TenantModel):
    """A site of the merchant's that may show the customers' sign-in in a frame (U-46)."""

    origin = models.CharField(max_length=260)
    """As browsers say it: ``https://www.shop.example``, with the port if it is not the usual."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "origin"], name="embed_origin_once")
        ]

    def __str__(self) -> str:
        return self.origin


class EntryCode(TenantModel):
    """Lets a customer who signed in inside a frame go on in the window itself; once, for 60 s."""

    code_digest = models.BinaryField(max_length=32)
    link = TenantForeignKey(IdentityLink, on_delete=models.CASCADE, related_name="entry_codes")
    origin = models.CharField(max_length=260)
    """The site whose frame it was; the window must come from there."""
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "code_digest"], name="entry_code_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "expires_at"], name="entry_codes_by_end")
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"
