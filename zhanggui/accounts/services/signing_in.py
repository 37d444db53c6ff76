"""Signing in by phone and password, under limits."""

from __future__ import annotations

from math import ceil

from django.contrib import auth
from django.http import HttpRequest

from zhanggui.accounts import audit, devices, phones
from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.errors import PlaceFrozen, SignInLocked, WrongSignIn
from zhanggui.accounts.models import Person, phone_hash
from zhanggui.accounts.services.memberships import is_frozen, working_places
from zhanggui.accounts.services.sessions import open_session
from zhanggui.core import limits
from zhanggui.core.limits import Limit

PHONE_LIMIT = Limit("sign-in-phone", most=5, window_s=600, lock_s=600)
IP_LIMIT = Limit("sign-in-ip", most=30, window_s=600, lock_s=600)


def authenticate(*, phone: str, password: str, ip: str | None = None) -> Person:
    """Check phone and password under the limits; writes nothing but the counters.

    Raises:
        PhoneFormat: not a phone number; not counted as a try (E_PHONE_FORMAT, 422).
        SignInLocked: five wrong tries of this phone or thirty of this address in ten minutes
            (E_SIGN_IN_LOCKED, 429).
        WrongSignIn: unknown phone or wrong password, which is not told (E_SIGN_IN, 403).
    """
    number = phones.parse(phone)
    pairs = [(PHONE_LIMIT, _subject(number))] + ([(IP_LIMIT, ip)] if ip else [])
    _refuse_locked(pairs)
    person = auth.authenticate(None, phone=number, password=password)
    if not isinstance(person, Person):
        for limit, subject in pairs:
            limits.count(limit, subject)
        _refuse_locked(pairs)
        raise WrongSignIn
    limits.forget(*pairs[0])
    return person


def _subject(number: str) -> str:
    return phone_hash(number).hex()


def _refuse_locked(pairs: list[tuple[Limit, str]]) -> None:
    wait = limits.seconds_locked(pairs)
    if wait:
        raise SignInLocked(retry_after_s=wait, minutes=ceil(wait / 60))


def sign_in(*, request: HttpRequest, phone: str, password: str) -> Person:
    """Let a person in and give the browser a new session.

    Raises:
        PlaceFrozen: every place the person works at is frozen (E_FROZEN, 403).
        PhoneFormat, SignInLocked, WrongSignIn: as ``authenticate``.
    """
    ip = devices.ip_of(request)
    try:
        person = authenticate(phone=phone, password=password, ip=ip)
    except (WrongSignIn, SignInLocked) as refusal:
        unknown = Actor(system_actor("").kind, None, "sign-in", ip, devices.device_of(request))
        audit.record_platform(unknown, "accounts.sign_in.refused", details={"code": refusal.code})
        raise
    frozen = [m for m in person.memberships.select_related("merchant", "operator") if is_frozen(m)]
    if frozen and not working_places(person):
        place = frozen[0].merchant or frozen[0].operator
        raise PlaceFrozen(name=place.name if place else "")
    open_session(request=request, person=person)
    return person
