"""A one-time code: operation, subject, scope of stores, holder, life.

Source: stamps specification 5.1 and section 8.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.core.models import TenantModel


class CodeState(models.TextChoices):
    """The states of 5.1; a held code whose hold has passed counts as active."""

    ACTIVE = "active", pgettext_lazy("state of a code", "Active")
    HELD = "held", _("Being handled")
    CONSUMED = "consumed", _("Used")
    REVOKED = "revoked", pgettext_lazy("state of a code", "Cancelled")
    EXPIRED = "expired", _("Expired")


LIVE = [CodeState.ACTIVE, CodeState.HELD]


class OneTimeCode(TenantModel):
    """Six digits that let one operation happen to one subject, once."""

    operation = models.CharField(max_length=40)
    """Registered by a product, for example ``stamps.accumulate``."""
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    """At most one live code per subject, whatever its operation (D14)."""
    customer_id = models.BigIntegerField()
    store_ids = ArrayField(models.BigIntegerField())
    """Where it may be typed; empty means every store of the merchant."""
    digits_hash = models.BinaryField(null=True, max_length=32)
    """HMAC of the digits; wiped 24 h after the end."""
    digits_sealed = models.BinaryField(null=True)
    """Encrypted, so that the customer's page can show the same code again; wiped at the end."""
    key_version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=CodeState, default=CodeState.ACTIVE)
    held_by_id = models.BigIntegerField(null=True)
    held_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by_id = models.BigIntegerField(null=True)
    """Who confirmed it, by ``Actor.typist``."""
    ended_store_id = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "digits_hash"],
                condition=models.Q(state__in=["active", "held"]),
                name="live_digits_once_a_merchant",
            ),
            models.UniqueConstraint(
                fields=["merchant", "subject_type", "subject_id"],
                condition=models.Q(state__in=["active", "held"]),
                name="one_live_code_per_subject",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "digits_hash"],
                condition=models.Q(digits_hash__isnull=False),
                name="codes_by_digits",
            ),
            models.Index(
                fields=["merchant", "customer_id", "created_at"], name="codes_of_a_customer"
            ),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=models.Q(digits_hash__isnull=False),
                name="codes_to_tidy",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation}:{self.pk}"


class TryKind(models.TextChoices):
    """What a try that did not lead to a live code was answered."""

    WRONG = "wrong", _("Wrong code")
    EXPIRED = "expired", _("Told that it expired")


class CodeTry(TenantModel):
    """A code typed in vain; counted by person and store, so that signing in anew changes nothing.

    Rows and not a counter, because only the moments themselves tell whether five lie within *any*
    ten minutes.
    """

    kind = models.CharField(max_length=8, choices=TryKind)
    person_id = models.BigIntegerField()
    """Who typed it, by ``Actor.typist``."""
    store_id = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "store_id", "person_id", "-at"], name="tries_of_a_person"
            ),
            models.Index(fields=["merchant", "store_id", "-at"], name="tries_at_a_store"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.person_id}@{self.store_id}"
