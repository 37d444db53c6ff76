"""People who sign in: made, named, given passwords."""

from __future__ import annotations

import secrets

from django.contrib.auth import password_validation
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from zhanggui.accounts import audit, phones
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import PasswordWeak, PasswordWrong, PhoneTaken
from zhanggui.accounts.models import Membership, Operator, Person, RegistrationSettings
from zhanggui.accounts.services.sessions import end_sessions
from zhanggui.core import clock, constraints, limits
from zhanggui.core.limits import Limit

PASSWORD_LIMIT = Limit("password-change", most=5, window_s=600, lock_s=600)
SHORTEST_PASSWORD = 6
LONGEST_PASSWORD = 128
FEW_SIGNS = 2


def create_person(
    *,
    name: str,
    phone: str | None = None,
    password: str | None = None,
    place: Operator | None = None,
    actor: Actor,
) -> Person:
    """Make a person who signs in by phone and password, or (no phone) by WeChat alone.

    Args:
        name: as colleagues call them.
        phone: as typed; becomes unique over the installation.
        password: without one nobody can sign in by password.
        place: the operator they are about to join; its rule for passwords holds.
        actor: who makes them.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: somebody has this number (E_PHONE_TAKEN, 409).
        PasswordWeak: too short or too long (E_PASSWORD_WEAK, 422).
    """
    person = Person(name=name)
    if phone:
        person.set_phone(phones.parse(phone))
        if Person.objects.by_phone(person.phone) is not None:  # also under older keys
            raise PhoneTaken
    if password:
        check_password_strength(password, person, place=place)
    person.set_password(password)
    with transaction.atomic():
        constraints.insert(person, PhoneTaken)
        audit.record_platform(actor, "accounts.person.created", f"person:{person.pk}")
    return person


def check_password_strength(
    password: str, person: Person, *, place: Operator | None = None
) -> None:
    """Refuse a password of too few or more than 128 signs; any sign and blanks count.

    What is long enough but easy to guess is told by ``weakness_of`` and not refused (U-7).

    Args:
        password: as typed.
        person: who gets it; what their operators ask for counts.
        place: the operator they are about to join.

    Raises:
        PasswordWeak: says which rule it breaks (E_PASSWORD_WEAK, 422).
    """
    if len(password) > LONGEST_PASSWORD:
        raise PasswordWeak(reason=_("A password has at most 128 signs."))
    shortest = shortest_password(person, place=place)
    if len(password) < shortest:
        reason = _("A password needs at least %(n)s characters.") % {"n": shortest}
        raise PasswordWeak(reason=reason)
    try:
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise PasswordWeak(reason=" ".join(error.messages)) from None


def shortest_password(person: Person, *, place: Operator | None = None) -> int:
    """How many signs a new password of somebody needs (U-7).

    The platform's rule holds for everybody; an operator may ask more of those who join it and of
    those who work for it or for one of its merchants.
    """
    operators = {place.pk} if place else set()
    if person.pk:
        places = Membership.objects.filter(person=person)
        for own, served in places.values_list("operator_id", "merchant__operator_id"):
            operators |= {pk for pk in (own, served) if pk}
    rules = RegistrationSettings.objects.filter(
        Q(operator=None) | Q(operator_id__in=sorted(operators))
    )
    return max(rules.values_list("shortest_password", flat=True), default=SHORTEST_PASSWORD)


def weakness_of(password: str, phone: str) -> str:
    """Why a password is easy to guess, in words for its owner; empty when nothing is known.

    Args:
        password: as typed.
        phone: of its owner, E.164.
    """
    plain = password.strip().lower()
    number = phone.removeprefix("+86").removeprefix("+")
    if plain and (plain in number or number in plain):
        return _("It is part of your phone number.")
    if len(set(plain)) <= FEW_SIGNS:
        return _("It repeats the same signs.")
    try:
        CommonPasswordValidator().validate(plain)
    except ValidationError:
        return _("It is one of the passwords everybody tries first.")
    return ""


def choose_password(*, person: Person, password: str, actor: Actor) -> None:
    """Give oneself a new password after the phone was proved; all sessions end.

    Raises:
        PasswordWeak: too short or too long (E_PASSWORD_WEAK, 422).
    """
    check_password_strength(password, person)
    person.set_password(password)
    with transaction.atomic():
        person.save(update_fields=["password"])
        end_sessions(person)
        audit.record_platform(actor, "accounts.password.chosen", f"person:{person.pk}")


def prove_phone(person: Person) -> None:
    """Note that a code sent to the person's number was typed in."""
    person.phone_proved_at = clock.now()
    person.save(update_fields=["phone_proved_at"])


def change_phone(*, person: Person, phone: str, actor: Actor) -> None:
    """Let a person sign in with another number, whose ownership was proved.

    Raises:
        PhoneTaken: somebody has this number (E_PHONE_TAKEN, 409).
    """
    if Person.objects.by_phone(phone) is not None:  # also under older keys
        raise PhoneTaken
    person.set_phone(phone)
    person.phone_proved_at = clock.now()
    try:
        with transaction.atomic():
            person.save(update_fields=["phone_sealed", "phone_hash", "phone_proved_at"])
            audit.record_platform(actor, "accounts.phone.changed", f"person:{person.pk}")
    except IntegrityError:
        raise PhoneTaken from None


def change_password(
    *, person: Person, present: str, new: str, session_key: str, actor: Actor
) -> None:
    """Change one's own password; all sessions but the one with this key end.

    Raises:
        TooMany: five wrong tries in ten minutes (E_TOO_MANY, 429).
        PasswordWrong: the present one does not fit (E_PASSWORD_WRONG, 403).
        PasswordWeak: the new one is too easy (E_PASSWORD_WEAK, 422).
    """
    subject = f"person:{person.pk}"
    limits.claim(PASSWORD_LIMIT, subject)
    if not person.check_password(present):
        raise PasswordWrong
    limits.forget(PASSWORD_LIMIT, subject)
    check_password_strength(new, person)
    person.set_password(new)
    with transaction.atomic():
        person.save(update_fields=["password"])
        end_sessions(person, except_key=session_key)
        audit.record_platform(actor, "accounts.password.changed", f"person:{person.pk}")


def reset_password(*, person: Person, actor: Actor) -> str:
    """Give a person a new initial password, which is answered once; all their sessions end.

    Only for the platform: a person may work for several merchants.
    """
    password = new_password()
    person.set_password(password)
    with transaction.atomic():
        person.save(update_fields=["password"])
        end_sessions(person)
        audit.record_platform(actor, "accounts.password.reset", f"person:{person.pk}")
    return password


def new_password() -> str:
    """A random password that can be read out: three groups of four signs, 59 bits."""
    signs = "23456789abcdefghjkmnpqrstuvwxyz"
    groups = ["".join(secrets.choice(signs) for _ in range(4)) for _ in range(3)]
    return "-".join(groups)


def rename_person(*, person: Person, name: str, actor: Actor) -> None:
    """Change how a person is called."""
    person.name = name
    with transaction.atomic():
        person.save(update_fields=["name"])
        audit.record_platform(actor, "accounts.person.renamed", f"person:{person.pk}")
