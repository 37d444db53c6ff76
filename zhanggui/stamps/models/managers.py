"""Store managers: who works where, and how they came to it.

Source: stamps specification D01-D11, 5.2.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Person, Store
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel

BINDS_AT_ONCE_FOR = timedelta(minutes=30)


class ManagerBinding(models.Model):
    """One WeChat, one store: who may work at a store's manager page (global, see design 6)."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="manager_bindings")
    merchant_id = models.BigIntegerField()
    store_id = models.BigIntegerField()
    name = models.CharField(max_length=80)
    """The name at binding time, as the back office lists it."""
    created_at = models.DateTimeField(default=clock.now)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=20, blank=True)
    """``admin``, ``self`` or ``store_closed``."""
    operated_on = models.DateField(null=True)
    """The business day of ``operations``."""
    operations = models.PositiveIntegerField(default=0)
    """Codes confirmed on that day (D25); handed on when somebody is bound again."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(removed_at__isnull=True),
                name="one_active_binding_per_person",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant_id", "store_id"], name="managers_of_a_store")
        ]

    def __str__(self) -> str:
        return f"{self.person_id}@{self.store_id}"


class InvitationState(models.TextChoices):
    """The states of 5.2."""

    FRESH = "fresh", _("Waiting for a scan")
    USED = "used", _("Used")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")


class ManagerInvitation(TenantModel):
    """A QR code by which people become managers of a store; valid 24 h."""

    store = TenantForeignKey(Store, on_delete=models.CASCADE, related_name="manager_invitations")
    scene_code_id = models.BigIntegerField()
    """The scene code of the platform's account (a global row)."""
    max_people = models.PositiveSmallIntegerField(default=1)
    used_count = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=InvitationState, default=InvitationState.FRESH)
    created_by_id = models.BigIntegerField()
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(used_count__lte=models.F("max_people")),
                name="invitation_not_overused",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "store", "state"], name="invitations_of_a_store"),
            models.Index(fields=["merchant", "scene_code_id"], name="invitation_by_scene"),
        ]

    def __str__(self) -> str:
        return f"invitation:{self.pk}"

    @property
    def binds_at_once_until(self) -> datetime:
        """Who scans later than this waits for the office's approval (D03)."""
        return self.created_at + BINDS_AT_ONCE_FOR


class PendingState(models.TextChoices):
    """What became of a late scan (D03)."""

    WAITING = "waiting", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


class PendingManager(TenantModel):
    """Somebody scanned an invitation later than 30 minutes: an admin decides (D03)."""

    invitation = TenantForeignKey(ManagerInvitation, on_delete=models.CASCADE)
    store = TenantForeignKey(Store, on_delete=models.CASCADE)
    person_id = models.BigIntegerField()
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=PendingState, default=PendingState.WAITING)
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "invitation", "person_id"], name="one_pending_per_person"
            )
        ]

    def __str__(self) -> str:
        return self.name
