"""Access tokens of accounts and of the third-party platform: one row for all processes and hosts.

Who needs a new token takes a *lease* with one conditional UPDATE, commits, calls WeChat outside
any transaction and writes the token with a second UPDATE; everybody else keeps using the old
token while it is good (it is renewed five minutes early) or waits for the new one. A row lock or
an advisory lock held over the call would tie up a database connection for seconds, and session
locks do not pass a pooler in transaction mode; a lease of a crashed process simply runs out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from zhanggui.channels.wechat import client, tickets, troubles
from zhanggui.channels.wechat.client import credentials
from zhanggui.channels.wechat.client.component import ComponentApi, component_token
from zhanggui.channels.wechat.client.credentials import Token
from zhanggui.channels.wechat.errors import (
    AuthorisationLost,
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
)
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    Component,
    PageTicket,
    Standing,
    Way,
)
from zhanggui.core import clock, sealing, tokens

EARLY = timedelta(minutes=5)
LEASE = timedelta(seconds=60)
"""Longer than the longest fetch: an account's token may need the platform's first."""
LEASED = ("access_token_at", "access_token_expires_at", "token_lease", "token_lease_until")
COLUMNS = ("access_token_sealed", *LEASED)
POLL_S = 0.05
PATIENCE_S = 15.0

type Holder = ChannelAccount | Component | PageTicket


@dataclass(frozen=True, slots=True)
class Fetched:
    """What WeChat handed out; the refresh token only for an authorised account."""

    token: Token
    refresh_token: str = ""


def access_token(account_id: int, *, rejected: str = "") -> str:
    """A token of an account that is good now; fetches one when it must.

    Args:
        account_id: whose token.
        rejected: a token WeChat just refused; never answered again.

    Raises:
        AuthorisationLost: the account no longer authorises us.
        ChannelRefused: WeChat does not accept app id and secret.
        ChannelUnreachable: no token could be had in time.
        RuntimeError: called inside a transaction.
    """
    return _token(ChannelAccount.objects.filter(pk=account_id), rejected=rejected)


def page_ticket(account: ChannelAccount) -> str:
    """The ticket that signs the account's pages; kept, renewed and leased like its token.

    Raises:
        ChannelError, RuntimeError: as ``access_token``.
    """
    rows = PageTicket.objects.select_related("account").filter(account=account)
    if not rows.exists():
        PageTicket.objects.bulk_create([PageTicket(account=account)], ignore_conflicts=True)
    return _token(rows, rejected="")


def component_api(component: Component) -> ComponentApi:
    """All calls of the third-party platform, with its token taken care of."""
    rows = Component.objects.filter(pk=component.pk)
    return ComponentApi(
        client.current(),
        app_id=component.app_id,
        secret=lambda: component.unseal("secret"),
        token=lambda rejected: _token(rows, rejected=rejected),
    )


def refresh(account_id: int) -> None:
    """Fetch a token although the stored one may be good: a test of app id and secret.

    Raises:
        ChannelError: as ``access_token``; kept on the account for its health page.
    """
    not_in_transaction()
    account = ChannelAccount.objects.select_related("component").get(pk=account_id)
    lease = _take_lease(account)
    try:
        if lease:
            _fetch(account, lease, rejected="")
        else:  # somebody is fetching this very moment; what comes of it is the answer
            access_token(account_id)
    except ChannelError as error:
        troubles.note(account, error)
        raise
    troubles.forget(account)


def not_in_transaction() -> None:
    """Make sure that no transaction is open: a call would hold its locks for seconds.

    Raises:
        RuntimeError: one is open.
    """
    with transaction.atomic(durable=True):
        pass


def keep(account: ChannelAccount, token: Token, *, asked_at: datetime) -> None:
    """Put a token that was just fetched on a row; does not save."""
    _put(account, token, asked_at=asked_at)


def _token[Row: Holder](rows: QuerySet[Row], *, rejected: str) -> str:
    not_in_transaction()
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        holder = rows.get()
        _refuse_revoked(holder)
        known = _stored(holder)
        is_good = bool(known) and known != rejected and _left(holder) > timedelta(0)
        if is_good and _left(holder) > EARLY:
            return known
        lease = _take_lease(holder)
        if lease:
            return _fetch(holder, lease, rejected=rejected)
        if is_good:
            return known  # somebody else renews it; it still works
        if time.monotonic() > give_up_at:
            message = "waited too long for another process to fetch the token"
            raise ChannelUnreachable(message)
        time.sleep(POLL_S)


def _refuse_revoked(holder: Holder) -> None:
    account = holder.account if isinstance(holder, PageTicket) else holder
    if isinstance(account, ChannelAccount) and account.standing == Standing.REVOKED:
        message = "the account does not authorise us"
        raise AuthorisationLost(message, code=61003)


def _stored(holder: Holder) -> str:
    if not holder.has("access_token"):
        return ""
    try:
        return holder.unseal("access_token")
    except sealing.CannotOpen:  # its key left the ring: a new one costs one call
        return ""


def _left(holder: Holder) -> timedelta:
    if holder.access_token_expires_at is None:
        return timedelta(0)
    return holder.access_token_expires_at - clock.now()


def _rows(holder: Holder) -> QuerySet[Any]:
    if isinstance(holder, Component):
        return Component.objects.filter(pk=holder.pk)
    if isinstance(holder, PageTicket):
        return PageTicket.objects.filter(pk=holder.pk)
    return ChannelAccount.objects.filter(pk=holder.pk)


def _take_lease(holder: Holder) -> str:
    lease = tokens.new_token()
    now = clock.now()
    taken = (
        _rows(holder)
        .filter(Q(token_lease_until__isnull=True) | Q(token_lease_until__lte=now))
        # what was read a moment ago must still be so: otherwise the new token is there already
        .filter(access_token_at=holder.access_token_at)
        .update(token_lease=lease, token_lease_until=now + LEASE)
    )
    return lease if taken else ""


def _put(holder: Holder, token: Token, *, asked_at: datetime) -> None:
    holder.seal("access_token", token.value)
    holder.access_token_at = asked_at
    holder.access_token_expires_at = asked_at + timedelta(seconds=token.expires_in_s)
    holder.token_lease, holder.token_lease_until = "", None


def _fetch(holder: Holder, lease: str, *, rejected: str) -> str:
    mine = _rows(holder).filter(token_lease=lease)
    asked_at = clock.now()
    try:
        fetched = _fetched(holder, rejected=rejected)
    except (ChannelError, sealing.CannotOpen):
        mine.update(token_lease="", token_lease_until=None)
        raise
    _put(holder, fetched.token, asked_at=asked_at)
    columns = list(COLUMNS)
    if fetched.refresh_token:
        holder.seal("refresh_token", fetched.refresh_token)
        columns.append("refresh_token_sealed")
    mine.update(**{name: getattr(holder, name) for name in columns})
    if fetched.token.value == rejected:
        message = "WeChat keeps handing out a token that it refuses"
        raise ChannelRefused(message, code=40001)
    return fetched.token.value


def _fetched(holder: Holder, *, rejected: str) -> Fetched:
    if isinstance(holder, Component):
        return _of_component(holder)
    if isinstance(holder, PageTicket):
        return _of_pages(holder.account)
    if holder.way == Way.AUTHORISED:
        return _of_authorised(holder)
    return _by_secret(holder, rejected=rejected)


def _of_pages(account: ChannelAccount) -> Fetched:
    api = client.Api(
        client.current(),
        app_id=account.app_id,
        token=lambda rejected: access_token(account.pk, rejected=rejected),
        on_error=lambda error: troubles.note(account, error),
    )
    return Fetched(api.jsapi_ticket())


def _by_secret(account: ChannelAccount, *, rejected: str) -> Fetched:
    http, app_id, secret = client.current(), account.app_id, account.unseal("secret")
    token = credentials.stable_token(http, app_id=app_id, secret=secret)
    if rejected and token.value == rejected:
        # WeChat hands out the very token it refuses: only a forced fetch makes a new one
        token = credentials.stable_token(http, app_id=app_id, secret=secret, is_forced=True)
    return Fetched(token)


def _of_authorised(account: ChannelAccount) -> Fetched:
    component = Component.objects.get(channelaccount=account.pk)
    api, known = component_api(component), account.unseal("refresh_token")
    try:
        fresh = api.authorizer_token(app_id=account.app_id, refresh_token=known)
    except AuthorisationLost:
        # authorised again while we asked: the refresh token we used is the one that died
        newer = ChannelAccount.objects.get(pk=account.pk).unseal("refresh_token")
        if newer == known:
            raise
        fresh = api.authorizer_token(app_id=account.app_id, refresh_token=newer)
    return Fetched(fresh.token, fresh.refresh_token)


def _of_component(component: Component) -> Fetched:
    try:
        token = component_token(
            client.current(),
            app_id=component.app_id,
            secret=component.unseal("secret"),
            ticket=tickets.ticket_of(component),
        )
    except ChannelError as error:
        troubles.note(component, error)
        if error.code in tickets.TICKET_CODES:
            tickets.ask_for_more(component)
        raise
    troubles.forget(component)
    return Fetched(token)
