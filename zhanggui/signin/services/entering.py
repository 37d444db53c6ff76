"""The way in: one proof of who it is, then the second factor where there is one.

Between the two the session holds who is half-way in, for ten minutes; nobody is signed in yet.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from zhanggui.accounts import devices, strength
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, person_actor, system_actor
from zhanggui.accounts.errors import SignInLocked, WrongSignIn
from zhanggui.accounts.models import Person
from zhanggui.core import clock, tokens
from zhanggui.signin.errors import CodeWrong, NotProved
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import codes, factors

BROWSER_KEY = "signin_browser"
HALF_WAY_KEY = "signin_half_way"
PROVED_KEY = "signin_proved"
STALE = timedelta(minutes=10)
UNKNOWN_LASTS_S = 3600
NOBODY = gettext_noop("Somebody not signed in")
"""How long a session of somebody unknown is kept."""


def browser_of(request: HttpRequest) -> str:
    """What picture codes are bound to: a random mark in this browser's session."""
    mark = request.session.get(BROWSER_KEY)
    if not isinstance(mark, str):
        mark = tokens.new_token()
        request.session[BROWSER_KEY] = mark
        if not request.user.is_authenticated:
            request.session.set_expiry(UNKNOWN_LASTS_S)
    return mark


def enter_by_password(*, request: HttpRequest, phone: str, password: str) -> bool:
    """Check phone and password; answers whether the person is in, or half-way in.

    Raises:
        PlaceFrozen, PlaceArchived: as ``refuse_shut_out`` (403).
        PhoneFormat, SignInLocked, WrongSignIn: as ``accounts.services.authenticate``.
    """
    try:
        person = account_services.authenticate(
            phone=phone, password=password, ip=devices.ip_of(request)
        )
    except (WrongSignIn, SignInLocked) as refusal:
        account_services.record_refusal(nobody(request), refusal)
        raise
    return go_on(request=request, person=person, way="password")


def enter_by_code(*, request: HttpRequest, phone: str, digits: str) -> bool:
    """Check a code sent by SMS; answers whether the person is in, or half-way in.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``; a number nobody
            signs in with reads the same, because its code never arrived.
        PlaceFrozen, PlaceArchived: as ``refuse_shut_out`` (403).
    """
    codes.check_code(phone=phone, purpose=Purpose.LOGIN, digits=digits, ip=devices.ip_of(request))
    person = Person.objects.by_phone(phone)
    if person is None or not person.is_active:
        raise CodeWrong
    account_services.prove_phone(person)
    return go_on(request=request, person=person, way="sms")


def enter_by_passkey(*, request: HttpRequest, person: Person) -> None:
    """Let somebody in whose passkey answered: a device and its own lock are two factors.

    Raises:
        PlaceFrozen, PlaceArchived: as ``refuse_shut_out`` (403).
    """
    account_services.refuse_shut_out(person)
    _open(request, person, "passkey", has_both=True)


def go_on(*, request: HttpRequest, person: Person, way: str) -> bool:
    """After one proof: open the session, or wait for the second factor.

    Returns:
        Whether the person is in.

    Raises:
        PlaceFrozen, PlaceArchived: as ``refuse_shut_out`` (403).
    """
    account_services.refuse_shut_out(person)
    if factors.factors_of(person).is_there:
        request.session[HALF_WAY_KEY] = {
            "person": person.pk,
            "way": way,
            "at": clock.now().isoformat(),
        }
        return False
    _open(request, person, way, has_both=False)
    return True


def half_way_in(request: HttpRequest) -> tuple[Person, str]:
    """Who has given one factor in this browser, and how.

    Raises:
        NotProved: nobody, or more than ten minutes ago (410).
    """
    kept = _fresh(request, HALF_WAY_KEY)
    person = Person.objects.filter(pk=kept["person"], is_active=True).first()
    if person is None:
        raise NotProved
    return person, str(kept["way"])


