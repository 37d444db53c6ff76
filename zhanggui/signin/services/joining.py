"""Signing up: a person whose phone was proved, and the merchant they found."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest

from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import PhoneTaken
from zhanggui.accounts.models import AgreementVersion, Application, Merchant, Operator, Person
from zhanggui.signin.errors import NotProved
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import entering


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """What somebody who signs up wants to found."""

    place: Operator | None
    registered_name: str
    agreement: AgreementVersion | None
    """The version that was on the page; a newer one asks again."""


def prove_by_code(*, request: HttpRequest, phone: str, digits: str) -> Person | None:
    """Spend a code for signing up; answers who signs in with the number already, if anybody.

    Only now may it be told: whoever typed the code holds the phone (U-6).

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``.
    """
    entering.prove_by_code(request=request, phone=phone, purpose=Purpose.REGISTER, digits=digits)
    return Person.objects.by_phone(phone)


def register_person(
    *,
    request: HttpRequest,
    name: str,
    phone: str,
    password: str,
    place: Operator | None = None,
) -> Person:
    """Make a person whose phone was proved a moment ago in this browser, and let them in.

    Args:
        request: whose browser proved the phone.
        name: as colleagues call them.
        phone: E.164.
        password: as typed.
        place: the operator whose invitation they follow; its rule for passwords holds.

    Raises:
        NotProved: the proof is older than ten minutes or of another number (410).
        PhoneTaken: somebody was faster (409).
        PasswordWeak: too short or too long (422).
    """
    _require_proof(request, phone)
    with transaction.atomic():
        person = _new_person(request, place, name=name, phone=phone, password=password)
    entering.forget_proof(request)
    entering.go_on(request=request, person=person, way="sms")
    return person


def register_merchant(
    *, request: HttpRequest, wanted: NewMerchant, name: str, phone: str, password: str
) -> Application | Merchant:
    """Make a person and their merchant (or the application for one), or neither.

    Raises:
        NotProved, PhoneTaken, PasswordWeak: as ``register_person``.
        RegistrationClosed, AgreementChanged: as ``apply_as_merchant`` (403, 409).
    """
    _require_proof(request, phone)
    with transaction.atomic():
        person = _new_person(request, wanted.place, name=name, phone=phone, password=password)
        made = _apply(request, person, wanted)
    entering.forget_proof(request)
    entering.go_on(request=request, person=person, way="sms")
    return made


def add_merchant(
    *, request: HttpRequest, wanted: NewMerchant, person: Person
) -> Application | Merchant:
    """Found another merchant with the account one has.

    Raises:
        RegistrationClosed, AgreementChanged, AppliedAlready: as ``apply_as_merchant``.
    """
    return _apply(request, person, wanted)


def _new_person(
    request: HttpRequest, place: Operator | None, *, name: str, phone: str, password: str
) -> Person:
    if Person.objects.by_phone(phone) is not None:
        raise PhoneTaken
    person = account_services.create_person(
        name=name, phone=phone, password=password, place=place, actor=entering.nobody(request)
    )
    account_services.prove_phone(person)
    return person


def _apply(request: HttpRequest, person: Person, wanted: NewMerchant) -> Application | Merchant:
    return account_services.apply_as_merchant(
        place=wanted.place,
        registered_name=wanted.registered_name,
        person=person,
        agreement_version=wanted.agreement,
        actor=person_actor(person, request),
    )


def _require_proof(request: HttpRequest, phone: str) -> None:
    if entering.proved_phone(request) != phone:
        raise NotProved
