"""Sign-in sessions: opened, closed, ended from elsewhere."""

from __future__ import annotations

from django.contrib import auth
from django.db import transaction
from django.http import HttpRequest

from zhanggui.accounts import audit, devices, strength
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import Person, Session
from zhanggui.accounts.sessions import DEVICE_KEY, IP_KEY, SINCE_KEY, WAY_KEY
from zhanggui.core import clock, sealing
from zhanggui.core.errors import NotFound


def open_session(
    *, request: HttpRequest, person: Person, way: str = "password", has_both_factors: bool = False
) -> None:
    """Sign a person in whose identity was proved; rotates the session.

    Args:
        request: of the browser that signs in.
        person: who was proved to be there.
        way: how, for the list of sessions and the log, for example ``sms+totp``.
        has_both_factors: whether the way was two factors; some places ask for both.
    """
    auth.login(request, person, backend="zhanggui.accounts.backends.PhoneBackend")
    request.session.set_expiry(None)  # that of somebody unknown was shorter
    request.session[DEVICE_KEY] = devices.device_of(request)
    request.session[IP_KEY] = devices.ip_of(request)
    request.session[WAY_KEY] = way
    request.session[strength.FACTORS_KEY] = strength.BOTH if has_both_factors else 1
    request.session[SINCE_KEY] = clock.now().isoformat()
    audit.record_platform(
        person_actor(person, request),
        "accounts.signed_in",
        f"person:{person.pk}",
        details={"way": way},
    )


def sign_out(*, request: HttpRequest) -> None:
    """End the session of this browser."""
    person = request.user
    auth.logout(request)
    if isinstance(person, Person):
        audit.record_platform(
            person_actor(person, request), "accounts.signed_out", f"person:{person.pk}"
        )


def end_sessions(person: Person, *, except_key: str = "") -> int:
    """End every session of a person at once, but for one; answers how many."""
    rows = Session.objects.filter(person_id=person.pk).exclude(session_key=except_key)
    return rows.delete()[0]


def end_other_sessions(*, person: Person, session_key: str, actor: Actor) -> int:
    """End every session of one's own but the one with this key; answers how many."""
    with transaction.atomic():
        ended = end_sessions(person, except_key=session_key)
        if ended:
            audit.record_platform(actor, "accounts.session.ended", f"person:{person.pk}")
    return ended


def handle_of(session_key: str) -> str:
    """What stands for a session on a page; the key itself would be a way in."""
    return sealing.keyed_hash(session_key, purpose="session-handle", merchant_id=None).hex()[:32]


def end_session(*, person: Person, handle: str, actor: Actor) -> None:
    """End one session of one's own.

    Raises:
        NotFound: no session of this person has the handle (E_NOT_FOUND, 404).
    """
    keys = Session.objects.filter(person_id=person.pk).values_list("session_key", flat=True)
    key = next((key for key in keys if handle_of(key) == handle), None)
    if key is None:
        raise NotFound
    with transaction.atomic():
        Session.objects.filter(session_key=key).delete()
        audit.record_platform(actor, "accounts.session.ended", f"person:{person.pk}")
