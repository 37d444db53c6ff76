"""Phone and password under limits, and whether somebody may come in at all."""

from __future__ import annotations

from math import ceil

from django.contrib import auth

from zhanggui.accounts import audit, devices, phones
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import SignInLocked, WrongSignIn
from zhanggui.accounts.models import Person, phone_hash
from zhanggui.accounts.services.freezing import refuse_shut
from zhanggui.accounts.services.memberships import is_frozen, working_places
from zhanggui.core import limits
from zhanggui.core.errors import DomainError, TooMany
from zhanggui.core.limits import Limit

PHONE_LIMIT = Limit("sign-in-phone", most=5, window_s=600, lock_s=600)
IP_LIMIT = Limit("sign-in-ip", most=30, window_s=600, lock_s=600)


def authenticate(*, phone: str, password: str, ip: str | None = None) -> Person:
    """Check phone and password under the limits; writes nothing but the counters.

    Each try is counted before the password is looked at, so that many at once are no way around.

    Raises:
        PhoneFormat: not a phone number; not counted as a try (E_PHONE_FORMAT, 422).
        SignInLocked: five wrong tries of this phone or thirty of this address in ten minutes; an
            IPv6 address counts with its /64 (E_SIGN_IN_LOCKED, 429).
        WrongSignIn: unknown phone or wrong password, which is not told (E_SIGN_IN, 403).
    """
    number = phones.parse(phone)
    network = devices.network_of(ip)
    pairs = [(IP_LIMIT, network)] if network else []
    pairs.append((PHONE_LIMIT, phone_hash(number).hex()))
    try:
        for limit, subject in pairs:
            limits.claim(limit, subject)
    except TooMany as refusal:
        raise _locked(refusal.retry_after_s or 0) from None
    person = auth.authenticate(None, phone=number, password=password)
    if not isinstance(person, Person):
        wait = limits.seconds_locked(pairs)
        raise _locked(wait) if wait else WrongSignIn
    limits.forget(*pairs[-1])
    if network:
        limits.release(IP_LIMIT, network)
    return person


def _locked(wait_s: int) -> SignInLocked:
    return SignInLocked(retry_after_s=wait_s, minutes=ceil(wait_s / 60))


def record_refusal(actor: Actor, refusal: DomainError) -> None:
    """Note a refused sign-in without phone and password; ``actor`` is nobody known."""
    audit.record_platform(actor, "accounts.sign_in.refused", details={"code": refusal.code})


def refuse_shut_out(person: Person) -> None:
    """Refuse somebody whose places are all frozen; who works nowhere yet may come in.

    Raises:
        PlaceFrozen, PlaceArchived: no place the person works at is at work (403).
    """
    frozen = [m for m in person.memberships.select_related("merchant", "operator") if is_frozen(m)]
    if frozen and not working_places(person):
        place = frozen[0].merchant or frozen[0].operator
        if place is not None:
            refuse_shut(place)
