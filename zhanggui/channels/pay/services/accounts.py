"""Merchant numbers connected, tested, changed and put away; certificates kept fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.channels.pay import client, gateway, signing
from zhanggui.channels.pay.answers import Certificate
from zhanggui.channels.pay.client import Credentials
from zhanggui.channels.pay.errors import (
    NoSuchTrade,
    PayAccountHeld,
    PayDown,
    PayError,
    PayNotOffered,
    PayRefused,
    PayRefusedHere,
    PayUnreachable,
)
from zhanggui.channels.pay.models import Mode, PayAccount, Way
from zhanggui.core import clock, tenancy, tokens

log = structlog.get_logger("zhanggui.pay.accounts")

COLLECTING = (Mode.DIRECT, Mode.PARTNER, Mode.SUB)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose account it is; the platform's has neither."""

    tier: Tier
    operator: Operator | None = None
    merchant: Merchant | None = None

    @property
    def columns(self) -> Mapping[str, Any]:
        """As the columns of an account."""
        return {"tier": self.tier, "operator": self.operator, "merchant": self.merchant}


@dataclass(frozen=True, slots=True)
class Keys:
    """What WeChat Pay's merchant platform gives out; PEM texts and plain ones."""

    serial: str
    private_key: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str = ""
    public_key: str = ""


def connect_account(
    *,
    place: Place,
    mode: Mode,
    name: str,
    mchid: str,
    app_id: str,
    keys: Keys,
    ways: Sequence[str],
    actor: Actor,
    is_tested: bool = True,
) -> PayAccount:
    """Connect a merchant number of one's own, or of a service provider.

    WeChat Pay is asked first with the keys, outside the transaction: who does not hold the private
    key cannot take a number. The same number at the same place only changes its keys.

    Args:
        place: whose account it is.
        mode: ``DIRECT`` or ``PARTNER``.
        name: as people call it.
        mchid: the merchant number.
        app_id: linked to it.
        keys: stored sealed, never shown again; checked by the form.
        ways: what is offered.
        actor: who connects; kept in the audit log.
        is_tested: False only where WeChat Pay cannot answer yet (demo data).

    Raises:
        PayRefusedHere: WeChat Pay does not accept them (E_PAY_REFUSED, 409).
        PayDown: no answer (E_PAY_DOWN, 503).
        PayAccountHeld: the number, or the place, has another account (E_PAY_ACCOUNT_HELD, 409).
    """
    certificates = _test_keys(mode, mchid, app_id, keys) if is_tested else []
    values = {
        "mode": mode,
        "name": name[:80],
        "app_id": app_id,
        "serial": keys.serial,
        "public_key_id": keys.public_key_id,
        "public_key": keys.public_key,
        "ways": _known(ways),
    }
    with transaction.atomic():
        account = _saved(place, mchid=mchid, sub_mchid="", values=values, keys=keys)
        for one in certificates:
            gateway.keep_certificate(account, one)
        record(actor, account, "pay.account.connected")
    return account


def connect_sub(
    *,
    merchant: Merchant,
    partner: PayAccount,
    name: str,
    sub_mchid: str,
    sub_app_id: str,
    ways: Sequence[str],
    actor: Actor,
) -> PayAccount:
    """Connect a merchant number that a service provider looks after (特约商户).

    Raises:
        PayNotOffered: the account given is no service provider's (E_PAY_NOT_OFFERED, 409).
        PayRefusedHere, PayDown, PayAccountHeld: as ``connect_account``.
    """
    if partner.mode != Mode.PARTNER or not partner.is_connected:
        raise PayNotOffered
    draft = PayAccount(partner=partner, sub_mchid=sub_mchid, sub_app_id=sub_app_id)
    _ask_something(draft)
    values = {
        "mode": Mode.SUB,
        "partner": partner,
        "name": name[:80],
        "app_id": partner.app_id,
        "sub_app_id": sub_app_id,
        "ways": _known(ways),
    }
    place = Place(Tier.MERCHANT, merchant=merchant)
    with transaction.atomic():
        account = _saved(place, mchid=partner.mchid, sub_mchid=sub_mchid, values=values)
        record(actor, account, "pay.account.connected")
    return account


def _known(ways: Sequence[str]) -> list[str]:
    return [way for way in Way.values if way in ways]


def _saved(
    place: Place,
    *,
    mchid: str,
    sub_mchid: str,
    values: Mapping[str, Any],
    keys: Keys | None = None,
) -> PayAccount:
    """Write an account: the row of this number here, or a new one; never beside another."""
    mine = PayAccount.objects.select_for_update(of=("self",)).filter(**place.columns)
    account = mine.filter(mchid=mchid, sub_mchid=sub_mchid).order_by("-pk").first()
    if account is None:
        account = PayAccount(mchid=mchid, sub_mchid=sub_mchid, **place.columns)
    for name, value in values.items():
        setattr(account, name, value)
    account.is_connected = True
    account.last_error, account.last_error_code, account.last_error_at = "", "", None
    account.last_ok_at = clock.now()
    if keys is not None:
        account.seal("private_key", keys.private_key)
        account.seal("api_v3_key", keys.api_v3_key)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        raise PayAccountHeld from error
    return account


