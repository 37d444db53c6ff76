"""Second factors: an app with six digits (TOTP), passkeys, recovery codes on paper."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from math import ceil

import pyotp
from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Membership, Person, Tier
from zhanggui.core import clock, limits, sealing, tokens
from zhanggui.core.errors import NotFound, TooMany
from zhanggui.core.limits import Limit
from zhanggui.signin.errors import (
    FactorLocked,
    FactorNeeded,
    FactorWrong,
    RecoveryWrong,
    TotpThere,
)
from zhanggui.signin.models import TOTP_COLUMN, Passkey, RecoveryCode, TotpDevice
from zhanggui.signin.services.codes import fold

STEP_S = 30
DRIFT = 1
"""How many half minutes a phone's clock may be wrong, on either side."""
RECOVERY_CODES = 10
RECOVERY_PURPOSE = "signin_recoverycode.code"
ISSUER = "掌柜 Zhanggui"
LIMIT = Limit("second-factor", most=5, window_s=600, lock_s=600)


@dataclass(frozen=True, slots=True)
class Factors:
    """Which second factors a person has."""

    has_totp: bool
    passkeys: int
    recovery_codes: int
    """How many are left."""

    @property
    def is_there(self) -> bool:
        """Whether signing in asks for a second one."""
        return self.has_totp or self.passkeys > 0


def factors_of(person: Person) -> Factors:
    """What a person has set up."""
    return Factors(
        has_totp=TotpDevice.objects.filter(person=person).exists(),
        passkeys=Passkey.objects.filter(person=person).count(),
        recovery_codes=RecoveryCode.objects.filter(person=person, used_at=None).count(),
    )


def people_with_factors(people: Collection[int]) -> frozenset[int]:
    """Which of these people (by id) have a second factor."""
    with_totp = TotpDevice.objects.filter(person_id__in=people).values_list("person_id", flat=True)
    with_keys = Passkey.objects.filter(person_id__in=people).values_list("person_id", flat=True)
    return frozenset(with_totp) | frozenset(with_keys)


def needs_second_factor(person: Person) -> bool:
    """Whether one of a person's places lets nobody in without one."""
    memberships = Membership.objects.filter(person=person)
    if memberships.filter(tier=Tier.PLATFORM).exists():
        return True
    return memberships.filter(merchant__needs_second_factor=True).exists()


def new_totp_secret() -> str:
    """A secret for an app, before anybody has confirmed it (32 signs, base 32)."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, *, account: str) -> str:
    """What the QR code says; every authenticator app reads it."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def confirm_totp(*, person: Person, secret: str, digits: str, actor: Actor) -> list[str]:
    """Set an app up after it showed the right digits once.

    Returns:
        Recovery codes, shown once and never again; the former ones do not work any more.

    Raises:
        FactorWrong, FactorLocked: as ``check_totp`` (403, 429).
        TotpThere: there is an app already (409).
    """
    _claim(person)
    step = _step_of(secret, digits)
    if step is None:
        raise FactorWrong
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        if TotpDevice.objects.filter(person=person).exists():
            raise TotpThere
        keep_totp(person=person, secret=secret, step=step, actor=actor)
        codes = _new_recovery_codes(person)
    limits.forget(LIMIT, _subject(person))
    return codes


def keep_totp(*, person: Person, secret: str, actor: Actor, step: int = 0) -> TotpDevice:
    """Keep the secret of an app that is known to work; ``step`` is the last half minute used."""
    device = TotpDevice(
        person=person,
        secret_sealed=sealing.seal(secret, column=TOTP_COLUMN, merchant_id=None),
        last_step=step,
    )
    with transaction.atomic():
        device.save(force_insert=True)
        audit.record_platform(actor, "signin.totp.added", f"person:{person.pk}")
    return device


