"""The ways a customer is known: identities of channels."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models.customers import Customer
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class LinkState(models.TextChoices):
    """Whether an identity still leads to its customer."""

    ACTIVE = "active", _("In use")
    DORMANT = "dormant", _("Not in use any more")
    REPLACED = "replaced", _("Replaced")
    DISPUTED = "disputed", _("Disputed")


class IdentityLink(TenantModel):
    """One way a customer is known: an openid of one official account. Never overwritten."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="links")
    account_id = models.BigIntegerField()
    """The channel account (a global row, so no constraint)."""
    openid = models.CharField(max_length=64)
    unionid = models.CharField(max_length=64, blank=True)
    nickname = models.CharField(max_length=80, blank=True)
    avatar_url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=LinkState, default=LinkState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "account_id", "openid"], name="one_link_per_openid"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "unionid"],
                condition=~models.Q(unionid=""),
                name="links_by_unionid",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"
