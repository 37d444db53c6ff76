"""Calls on behalf of a pay account: its keys, WeChat's certificates, and how it is doing.

Which key verifies: a serial ``PUB_KEY_ID_...`` is the account's public key, anything else a
platform certificate. An unknown one means that WeChat Pay has changed its certificates: they are
fetched, at most once a minute. While WeChat Pay moves an account from certificates to its public
key both kinds of signature come, so both are always accepted when they are known.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import transaction
from django.db.models import Q

from zhanggui.channels.pay import client, signing
from zhanggui.channels.pay.answers import Certificate
from zhanggui.channels.pay.client import Api, Credentials, Payee
from zhanggui.channels.pay.errors import NoSuchTrade, PayError, PayUnreachable
from zhanggui.channels.pay.models import PayAccount, PlatformCertificate
from zhanggui.core import clock

ASK_AGAIN = timedelta(minutes=1)
NOTE_EVERY = timedelta(minutes=1)
PUBLIC_KEY = "PUB_KEY_ID_"


def call[Answer](account: PayAccount, request: Callable[[Api], Answer]) -> Answer:
    """Make a call for an account; what comes of it is kept for its settings page.

    Raises:
        PayError: see ``client``. An order or refund that is not there says nothing about health.
        RuntimeError: called inside a transaction, whose locks would last for seconds.
    """
    not_in_transaction()
    try:
        answer = request(api_of(account))
    except NoSuchTrade:
        note_ok(account)
        raise
    except PayError as error:
        note_error(account, error)
        raise
    note_ok(account)
    return answer


def not_in_transaction() -> None:
    """Make sure that no transaction is open.

    Raises:
        RuntimeError: one is open.
    """
    with transaction.atomic(durable=True):
        pass


def api_of(account: PayAccount) -> Api:
    """The calls of an account."""
    signer = account.signer
    credentials = Credentials(
        mchid=signer.mchid,
        serial=signer.serial,
        private_key=signing.stored_private_key(signer.unseal("private_key")),
        api_v3_key=signer.unseal("api_v3_key"),
        public_key_id=signer.public_key_id,
    )
    return client.current().bound(credentials, payee_of(account), lambda s: key_of(signer, s))


def payee_of(account: PayAccount) -> Payee:
    """Who collects."""
    signer = account.signer
    return Payee(signer.app_id, signer.mchid, account.sub_mchid, account.sub_app_id)


def key_of(signer: PayAccount, serial: str) -> RSAPublicKey | None:
    """The key of a serial number; fetches certificates where it must."""
    return stored_key_of(signer, serial) or _fetched_key_of(signer, serial)


def stored_key_of(signer: PayAccount, serial: str) -> RSAPublicKey | None:
    """The key of a serial number, as far as we know it already."""
    if serial.startswith(PUBLIC_KEY):
        is_ours = bool(signer.public_key) and serial == signer.public_key_id
        return signing.load_public_key(signer.public_key) if is_ours else None
    found = PlatformCertificate.objects.filter(
        account=signer, serial=serial, expires_at__gt=clock.now()
    ).first()
    return signing.key_of(signing.load_certificate(found.pem)) if found else None


def _fetched_key_of(signer: PayAccount, serial: str) -> RSAPublicKey | None:
    if serial.startswith(PUBLIC_KEY) or not may_fetch(signer):
        return None
    try:
        fetch_certificates(signer)
    except PayError:
        return None
    return stored_key_of(signer, serial)


def may_fetch(signer: PayAccount) -> bool:
    """Whether certificates may be asked for now; takes the turn when they may."""
    now = clock.now()
    idle = Q(certificates_at__isnull=True) | Q(certificates_at__lte=now - ASK_AGAIN)
    taken = PayAccount.objects.filter(idle, pk=signer.pk).update(certificates_at=now)
    return bool(taken)


def fetch_certificates(signer: PayAccount) -> int:
    """Fetch the platform certificates and keep them; answers how many there are.

    Raises:
        PayError: see ``client``; an account of the public key only has none (``NoSuchTrade``).
    """
    not_in_transaction()
    found = api_of(signer).certificates()
    for one in found:
        keep_certificate(signer, one)
    return len(found)


def keep_certificate(signer: PayAccount, certificate: Certificate) -> None:
    """Keep a certificate; older ones stay until they end, as both kinds of signature come."""
    opened = signing.load_certificate(certificate.pem)
    PlatformCertificate.objects.update_or_create(
        account=signer,
        serial=certificate.serial,
        defaults={
            "pem": certificate.pem,
            "effective_at": opened.not_valid_before_utc,
            "expires_at": opened.not_valid_after_utc,
        },
    )


def note_ok(account: PayAccount) -> None:
    """Remember that an account works, without rewriting its row for each call."""
    now = clock.now()
    stale = Q(last_ok_at__isnull=True) | Q(last_ok_at__lt=now - NOTE_EVERY) | ~Q(last_error="")
    PayAccount.objects.filter(stale, pk=account.pk).update(
        last_ok_at=now, last_error="", last_error_code="", last_error_at=None
    )


def note_error(account: PayAccount, error: PayError) -> None:
    """Keep the latest trouble of an account for its settings page."""
    code = error.code or ("" if isinstance(error, PayUnreachable) else "UNKNOWN")
    PayAccount.objects.filter(pk=account.pk).update(
        last_error=str(error)[:200], last_error_code=code[:40], last_error_at=clock.now()
    )
