"""Sign-ins of customers on phone pages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.contacts.models.links import IdentityLink
from zhanggui.core import clock, tokens
from zhanggui.core.models import TenantForeignKey, TenantModel


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
