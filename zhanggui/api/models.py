"""Tokens: what a till or another program of one merchant shows instead of a password."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from zhanggui.accounts.models import Merchant
from zhanggui.core import clock

MOST_WRITES = 100_000


class TokenState(StrEnum):
    """How a token stands by the clock."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApiToken(models.Model):
    """One till's way in; bound to one merchant, found before a scope is open (global, design 6).

    Calls and writes are counted in the row itself: finding a token and counting its call is one
    statement.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    """What the shop calls the till; stands in the ledger and in the audit log."""
    key_hash = models.BinaryField(max_length=32, unique=True)
    """HMAC of the token; the token itself is shown once and kept nowhere."""
    tail = models.CharField(max_length=4)
    """Its last four signs, by which people tell tokens apart."""
    scopes = ArrayField(models.CharField(max_length=40))
    store_ids = ArrayField(models.BigIntegerField(), default=list)
    """Where it may be used; empty means every store of the merchant."""
    writes_a_day = models.PositiveIntegerField(
        default=500, validators=[MinValueValidator(1), MaxValueValidator(MOST_WRITES)]
    )
    """So many stamps, cancels and redemptions it may do in a business day."""
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=80)
    expires_at = models.DateTimeField(null=True)
    """None: it does not end by itself."""
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=80, blank=True)
    last_used_at = models.DateTimeField(null=True)
    last_ip = models.GenericIPAddressField(null=True)
    window_starts_at = models.DateTimeField(null=True)
    """Since when ``window_calls`` are counted."""
    window_calls = models.PositiveIntegerField(default=0)
    day = models.DateField(null=True)
    """The business day of ``day_writes``."""
    day_writes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(writes_a_day__gte=1, writes_a_day__lte=MOST_WRITES),
                name="api_token_writes_within",
            ),
            models.CheckConstraint(
                condition=models.Q(scopes__len__gte=1), name="api_token_may_something"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-created_at", "-id"], name="api_tokens_newest_first")
        ]

    def __str__(self) -> str:
        return self.name

    def state_at(self, moment: datetime) -> TokenState:
        """Whether it opens anything at a moment."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at is not None and self.expires_at <= moment:
            return TokenState.EXPIRED
        return TokenState.ACTIVE
