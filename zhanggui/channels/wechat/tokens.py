"""The access token of each account: one row in the database for all processes and hosts.

Who needs a new token takes a *lease* with one conditional UPDATE, commits, calls WeChat outside
any transaction and writes the token with a second UPDATE; everybody else keeps using the old
token while it is good (it is renewed five minutes early) or waits for the new one. A row lock or
an advisory lock held over the call would tie up a database connection for seconds, and session
locks do not pass a pooler in transaction mode; a lease of a crashed process simply runs out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from zhanggui.channels.wechat import client
from zhanggui.channels.wechat.client import Token
from zhanggui.channels.wechat.errors import (
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
    TokenExpired,
)
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.core import clock, sealing, tokens

EARLY = timedelta(minutes=5)
LEASE = timedelta(seconds=30)
"""Longer than the longest fetch with its retries (two calls of at most 12 s)."""
COLUMNS = (
    "access_token_sealed",
    "access_token_at",
    "access_token_expires_at",
    "token_lease",
    "token_lease_until",
)
POLL_S = 0.05
PATIENCE_S = 15.0


def access_token(account_id: int, *, rejected: str = "") -> str:
    """A token that is good now; fetches one when it must.

    Args:
        account_id: whose token.
        rejected: a token WeChat just refused; never answered again.

    Raises:
        ChannelRefused: WeChat does not accept app id and secret.
        ChannelUnreachable: no token could be had in time.
        RuntimeError: called inside a transaction.
    """
    not_in_transaction()
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        account = ChannelAccount.objects.get(pk=account_id)
        known = _stored(account)
        is_good = bool(known) and known != rejected and _left(account) > timedelta(0)
        if is_good and _left(account) > EARLY:
            return known
        lease = _take_lease(account)
        if lease:
            return _fetch(account, lease, rejected=rejected)
        if is_good:
            return known  # somebody else renews it; it still works
        if time.monotonic() > give_up_at:
            message = "waited too long for another process to fetch the token"
            raise ChannelUnreachable(message)
        time.sleep(POLL_S)


def refresh(account_id: int) -> None:
    """Fetch a token although the stored one may be good: a test of app id and secret.

    Raises:
        ChannelError: as ``access_token``; kept on the account for its health page.
    """
    not_in_transaction()
    account = ChannelAccount.objects.get(pk=account_id)
    lease = _take_lease(account)
    if not lease:  # somebody is fetching this very moment; what comes of it is the answer
        access_token(account_id)
        return
    try:
        _fetch(account, lease, rejected="")
    except ChannelError as error:
        note_error(account_id, error)
        raise
    ChannelAccount.objects.filter(pk=account_id).update(
        last_error="", last_error_code=None, last_error_at=None
    )


def call[Answer](account: ChannelAccount, request: Callable[[str], Answer]) -> Answer:
    """Make a call that needs the account's token; a dead token is renewed once.

    Raises:
        ChannelError: see ``client``; kept on the account for its health page.
    """
    try:
        token = access_token(account.pk)
        try:
            return request(token)
        except TokenExpired:
            return request(access_token(account.pk, rejected=token))
    except ChannelError as error:
        note_error(account.pk, error)
        raise


def note_error(account_id: int, error: ChannelError) -> None:
    """Keep the latest trouble of an account for its health page."""
    ChannelAccount.objects.filter(pk=account_id).update(
        last_error=str(error)[:200], last_error_code=error.code, last_error_at=clock.now()
    )


def not_in_transaction() -> None:
    """Make sure that no transaction is open: a call would hold its locks for seconds.

    Raises:
        RuntimeError: one is open.
    """
    with transaction.atomic(durable=True):
        pass


def _stored(account: ChannelAccount) -> str:
    if account.access_token_sealed is None:
        return ""
    try:
        return account.unseal("access_token")
    except sealing.CannotOpen:  # its key left the ring: a new one costs one call
        return ""


def _left(account: ChannelAccount) -> timedelta:
    if account.access_token_expires_at is None:
        return timedelta(0)
    return account.access_token_expires_at - clock.now()


def _take_lease(account: ChannelAccount) -> str:
    lease = tokens.new_token()
    now = clock.now()
    taken = (
        ChannelAccount.objects.filter(pk=account.pk)
        .filter(Q(token_lease_until__isnull=True) | Q(token_lease_until__lte=now))
        # what was read a moment ago must still be so: otherwise the new token is there already
        .filter(access_token_at=account.access_token_at)
        .update(token_lease=lease, token_lease_until=now + LEASE)
    )
    return lease if taken else ""


def keep(account: ChannelAccount, token: Token, *, asked_at: datetime) -> None:
    """Store a token that was fetched to test app id and secret."""
    _put(account, token, asked_at=asked_at)
    account.save(update_fields=COLUMNS)


def _put(account: ChannelAccount, token: Token, *, asked_at: datetime) -> None:
    account.seal("access_token", token.value)
    account.access_token_at = asked_at
    account.access_token_expires_at = asked_at + timedelta(seconds=token.expires_in_s)
    account.token_lease, account.token_lease_until = "", None


def _fetch(account: ChannelAccount, lease: str, *, rejected: str) -> str:
    mine = ChannelAccount.objects.filter(pk=account.pk, token_lease=lease)
    app_id, secret = account.app_id, account.unseal("secret")
    asked_at = clock.now()
    try:
        token = client.current().stable_token(app_id=app_id, secret=secret)
        if rejected and token.value == rejected:
            # WeChat hands out the very token it refuses: only a forced fetch makes a new one
            token = client.current().stable_token(app_id=app_id, secret=secret, is_forced=True)
    except ChannelError:
        mine.update(token_lease="", token_lease_until=None)
        raise
    _put(account, token, asked_at=asked_at)
    mine.update(**{name: getattr(account, name) for name in COLUMNS})
    if not token.value or token.value == rejected:
        message = "WeChat keeps handing out a token that it refuses"
        raise ChannelRefused(message, code=40001)
    return token.value
