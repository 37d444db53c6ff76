"""Signing customers in and out on the phone pages."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from zhanggui.contacts.models import Customer, CustomerSession, IdentityLink
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
    saw_customer(customer_id=link.customer_id)
    return token


def saw_customer(*, customer_id: int) -> None:
    """Keep the day of the last visit; writes at most once a day."""
    now = clock.now()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    Customer.objects.filter(pk=customer_id, last_seen_at__lt=today).update(last_seen_at=now)


def close_session(*, token: str) -> None:
    """Sign a customer out."""
    CustomerSession.objects.filter(token_digest=tokens.digest(token)).delete()
