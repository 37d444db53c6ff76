"""Sign-in by phone and password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from zhanggui.accounts.models import Person


class PhoneBackend:
    """Checks a phone number (E.164) with a password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        phone: str | None = None,
        password: str | None = None,
        **_others: Any,
    ) -> Person | None:
        """The person, or None; an unknown phone costs the same time as a wrong password."""
        if phone is None or password is None:
            return None
        person = Person.objects.by_phone(phone)
        if person is None or not person.has_usable_password():
            make_password(password)
            return None
        return person if person.check_password(password) and person.is_active else None

    def get_user(self, user_id: int) -> Person | None:
        """The person of a session, unless switched off meanwhile."""
        return Person.objects.filter(pk=user_id, is_active=True).first()