def enter_by_second_factor(*, request: HttpRequest, with_what: str, typed: str) -> Person:
    """Finish a sign-in by the app's digits or by a recovery code.

    Raises:
        NotProved: as ``half_way_in`` (410).
        FactorWrong, RecoveryWrong, FactorLocked: as ``factors`` (403, 403, 429).
    """
    person, way = half_way_in(request)
    give_second_factor(request=request, person=person, with_what=with_what, typed=typed)
    _open(request, person, f"{way}+{with_what}", has_both=True)
    return person


def give_second_factor(*, request: HttpRequest, person: Person, with_what: str, typed: str) -> None:
    """Check the app's digits (``totp``) or a recovery code (``recovery``).

    Raises:
        FactorWrong, RecoveryWrong, FactorLocked: as ``factors`` (403, 403, 429).
    """
    if with_what == "recovery":
        actor = person_actor(person, request)
        factors.spend_recovery_code(person=person, code=typed, actor=actor)
    else:
        factors.check_totp(person=person, digits=typed)


def finish_by_passkey(*, request: HttpRequest, person: Person) -> None:
    """Finish a sign-in whose second factor was a passkey.

    Raises:
        NotProved: somebody else is half-way in, or nobody (410).
    """
    waiting, way = half_way_in(request)
    if waiting.pk != person.pk:
        raise NotProved
    _open(request, person, f"{way}+passkey", has_both=True)


def _open(request: HttpRequest, person: Person, way: str, *, has_both: bool) -> None:
    for key in (HALF_WAY_KEY, BROWSER_KEY):
        request.session.pop(key, None)
    account_services.open_session(
        request=request, person=person, way=way, has_both_factors=has_both
    )


def strengthen(request: HttpRequest) -> None:
    """Note that the person of this session has given the second factor after all."""
    strength.prove(request)


def prove_by_code(*, request: HttpRequest, phone: str, purpose: Purpose, digits: str) -> None:
    """Spend a code, and remember for ten minutes that this browser's person holds the number.

    A form that was refused for something else can so be sent again with the code it had.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``.
    """
    try:
        kept = _fresh(request, PROVED_KEY)
    except NotProved:
        kept = {}
    if (kept.get("phone"), kept.get("purpose")) == (phone, purpose):
        return
    codes.check_code(phone=phone, purpose=purpose, digits=digits, ip=devices.ip_of(request))
    request.session[PROVED_KEY] = {
        "phone": phone,
        "purpose": purpose,
        "at": clock.now().isoformat(),
    }


def proved_phone(request: HttpRequest) -> str:
    """The number that was proved in this browser by a code for signing up (E.164).

    Raises:
        NotProved: none, or more than ten minutes ago (410).
    """
    kept = _fresh(request, PROVED_KEY)
    if kept.get("purpose") != Purpose.REGISTER:
        raise NotProved
    return str(kept["phone"])


def forget_proof(request: HttpRequest) -> None:
    """The proof is used up."""
    request.session.pop(PROVED_KEY, None)


def _fresh(request: HttpRequest, key: str) -> dict[str, Any]:
    kept = request.session.get(key)
    if not isinstance(kept, dict):
        raise NotProved
    if datetime.fromisoformat(kept["at"]) <= clock.now() - STALE:
        raise NotProved
    return kept


def nobody(request: HttpRequest) -> Actor:
    """Somebody who has not said who they are, from a device and an address."""
    kind = system_actor("").kind
    return Actor(kind, None, NOBODY, devices.ip_of(request), devices.device_of(request))


def reset_password(*, request: HttpRequest, phone: str, digits: str, password: str) -> bool:
    """Give oneself a new password by a code; all sessions end, this browser goes on in.

    Returns:
        Whether the person is in, or half-way in.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``; a number nobody
            signs in with reads the same.
        PasswordWeak: too short or too long; the code that was right stays good for another (422).
    """
    account_services.check_password_strength(password, Person())
    prove_by_code(request=request, phone=phone, purpose=Purpose.RESET, digits=digits)
    person = Person.objects.by_phone(phone)
    if person is None or not person.is_active:
        raise CodeWrong
    with transaction.atomic():
        account_services.choose_password(
            person=person, password=password, actor=person_actor(person, request)
        )
        account_services.prove_phone(person)
    forget_proof(request)
    return go_on(request=request, person=person, way="sms")
