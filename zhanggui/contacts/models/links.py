"""The ways a customer is known: identities of channels and cards."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts.models.customers import Customer
from zhanggui.core import clock
from zhanggui.core.models import TenantForeignKey, TenantModel


class LinkKind(models.TextChoices):
    """What kind of identity a link holds."""

    OFFICIAL = "official", pgettext_lazy("identity", "Official account")
    MINI_PROGRAM = "mini", pgettext_lazy("identity", "Mini program")
    WECOM = "wecom", pgettext_lazy("identity", "WeCom")
    CARD = "card", pgettext_lazy("identity", "Physical card")
    PHONE = "phone", pgettext_lazy("identity", "Sign-in by phone number")


class LinkState(models.TextChoices):
    """Whether an identity still leads to its customer."""

    ACTIVE = "active", _("In use")
    DORMANT = "dormant", pgettext_lazy("state of an identity", "Dormant")
    """Of an account that the merchant left; kept as proof."""
    REPLACED = "replaced", _("Replaced")
    DISPUTED = "disputed", pgettext_lazy("state of an identity", "Disputed")


class IdentityLink(TenantModel):
    """One way a customer is known: an openid of one official account. Never overwritten."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=10, choices=LinkKind, default=LinkKind.OFFICIAL)
    account_id = models.BigIntegerField()
    """The channel account (a global row, so no constraint); 0 for cards and phone numbers."""
    openid = models.CharField(max_length=64)
    """The identity itself: an openid, an external_userid, the number of a card."""
    unionid = models.CharField(max_length=64, blank=True)
    nickname = models.CharField(max_length=80, blank=True)
    avatar_url = models.CharField(max_length=500, blank=True)
    proof = models.CharField(max_length=20, blank=True, default="")
    """How it was proved that the identity belongs to the customer: oauth, phone, staff, ..."""
    follows = models.BooleanField(default=False)
    """Whether the identity follows its official account now."""
    state = models.CharField(max_length=10, choices=LinkState, default=LinkState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "account_id", "openid"], name="one_link_per_openid"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "customer"], name="links_of_a_customer"),
            models.Index(
                fields=["merchant", "unionid"],
                condition=~models.Q(unionid=""),
                name="links_by_unionid",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.pk}"
