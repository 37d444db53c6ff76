"""Every write about official accounts: connecting, choosing, codes to scan, people of the staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from django.db import IntegrityError, transaction
from django.db.models import Q

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator, Person, Tier
from zhanggui.channels.wechat import api, client, tasks, tokens
from zhanggui.channels.wechat.client import credentials as credential_calls
from zhanggui.channels.wechat.client.credentials import Token
from zhanggui.channels.wechat.errors import (
    AccountHeld,
    AccountTaken,
    ChannelRefused,
    ChannelUnreachable,
    CredentialsRefused,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    Kind,
    PersonIdentity,
    PushMode,
    SceneCode,
    Standing,
    TokenHolder,
    Way,
)
from zhanggui.core import clock, tenancy
from zhanggui.core import tokens as random_tokens

NAMELESS = "微信用户"
"""The name of a person whose nickname is not known yet; it goes when the nickname comes."""
LONGEST_CODE_S = 30 * 24 * 60 * 60  # WeChat's limit for temporary codes


type Place = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the settings page of an official account shows and asks for."""

    app_id: str
    secret: str
    callback_token: str
    aes_key: str


def connect_account(
    *,
    tier: Tier,
    operator: Operator | None = None,
    merchant: Merchant | None = None,
    name: str,
    credentials: Credentials,
    original_id: str = "",
    kind: Kind = Kind.OFFICIAL,
    push_mode: PushMode = PushMode.SAFE,
    actor: Actor,
    is_tested: bool = True,
) -> ChannelAccount:
    """Connect an official account or mini program to the platform, an operator or a merchant.

    WeChat is asked for a token first, outside the transaction: who does not know the secret
    cannot take somebody's app id. The same app id at the same place only changes its secrets.

    Args:
        tier: where it belongs; with ``operator`` or ``merchant`` below the platform.
        operator: set for an operator's account.
        merchant: set for a merchant's account.
        name: as people call it.
        credentials: app id and secrets; stored encrypted, never shown again.
        original_id: ``gh_...``; learned from the first callback when empty.
        kind: a place has at most one account of each kind.
        push_mode: how WeChat sends its pushes.
        actor: who connects; kept in the audit log.
        is_tested: False only where the platform cannot answer yet (demo data).

    Raises:
        CredentialsRefused: WeChat does not accept them (E_WECHAT_CREDENTIALS, 422).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
        AccountTaken: the app id is connected elsewhere (E_ACCOUNT_TAKEN, 409).
        AccountHeld: another app id is connected here (E_ACCOUNT_HELD, 409).
    """
    place: Place = {"tier": tier, "operator": operator, "merchant": merchant, "kind": kind}
    _refuse_taken(credentials.app_id, place)
    asked_at = clock.now()
    token = _test(credentials) if is_tested else None
    try:
        with transaction.atomic():
            account = _saved(
                place,
                name=name,
                credentials=credentials,
                original_id=original_id,
                push_mode=push_mode,
            )
            if token:
                tokens.keep(account, token, asked_at=asked_at)
                account.save(update_fields=tokens.COLUMNS)
            record(actor, account, "wechat.account.connected")
            tasks.note_serving.defer(merchant_id=account.merchant_id)
    except IntegrityError as error:
        if "one_account_per_tier_and_kind" in str(error):
            raise AccountHeld from error
        if "app_id" in str(error):
            raise AccountTaken from error
        raise
    return account


def _refuse_taken(app_id: str, place: Place) -> None:
    known = ChannelAccount.objects.filter(app_id=app_id).first()
    if known is not None and not _is_at(known, place):
        raise AccountTaken
    if ChannelAccount.objects.filter(is_connected=True, **place).exclude(app_id=app_id).exists():
        raise AccountHeld


def _is_at(account: ChannelAccount, place: Place) -> bool:
    return all(getattr(account, name) == value for name, value in place.items())


