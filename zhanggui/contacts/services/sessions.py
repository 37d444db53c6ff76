"""Signing customers in and out on the phone pages."""

from __future__ import annotations

from datetime import timedelta

from zhanggui.contacts.models import CustomerSession, IdentityLink
from zhanggui.core import clock, tokens

SESSION_DAYS = 30


def open_session(*, link: IdentityLink) -> str:
    """Sign a customer in on the phone pages; answers the token for the cookie."""
    token = tokens.new_token()
    now = clock.now()
    CustomerSession(
        merchant_id=link.merchant_id,
        token_digest=tokens.digest(token),
        link=link,
        created_at=now,
        expires_at=now + timedelta(days=SESSION_DAYS),
    ).save(force_insert=True)
    return token


def close_session(*, token: str) -> None:
    """Sign a customer out."""
    CustomerSession.objects.filter(token_digest=tokens.digest(token)).delete()
