"""Who works where, in which role."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models.people import Person
from zhanggui.accounts.models.tiers import Merchant, Operator
from zhanggui.core import clock


class Tier(models.TextChoices):
    """Where a membership holds."""

    PLATFORM = "platform", _("Platform")
    OPERATOR = "operator", _("Operator")
    MERCHANT = "merchant", _("Merchant")


class Role(models.TextChoices):
    """Preset sets of rights; the sets themselves stand in ``permissions.py``."""

    OWNER = "owner", pgettext_lazy("role", "Owner")
    MANAGER = "manager", pgettext_lazy("role", "Manager")
    CLERK = "clerk", pgettext_lazy("role", "Clerk")
    FINANCE = "finance", pgettext_lazy("role", "Finance")
    CUSTOM = "custom", _("Own set of rights")


class Membership(models.Model):
    """A person's role at one platform, operator or merchant; one person may hold several."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    tier = models.CharField(max_length=10, choices=Tier)
    operator = models.ForeignKey(
        Operator, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    merchant = models.ForeignKey(
        Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role)
    rights = models.JSONField(default=list, blank=True)
    """Names of the rights, only for the role ``custom``."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "tier", "operator", "merchant"],
                nulls_distinct=False,
                name="one_membership_per_place",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(tier="platform", operator__isnull=True, merchant__isnull=True)
                    | models.Q(tier="operator", operator__isnull=False, merchant__isnull=True)
                    | models.Q(tier="merchant", operator__isnull=True, merchant__isnull=False)
                ),
                name="membership_names_its_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier}:{self.role}"

    @property
    def role_label(self) -> str:
        """The role in words; who owns an operator or the platform is no shopkeeper."""
        if self.role == Role.OWNER and self.tier != Tier.MERCHANT:
            return gettext("Head")
        return str(self.get_role_display())