def _test(credentials: Credentials) -> Token:
    tokens.not_in_transaction()
    try:
        return credential_calls.stable_token(
            client.current(), app_id=credentials.app_id, secret=credentials.secret
        )
    except ChannelRefused as refusal:
        raise CredentialsRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def _saved(
    place: Place, *, name: str, credentials: Credentials, original_id: str, push_mode: PushMode
) -> ChannelAccount:
    account = ChannelAccount.objects.select_for_update().filter(app_id=credentials.app_id).first()
    if account is None:
        account = ChannelAccount(app_id=credentials.app_id, **place)
    elif not _is_at(account, place):
        raise AccountTaken
    else:
        keep_old_keys(account, credentials.callback_token, credentials.aes_key)
    account.name = name[:80]
    account.way, account.standing, account.component = Way.SECRET, Standing.GOOD, None
    account.push_mode = push_mode
    account.original_id = original_id or account.original_id
    account.is_connected = True
    account.seal("secret", credentials.secret)
    account.seal("callback_token", credentials.callback_token)
    account.seal("aes_key", credentials.aes_key)
    account.access_token_sealed = account.access_token_expires_at = None
    account.last_error, account.last_error_code, account.last_error_at = "", None, None
    account.save()
    return account


def keep_old_keys(holder: TokenHolder, callback_token: str, aes_key: str) -> None:
    """Before new keys are put on a row: keep those that change for the pushes under way."""
    for column, new in (("callback_token", callback_token), ("aes_key", aes_key)):
        if holder.has(column) and holder.unseal(column) != new:
            holder.seal(f"previous_{column}", holder.unseal(column))
            holder.keys_changed_at = clock.now()


def disconnect_account(*, account: ChannelAccount, actor: Actor) -> None:
    """Stop using an account; followers and identity links stay for its return."""
    with transaction.atomic():
        changed = ChannelAccount.objects.filter(pk=account.pk, is_connected=True).update(
            is_connected=False
        )
        if changed:
            record(actor, account, "wechat.account.disconnected")
            tasks.note_serving.defer(merchant_id=account.merchant_id)


