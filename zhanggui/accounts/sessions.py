"""Sign-in sessions in the database, with their person in a column of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware

from zhanggui.accounts import devices
from zhanggui.core import clock

DEVICE_KEY = "_device"
IP_KEY = "_ip"
WAY_KEY = "_way"
SINCE_KEY = "_since"
NOTED_EVERY = timedelta(minutes=5)
"""How exactly the list of sessions says when each was last used."""


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
        row.way = str(data.get(WAY_KEY, ""))[:20]
        row.ip = data.get(IP_KEY) or None
        row.last_used_at = clock.now()
        if SINCE_KEY in data:  # a later save must not make the sign-in look younger
            row.created_at = datetime.fromisoformat(data[SINCE_KEY])
        return row

    def _get_session_from_db(self) -> Any:
        row: Any = super()._get_session_from_db()  # type: ignore[misc]
        self.noted_at: datetime | None = row.last_used_at if row is not None else None
        return row


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's own, which also notes now and then that a session is still in use, and where."""

    def process_response(self, request: Any, response: Any) -> Any:
        """Write the note when the last one is five minutes old."""
        answer = super().process_response(request, response)
        session: Any = getattr(request, "session", None)
        noted_at = getattr(session, "noted_at", None)
        moment = clock.now()
        if noted_at is not None and noted_at <= moment - NOTED_EVERY and session.session_key:
            session.get_model_class().objects.filter(
                session_key=session.session_key, person_id__isnull=False
            ).update(last_used_at=moment, ip=devices.ip_of(request))
        return answer
