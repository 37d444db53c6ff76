"""Who did what to what, when and from where; append-only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models.tiers import Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class ActorKind(models.TextChoices):
    """Who acts."""

    PERSON = "person", _("Person")
    CUSTOMER = "customer", _("Customer")
    SYSTEM = "system", _("System")
    TOKEN = "token", _("Till or other program")


class AuditEntry(TenantModel):
    """Who did what to what, when and from where, inside one merchant; append-only (a trigger)."""

    is_merchant_checked = False

    at = models.DateTimeField(default=clock.now)
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    actor_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60)
    store = TenantForeignKey(Store, null=True, on_delete=models.PROTECT)
    details = models.JSONField(default=dict)
    before = models.JSONField(null=True)
    """What was changed, by field, as it was."""
    after = models.JSONField(null=True)
    """The same fields as they are since."""
    support_id = models.BigIntegerField(null=True)
    """The support session in which somebody of a tier above acted."""
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-at", "-id"], name="audit_newest_first")
        ]

    def __str__(self) -> str:
        return self.action


class PlatformAuditEntry(models.Model):
    """The same for what belongs to no single merchant: sign-ins, tiers; append-only (a trigger)."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    person_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60, blank=True)
    details = models.JSONField(default=dict)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return self.action
