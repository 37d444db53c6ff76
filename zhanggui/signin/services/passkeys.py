"""Passkeys (WebAuthn): added by a person, used to sign in or as second factor.

The ceremony's challenge lives in the session and is taken out by the first answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Person
from zhanggui.core import clock, constraints, sealing
from zhanggui.core.errors import NotFound
from zhanggui.signin.errors import PasskeyNotHere, PasskeyRefused, PasskeysFull
from zhanggui.signin.models import Passkey
from zhanggui.signin.services.factors import (
    forget_recovery_codes_without_factor,
    refuse_removing_last,
)

NAME = "掌柜 Zhanggui"
MOST = 10


def can_be_used(host: str) -> bool:
    """Whether browsers make passkeys for this host: a name, never an address of numbers."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(host)
    return False


def _server(origin: str, host: str) -> Fido2Server:
    if not can_be_used(host):
        raise PasskeyNotHere
    rp = PublicKeyCredentialRpEntity(name=NAME, id=host)
    return Fido2Server(rp, verify_origin=lambda given: given == origin)


def begin_adding(
    *, person: Person, origin: str, host: str
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """What the browser is asked, and the state to keep in the session.

    Raises:
        PasskeyNotHere: the site was opened under a number (409).
        PasskeysFull: ten are there (409).
    """
    server = _server(origin, host)
    present = list(Passkey.objects.filter(person=person))
    if len(present) >= MOST:
        raise PasskeysFull
    user = PublicKeyCredentialUserEntity(
        id=_handle_of(person), name=person.name, display_name=person.name
    )
    options, state = server.register_begin(
        user,
        [_credential(one) for one in present if one.host == host],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), state


def _handle_of(person: Person) -> bytes:
    # what the device keeps of the person: no row id, no name
    return sealing.keyed_hash(str(person.pk), purpose="passkey-handle", merchant_id=None)


def finish_adding(
    *,
    person: Person,
    state: Mapping[str, Any],
    answer: Mapping[str, Any],
    name: str,
    origin: str,
    host: str,
    actor: Actor,
) -> Passkey:
    """Keep the public half of a new passkey.

    Raises:
        PasskeyRefused: the answer does not fit what was asked (403).
        PasskeyNotHere: as ``begin_adding``.
    """
    try:
        data = _server(origin, host).register_complete(state, answer)
    except (ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused from error
    credential = data.credential_data
    if credential is None:
        raise PasskeyRefused
    passkey = Passkey(
        person=person,
        name=name,
        credential_id=credential.credential_id,
        credential=bytes(credential),
        sign_count=data.counter,
        host=host,
    )
    with transaction.atomic():
        constraints.insert(passkey, PasskeyRefused)
        audit.record_platform(actor, "signin.passkey.added", f"person:{person.pk}")
    return passkey


def begin_using(
    *, origin: str, host: str, person: Person | None = None
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Ask for any passkey of this site, or (second factor) for one of this person.

    Raises:
        PasskeyNotHere: the site was opened under a number (409).
    """
    known = Passkey.objects.filter(person=person, host=host) if person else Passkey.objects.none()
    options, state = _server(origin, host).authenticate_begin(
        [_credential(one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), state


def finish_using(
    *,
    state: Mapping[str, Any],
    answer: Mapping[str, Any],
    origin: str,
    host: str,
    person: Person | None = None,
) -> Person:
    """Whose passkey answered; the device has checked finger, face or its own code.

    Raises:
        PasskeyRefused: unknown, of somebody else, copied, or the answer does not fit (403).
        PasskeyNotHere: as ``begin_using``.
    """
    server = _server(origin, host)
    passkey = _named_in(answer, host)
    if passkey is None or (person is not None and passkey.person_id != person.pk):
        raise PasskeyRefused
    try:
        server.authenticate_complete(state, [_credential(passkey)], answer)
        count = AuthenticationResponse.from_dict(answer).response.authenticator_data.counter
    except (ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused from error
    rows = Passkey.objects.filter(pk=passkey.pk)
    if count or passkey.sign_count:  # devices that count nothing always say 0
        rows = rows.filter(sign_count__lt=count)
    with transaction.atomic():
        if not rows.update(sign_count=count, last_used_at=clock.now()):
            raise PasskeyRefused
    if not passkey.person.is_active:
        raise PasskeyRefused
    return passkey.person


def _named_in(answer: Mapping[str, Any], host: str) -> Passkey | None:
    try:
        credential_id = websafe_decode(str(answer.get("rawId", "")))
    except ValueError:
        return None
    return (
        Passkey.objects.filter(credential_id=credential_id, host=host)
        .select_related("person")
        .first()
    )


def _credential(passkey: Passkey) -> AttestedCredentialData:
    return AttestedCredentialData(bytes(passkey.credential))


def remove_passkey(*, person: Person, passkey_id: int, actor: Actor) -> None:
    """Take a passkey of one's own away.

    Raises:
        NotFound: no such passkey of this person (404).
        FactorNeeded: it is the last factor and a place needs one (409).
    """
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        found = Passkey.objects.filter(pk=passkey_id, person=person)
        if not found.exists():
            raise NotFound
        refuse_removing_last(person)
        found.delete()
        forget_recovery_codes_without_factor(person)
        audit.record_platform(actor, "signin.passkey.removed", f"person:{person.pk}")
