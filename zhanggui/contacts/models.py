"""One customer of one merchant; identity links; the customer's own sessions."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zhanggui.core import clock, sealing, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel

PHONE_COLUMN = "contacts_customer.phone"
TAIL_PURPOSE = "contacts_customer.phone_tail"


class CustomerState(models.TextChoices):
    """Whether a customer takes part."""

    ACTIVE = "active", _("In good standing")
    BLOCKED = "blocked", _("Blocked by the shop")


class Customer(TenantModel):
    """One person as one merchant knows it (顾客)."""

    number = models.CharField(max_length=20)
    """The member number that people read out, unique in the merchant."""
    name = models.CharField(max_length=80)
    name_key = models.CharField(max_length=200)
    """NFKC, case-folded name and its pinyin, for search without the database's locale."""
    phone_sealed = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, max_length=32)
    phone_tail_hash = models.BinaryField(null=True, max_length=32)
    state = models.CharField(max_length=10, choices=CustomerState, default=CustomerState.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "number"], name="customer_number_once"),
            models.UniqueConstraint(fields=["merchant", "phone_hash"], name="customer_phone_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="customers_newest_first"),
            models.Index(fields=["merchant", "phone_tail_hash"], name="customers_by_phone_tail"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def phone(self) -> str:
        """The phone number in E.164, empty when not known."""
        if self.phone_sealed is None:
            return ""
        return sealing.unseal(
            bytes(self.phone_sealed), column=PHONE_COLUMN, merchant_id=self.merchant_id
        )


class LinkState(models.TextChoices):
    """Whether an identity still leads to its customer."""

    ACTIVE = "active", _("In use")
    REPLACED = "replaced", _("Replaced")


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


class CustomerSession(TenantModel):
    """A customer's sign-in on the phone pages of one merchant, bound to one identity link."""

    token_digest = models.BinaryField(max_length=32)
    link = TenantForeignKey(IdentityLink, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "token_digest"], name="customer_session_token_once"
            )
        ]

    def __str__(self) -> str:
        return tokens.digest(str(self.pk)).hex()[:8]
