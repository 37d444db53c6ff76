"""Writes down what an authorisation gave: whose account it is, its tokens, its page of facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.channels.wechat import services, tasks, tokens, troubles
from zhanggui.channels.wechat.client.component import Authorisation, AuthoriserInfo
from zhanggui.channels.wechat.errors import AccountHeld, AccountTaken, AuthorisedElsewhere
from zhanggui.channels.wechat.models import ChannelAccount, Component, Kind, Standing, Way
from zhanggui.core import clock, sealing

GONE_CODES = frozenset({61003, 61023})


@dataclass(frozen=True, slots=True)
class Place:
    """To whom an account belongs."""

    tier: Tier
    operator: Operator | None
    merchant: Merchant | None


@dataclass(frozen=True, slots=True)
class Granted:
    """An exchanged code with the account's facts."""

    authorisation: Authorisation
    info: AuthoriserInfo
    asked_at: datetime

    @property
    def app_id(self) -> str:
        """Which account."""
        return self.authorisation.app_id

    @property
    def kind(self) -> Kind:
        """What the account is."""
        return Kind.MINI if self.info.is_mini_program else Kind.OFFICIAL


def place_of(account: ChannelAccount) -> Place:
    """Where an account is now."""
    return Place(Tier(account.tier), account.operator, account.merchant)


def exchange(component: Component, code: str) -> Granted:
    """Exchange an authorisation code and read the account's facts; outside transactions.

    Raises:
        ChannelError: see ``client.component``.
    """
    api = tokens.component_api(component)
    asked_at = clock.now()
    authorisation = api.query_auth(code)
    return Granted(authorisation, api.authorizer_info(authorisation.app_id), asked_at)


def connect_granted(
    *, place: Place, component: Component, granted: Granted, at: datetime, actor: Actor
) -> ChannelAccount:
    """Connect an account that authorised us, or renew it.

    An account that was withdrawn or disconnected elsewhere may come here: its administrator has
    just agreed. Another account at this place gives way only if it was withdrawn.

    Args:
        place: to whom it will belong.
        component: whom it authorised.
        granted: what WeChat gave.
        at: since when; a withdrawal before it no longer counts.
        actor: for the audit log.

    Raises:
        AuthorisedElsewhere: in use elsewhere (E_AUTHORISED_ELSEWHERE, 409).
        AccountTaken: two places authorised it at one moment (E_ACCOUNT_TAKEN, 409).
        AccountHeld: another one is in use here (E_ACCOUNT_HELD, 409).
    """
    try:
        with transaction.atomic():
            account = _row(place, granted)
            make_room(place, app_id=granted.app_id, kind=granted.kind)
            _put(account, component, granted, at)
            account.save()
            services.record(actor, account, "wechat.account.authorised")
            tasks.note_serving.defer(merchant_id=account.merchant_id)
    except IntegrityError as error:
        if "one_account_per_tier_and_kind" in str(error):
            raise AccountHeld from error
        if "app_id" in str(error):
            raise AccountTaken from error
        raise
    return account


def _row(place: Place, granted: Granted) -> ChannelAccount:
    rows = ChannelAccount.objects.select_for_update()
    account = rows.filter(app_id=granted.app_id).first()
    if account is None:
        account = ChannelAccount(app_id=granted.app_id)
    elif place_of(account) != place and is_in_use(account):
        raise AuthorisedElsewhere(account)
    account.tier, account.operator, account.merchant = place.tier, place.operator, place.merchant
    account.kind = granted.kind
    return account


def is_in_use(account: ChannelAccount) -> bool:
    """Whether an account serves where it is."""
    return account.is_connected and account.standing == Standing.GOOD


def keep_elsewhere(
    *, held: ChannelAccount, component: Component, granted: Granted, at: datetime, actor: Actor
) -> None:
    """Take over the tokens of an authorisation that was refused here, where the account is in use.

    WeChat keeps one refresh token for the platform and an account, and a new authorisation voids
    the one before: refusing it without this would cut off whoever uses the account.
    """
    if held.way == Way.AUTHORISED and held.component_id == component.pk:
        connect_granted(
            place=place_of(held), component=component, granted=granted, at=at, actor=actor
        )


def make_room(place: Place, *, app_id: str, kind: str) -> None:
    """Let another account of a kind give way at a place; inside a transaction.

    Raises:
        AccountHeld: it is in use (E_ACCOUNT_HELD, 409).
    """
    others = (
        ChannelAccount.objects.select_for_update()
        .filter(
            tier=place.tier,
            operator=place.operator,
            merchant=place.merchant,
            kind=kind,
            is_connected=True,
        )
        .exclude(app_id=app_id)
    )
    for other in others:
        if is_in_use(other):
            raise AccountHeld
        other.is_connected = False
        other.save(update_fields=["is_connected"])


def _put(account: ChannelAccount, component: Component, granted: Granted, at: datetime) -> None:
    info, authorisation = granted.info, granted.authorisation
    account.way, account.component = Way.AUTHORISED, component
    account.secret_sealed = None
    account.is_connected, account.standing, account.revoked_at = True, Standing.GOOD, None
    account.authorised_at = at
    account.function_ids = list(authorisation.function_ids)
    account.token_lease, account.token_lease_until = "", None
    account.access_token_sealed = account.access_token_expires_at = None
    if authorisation.refresh_token:
        account.seal("refresh_token", authorisation.refresh_token)
    if authorisation.token is not None:
        tokens.keep(account, authorisation.token, asked_at=granted.asked_at)
    _inform(account, info)
    for name, value in troubles.NO_ERROR.items():
        setattr(account, name, value)


def _inform(account: ChannelAccount, info: AuthoriserInfo) -> None:
    account.name = info.name[:80] or account.name or info.app_id
    account.original_id = info.original_id[:40] or account.original_id
    account.principal, account.alias = info.principal[:120], info.alias[:80]
    account.avatar_url = info.avatar_url[:500]
    account.picture_url = info.picture_url[:500]
    account.service_type, account.verify_type = info.service_type, info.verify_type
    account.informed_at = clock.now()


def mark_revoked(*, account: ChannelAccount, at: datetime, actor: Actor) -> None:
    """The merchant withdrew the authorisation; the account keeps its place and says so."""
    with transaction.atomic():
        changed = ChannelAccount.objects.filter(
            pk=account.pk,
            way=Way.AUTHORISED,
            standing=Standing.GOOD,
            authorised_at=account.authorised_at,
        ).update(
            standing=Standing.REVOKED,
            revoked_at=at,
            access_token_sealed=None,
            access_token_expires_at=None,
            token_lease="",
            token_lease_until=None,
        )
        if changed:
            services.record(actor, account, "wechat.account.revoked")


def take_refresh_token(*, account: ChannelAccount, refresh_token: str) -> None:
    """Take over a refresh token from WeChat's list where ours differs; a lost one comes back."""
    try:
        known = account.unseal("refresh_token")
    except sealing.CannotOpen:
        known = ""
    if known == refresh_token and account.standing == Standing.GOOD:
        return
    account.seal("refresh_token", refresh_token)
    ChannelAccount.objects.filter(pk=account.pk, authorised_at=account.authorised_at).update(
        refresh_token_sealed=account.refresh_token_sealed,
        access_token_sealed=None,
        access_token_expires_at=None,
        standing=Standing.GOOD,
        revoked_at=None,
    )
