"""Reads for the office: tokens, what each did, how often it was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet

from zhanggui.accounts.models import ActorKind, AuditEntry
from zhanggui.api.models import ApiToken, TokenState
from zhanggui.codes.models import CodeTry, TryKind
from zhanggui.core import clock, tenancy

WRONG_SINCE = timedelta(hours=24)


def tokens(*, search: str = "", values: Mapping[str, Any]) -> QuerySet[ApiToken]:
    """Tokens of the merchant in scope, unordered.

    Args:
        search: part of the name, or the last four signs.
        values: ``state``, a value of ``TokenState``.
    """
    rows = ApiToken.objects.filter(merchant_id=tenancy.current_merchant_id())
    if search.strip():
        typed = search.strip()
        rows = rows.filter(Q(name__icontains=typed) | Q(tail=typed.removeprefix("…")))
    is_over = Q(expires_at__lte=clock.now())
    states = {
        TokenState.ACTIVE: Q(revoked_at=None) & (Q(expires_at=None) | ~is_over),
        TokenState.EXPIRED: Q(revoked_at=None) & is_over,
        TokenState.REVOKED: Q(revoked_at__isnull=False),
    }
    wanted = values.get("state")
    return rows.filter(states[TokenState(wanted)]) if wanted in set(TokenState) else rows


def of_number(token_id: int) -> QuerySet[ApiToken]:
    """One token of the merchant in scope."""
    return ApiToken.objects.filter(merchant_id=tenancy.current_merchant_id(), pk=token_id)


def deeds(token: ApiToken) -> QuerySet[AuditEntry]:
    """What a token did and was refused, unordered."""
    return AuditEntry.objects.filter(actor_kind=ActorKind.TOKEN, actor_id=token.pk)


def wrong_codes(token: ApiToken) -> int:
    """How many wrong codes it typed within the last 24 hours."""
    since = clock.now() - WRONG_SINCE
    return CodeTry.objects.filter(person_id=-token.pk, at__gt=since, kind=TryKind.WRONG).count()