def record(
    actor: Actor,
    account: ChannelAccount,
    action: str,
    *,
    merchant_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit entry about an account: the merchant's log, else the installation's.

    Args:
        actor: who acts.
        account: about which account.
        action: registered with a text.
        merchant_id: whose log, when a merchant acts on an account that is lent to it.
        details: what else matters.
    """
    target = f"wechat_account:{account.pk}"
    told = {"app_id": account.app_id, **(details or {})}
    owner_id = merchant_id or account.merchant_id
    if owner_id is None:
        audit.record_platform(actor, action, target, details=told)
        return
    with tenancy.merchant_scope(owner_id):
        audit.record(actor, action, target, details=told)


def effective_accounts(merchant: Merchant) -> dict[Kind, ChannelAccount]:
    """The accounts of each kind for a merchant's customers: own, else operator's, else platform's.

    One query for both, because every message asks.
    """
    whose = Q(tier=Tier.PLATFORM) | Q(tier=Tier.MERCHANT, merchant_id=merchant.pk)
    if merchant.operator_id:
        whose |= Q(tier=Tier.OPERATOR, operator_id=merchant.operator_id)
    rows = ChannelAccount.objects.filter(whose, is_connected=True)
    order = (Tier.PLATFORM, Tier.OPERATOR, Tier.MERCHANT)  # the last one stays
    return {Kind(row.kind): row for row in sorted(rows, key=lambda row: order.index(row.tier))}


EFFECTIVE_ACCOUNT: LiteralString = """(
  SELECT a.id FROM wechat_channelaccount a
  WHERE a.kind = 'official' AND a.is_connected
    AND (a.tier = 'platform' OR (a.tier = 'merchant' AND a.merchant_id = m.id)
         OR (a.tier = 'operator' AND a.operator_id = m.operator_id))
  ORDER BY a.tier = 'merchant' DESC, a.tier = 'operator' DESC LIMIT 1)"""
"""``effective_account`` in SQL, for hot doors that read the merchant ``m`` anyway."""


def effective_account(merchant: Merchant) -> ChannelAccount | None:
    """The official account this merchant's customers come through."""
    return effective_accounts(merchant).get(Kind.OFFICIAL)


def platform_account() -> ChannelAccount | None:
    """The platform's own account: the staff of all merchants signs in through it."""
    accounts = ChannelAccount.objects.filter(is_connected=True, kind=Kind.OFFICIAL)
    return accounts.filter(tier=Tier.PLATFORM).first()


def test_account(*, account: ChannelAccount) -> None:
    """Ask WeChat for a token with the stored secret.

    Raises:
        CredentialsRefused: WeChat does not accept them (E_WECHAT_CREDENTIALS, 422).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    try:
        tokens.refresh(account.pk)
    except ChannelRefused as refusal:
        raise CredentialsRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def create_scene_code(
    *,
    account: ChannelAccount,
    purpose: str,
    merchant_id: int | None,
    subject_id: int | None,
    expires_in_s: int,
) -> SceneCode:
    """Make a temporary QR code that tells the purpose's handler when it is scanned.

    Calls WeChat, so it must not run inside a transaction. The scene is 128 random bits: nobody
    can make a code that was not given out.

    Args:
        account: whose followers scan it.
        purpose: names the handler in ``hooks.on_scan``.
        merchant_id: handed to the handler.
        subject_id: handed to the handler, for example the invitation.
        expires_in_s: at most 30 days.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
        ValueError: longer than WeChat allows.
    """
    if not 0 < expires_in_s <= LONGEST_CODE_S:
        message = "a temporary code lives for at most 30 days"
        raise ValueError(message)
    scene = random_tokens.new_token()
    try:
        ticket = api.for_account(account).qrcode_create(scene, expires_in_s=expires_in_s)
    except ChannelRefused as refusal:
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error
    now = clock.now()
    return SceneCode.objects.create(
        account=account,
        scene=scene,
        purpose=purpose,
        merchant_id=merchant_id,
        subject_id=subject_id,
        url=ticket.url,
        created_at=now,
        expires_at=now + timedelta(seconds=expires_in_s),
    )


def person_of_openid(
    *, account: ChannelAccount, openid: str, nickname: str = "", avatar_url: str = ""
) -> Person:
    """The person of the staff behind an openid of the platform's account; made on first sight.

    Such a person has neither phone nor password and no rights anywhere. Two first sights at one
    moment make one person.
    """
    identity = _identity(account, openid)
    if identity is None:
        try:
            with transaction.atomic():
                person = Person(name=nickname[:80] or NAMELESS)
                person.set_unusable_password()
                person.save()
                identity = PersonIdentity.objects.create(
                    person=person, account=account, openid=openid
                )
        except IntegrityError as error:
            if "one_person_per_openid" not in str(error):
                raise
            identity = _identity(account, openid)
            if identity is None:
                raise
    _freshen(identity, nickname=nickname[:80], avatar_url=avatar_url[:500])
    return identity.person


def _identity(account: ChannelAccount, openid: str) -> PersonIdentity | None:
    identities = PersonIdentity.objects.select_related("person")
    return identities.filter(account=account, openid=openid).first()


def _freshen(identity: PersonIdentity, *, nickname: str, avatar_url: str) -> None:
    news = {"nickname": nickname, "avatar_url": avatar_url}
    changed = [name for name, value in news.items() if value and value != getattr(identity, name)]
    if not changed:
        return
    follows_nickname = identity.person.name in {NAMELESS, identity.nickname}
    for name in changed:
        setattr(identity, name, news[name])
    with transaction.atomic():
        identity.save(update_fields=changed)
        if "nickname" in changed and follows_nickname:
            identity.person.name = identity.nickname
            identity.person.save(update_fields=["name"])
