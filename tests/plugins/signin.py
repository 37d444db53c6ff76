"""Signing a test's browser in, as most tests with pages begin.

Django's ``force_login`` asks and writes the database seven times: it makes an empty session, a new
key, writes the person, and the session once more. Here the session is written as it ends up,
and when the person came.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def signing_in_is_one_row() -> Iterator[None]:
    """Give ``Client.force_login`` the short way for a browser that has no session yet."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import update_last_login
    from django.test import Client

    from zhanggui.accounts.models import Person
    from zhanggui.accounts.sessions import SessionStore

    long_way = Client.force_login

    def force_login(client: Client, user: Person, backend: str | None = None) -> None:
        if settings.SESSION_COOKIE_NAME in client.cookies:
            long_way(client, user, backend)
            return
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = backend or settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        update_last_login(Person, user)
        client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "force_login", force_login)
        yield