def digits_now(secret: str) -> tuple[str, int]:
    """What an app with this secret shows now, and for how many seconds more."""
    moment = int(clock.now().timestamp())
    return pyotp.TOTP(secret).generate_otp(moment // STEP_S), STEP_S - moment % STEP_S


def check_totp(*, person: Person, digits: str) -> None:
    """Check six digits of the app; each of them works once.

    Raises:
        FactorWrong: other digits, or used before (403).
        FactorLocked: five tries in ten minutes (429).
    """
    _claim(person)
    device = TotpDevice.objects.filter(person=person).first()
    if device is None:
        raise FactorWrong
    secret = sealing.unseal(bytes(device.secret_sealed), column=TOTP_COLUMN, merchant_id=None)
    step = _step_of(secret, digits)
    with transaction.atomic():
        is_new = step is not None and TotpDevice.objects.filter(
            pk=device.pk, last_step__lt=step
        ).update(last_step=step)
    if not is_new:
        raise FactorWrong
    limits.forget(LIMIT, _subject(person))


def _step_of(secret: str, digits: str) -> int | None:
    """The half minute to which these digits belong, if any near now does."""
    now = int(clock.now().timestamp()) // STEP_S
    totp = pyotp.TOTP(secret)
    typed = fold(digits).encode()
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed):
            found = step
    return found


def remove_totp(*, person: Person, actor: Actor) -> None:
    """Take the app away.

    Raises:
        NotFound: there is none (404).
        FactorNeeded: it is the last factor and a place needs one (409).
    """
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        refuse_removing_last(person)
        if not TotpDevice.objects.filter(person=person).delete()[0]:
            raise NotFound
        forget_recovery_codes_without_factor(person)
        audit.record_platform(actor, "signin.totp.removed", f"person:{person.pk}")


def refuse_removing_last(person: Person) -> None:
    """Refuse to remove the only second factor of somebody who needs one; the person is locked.

    Raises:
        FactorNeeded: as said (409).
    """
    have = factors_of(person)
    if have.has_totp + have.passkeys <= 1 and needs_second_factor(person):
        raise FactorNeeded


def forget_recovery_codes_without_factor(person: Person) -> None:
    """Codes stand in for a factor; without one they would be a password on paper."""
    if not factors_of(person).is_there:
        RecoveryCode.objects.filter(person=person).delete()


def _new_recovery_codes(person: Person) -> list[str]:
    RecoveryCode.objects.filter(person=person).delete()
    codes = [  # ten signs each: 49 bits, five tries in ten minutes
        "-".join("".join(secrets.choice(tokens.ALPHABET) for _ in range(5)) for _ in range(2))
        for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(person=person, code_hash=_recovery_hash(person, code)) for code in codes]
    )
    return codes


def renew_recovery_codes(*, person: Person, actor: Actor) -> list[str]:
    """New recovery codes; the former ones do not work any more.

    Raises:
        NotFound: the person has no second factor they could stand in for (404).
    """
    if not factors_of(person).is_there:
        raise NotFound
    with transaction.atomic():
        codes = _new_recovery_codes(person)
        audit.record_platform(actor, "signin.recovery.renewed", f"person:{person.pk}")
    return codes


def spend_recovery_code(*, person: Person, code: str, actor: Actor) -> None:
    """Use up one recovery code instead of the second factor.

    Raises:
        RecoveryWrong: no such code, or used (403).
        FactorLocked: five tries in ten minutes (429).
    """
    _claim(person)
    with transaction.atomic():
        used = RecoveryCode.objects.filter(
            person=person, code_hash=_recovery_hash(person, code), used_at=None
        ).update(used_at=clock.now())
        if used:
            audit.record_platform(actor, "signin.recovery.used", f"person:{person.pk}")
    if not used:
        raise RecoveryWrong
    limits.forget(LIMIT, _subject(person))


def _recovery_hash(person: Person, code: str) -> bytes:
    plain = "".join(sign for sign in fold(code).lower() if sign in tokens.ALPHABET)
    return sealing.keyed_hash(f"{person.pk}|{plain}", purpose=RECOVERY_PURPOSE, merchant_id=None)


def _subject(person: Person) -> str:
    return f"person:{person.pk}"


def _claim(person: Person) -> None:
    try:
        limits.claim(LIMIT, _subject(person))
    except TooMany as refusal:
        wait = refusal.retry_after_s or 0
        raise FactorLocked(retry_after_s=wait, minutes=ceil(wait / 60)) from None
