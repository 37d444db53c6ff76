"""Sign-in sessions in the database, with their person in a column of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware

DEVICE_KEY = "_device"
SINCE_KEY = "_since"


class SessionStore(DatabaseStore):
    """Django's database store over ``accounts.Session``."""

    @classmethod
    def get_model_class(cls) -> Any:
        """The table."""
        from zhanggui.accounts.models import Session  # noqa: PLC0415  they need each other

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to save; the person and the device are copied into columns."""
        row: Any = super().create_model_instance(data)
        person = data.get(SESSION_KEY)
        row.person_id = int(person) if person else None
        row.device = str(data.get(DEVICE_KEY, ""))[:120]
        if SINCE_KEY in data:  # a later save must not make the sign-in look younger
            row.created_at = datetime.fromisoformat(data[SINCE_KEY])
        return row


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's own; named here so that the settings say where sessions live."""