def _test_keys(mode: Mode, mchid: str, app_id: str, keys: Keys) -> list[Certificate]:
    """Use the keys before they are stored; answers the certificates where there are any.

    Their answer also shows that APIv3 key and public key are right. A service provider has no
    orders of its own to ask for.
    """
    gateway.not_in_transaction()
    credentials = Credentials(
        mchid=mchid,
        serial=keys.serial,
        private_key=signing.stored_private_key(keys.private_key),
        api_v3_key=keys.api_v3_key,
        public_key_id=keys.public_key_id,
    )
    found: list[Certificate] = []

    def key_of(serial: str) -> RSAPublicKey | None:
        if keys.public_key and serial == keys.public_key_id:
            return signing.load_public_key(keys.public_key)
        pems = {one.serial: one.pem for one in found}
        return signing.key_of(signing.load_certificate(pems[serial])) if serial in pems else None

    api = client.current().bound(credentials, client.Payee(app_id, mchid), key_of)
    try:
        _ignore_missing(lambda: found.extend(api.certificates()))
        if mode != Mode.PARTNER:
            _ignore_missing(lambda: api.query(tokens.new_token(28)))
    except PayError as error:
        raise _refusal(error) from error
    return found


def _ignore_missing(request: Any) -> None:
    try:
        request()
    except NoSuchTrade:
        return


def _ask_something(account: PayAccount) -> None:
    """Ask for an order that is not there: a signed question that changes nothing.

    Raises:
        PayRefusedHere, PayDown: it does not work.
    """
    number = tokens.new_token(28)
    try:
        _ignore_missing(lambda: gateway.call(account, lambda api: api.query(number)))
    except PayError as error:
        raise _refusal(error) from error


def _refusal(error: PayError) -> PayRefusedHere | PayDown:
    if isinstance(error, PayUnreachable) and not error.code:
        return PayDown()
    return PayRefusedHere(code=error.code or "UNKNOWN", advice=error.advice)


def test_account(*, account: PayAccount) -> None:
    """Ask WeChat Pay something with the stored keys, and fetch its certificates if it has some.

    Raises:
        PayRefusedHere: refused (E_PAY_REFUSED, 409); what to do stands in it.
        PayDown: no answer (E_PAY_DOWN, 503).
    """
    try:
        _ignore_missing(lambda: gateway.fetch_certificates(account.signer))
    except PayError as error:
        gateway.note_error(account, error)
        raise _refusal(error) from error
    if account.mode == Mode.PARTNER:
        gateway.note_ok(account)
    else:
        _ask_something(account)


def change_account(
    *, account: PayAccount, name: str, ways: Sequence[str], actor: Actor
) -> PayAccount:
    """Change what an account is called and which ways of paying it offers."""
    before = {"name": account.name, "ways": account.ways}
    account.name, account.ways = name[:80], _known(ways)
    with transaction.atomic():
        account.save(update_fields=["name", "ways"])
        after = {"name": account.name, "ways": account.ways}
        record(actor, account, "pay.account.changed", before=before, after=after)
    return account


def disconnect_account(*, account: PayAccount, actor: Actor) -> None:
    """Begin no more payments with an account; what is open is still booked and given back."""
    with transaction.atomic():
        changed = PayAccount.objects.filter(pk=account.pk, is_connected=True).update(
            is_connected=False
        )
        if changed:
            record(actor, account, "pay.account.disconnected")


def record(
    actor: Actor,
    account: PayAccount,
    action: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit entry about an account: the merchant's log, else the installation's."""
    target = f"pay_account:{account.pk}"
    details: dict[str, Any] = {"mchid": account.sub_mchid or account.mchid}
    if account.merchant_id is None:
        if before is not None or after is not None:
            details |= {"before": before, "after": after}
        audit.record_platform(actor, action, target, details=details)
        return
    with tenancy.merchant_scope(account.merchant_id):
        audit.record(actor, action, target, details=details, before=before, after=after)


def refresh_certificates(*, account_id: int) -> None:
    """Fetch certificates after an unknown one signed something; at most once a minute."""
    account = PayAccount.objects.select_related("partner").get(pk=account_id).signer
    if not gateway.may_fetch(account):
        return
    try:
        gateway.fetch_certificates(account)
    except PayError as error:
        gateway.note_error(account, error)


def refresh_all_certificates() -> int:
    """Fetch the certificates of all accounts that use them; answers how many it worked for."""
    fresh = 0
    using = PayAccount.objects.filter(is_connected=True, public_key_id="").exclude(mode=Mode.SUB)
    for account in using:
        try:
            gateway.fetch_certificates(account)
        except PayRefused as refusal:
            gateway.note_error(account, refusal)
        except PayUnreachable:
            log.info("certificates not fetched", account_id=account.pk)
        else:
            fresh += 1
    return fresh
