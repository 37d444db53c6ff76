"""Access tokens of accounts and of the third-party platform: one row for all processes and hosts.

Who needs a new token takes a *lease* with one conditional UPDATE, commits, calls WeChat outside
any transaction and writes the token with a second UPDATE; everybody else keeps using the old
token while it is good (it is renewed five minutes early) or waits for the new one. A row lock or
an advisory lock held over the call would tie up a database connection for seconds, and session
locks do not pass a pooler in transaction mode; a lease of a crashed process simply runs out.

Of those who wait in one process only one asks the database how far the new token is, at growing
intervals; the others wait for its answer. So hundreds of callers cost a handful of questions.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
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
LEASE = timedelta(seconds=25)
"""Longer than the longest call; taken anew where the platform's token had to be fetched first."""
REST = timedelta(seconds=10)
"""Before the next try to renew a token that still works, when WeChat gave none."""
LEASED = ("access_token_at", "access_token_expires_at", "token_lease", "token_lease_until")
COLUMNS = ("access_token_sealed", *LEASED)
POLL_S, SLOWEST_POLL_S, SLOWER = 0.05, 0.2, 1.5
HELD_FOR_S = 5.0
PATIENCE_S = 30.0
"""Longer than a lease: who waits for a process that died takes over."""

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


class Held:
    """An account's token for many calls in a row: not each of them asks the database.

    Safe to share between threads; called as ``access_token`` is.
    """

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        self._kept, self._until = "", 0.0
        self._lock = threading.Lock()

    def __call__(self, rejected: str) -> str:
        """A token that is good now, another one than the rejected."""
        with self._lock:
            if not self._kept or self._kept == rejected or time.monotonic() > self._until:
                self._kept = ""
                self._kept = access_token(self._account_id, rejected=rejected)
                self._until = time.monotonic() + HELD_FOR_S
            return self._kept


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
        known = _good(holder, rejected)
        if known:
            return known if _left(holder) > EARLY else _renewed_early(holder, known)
        fresh = _shared(holder, lambda: _awaited(rows, rejected, give_up_at), give_up_at)
        if fresh and fresh != rejected:
            return fresh
        if time.monotonic() > give_up_at:
            raise _too_slow()


def _good(holder: Holder, rejected: str) -> str:
    """The stored token if it works now; empty when a new one is needed."""
    _refuse_revoked(holder)
    known = _stored(holder)
    return known if known != rejected and _left(holder) > timedelta(0) else ""


def _renewed_early(holder: Holder, known: str) -> str:
    """The new token for whoever fetches it; all others go on with the one that still works."""
    lease = _take_lease(holder)
    if not lease:
        return known
    try:
        return _fetch(holder, lease, rejected="")
    except AuthorisationLost:
        raise
    except ChannelError as error:
        troubles.note(_owner(holder), error)
        _rows(holder).filter(token_lease="").update(
            token_lease=lease, token_lease_until=clock.now() + REST
        )
        return known


def _awaited[Row: Holder](rows: QuerySet[Row], rejected: str, give_up_at: float) -> str:
    """Fetch a token, or wait until another process has; one thread of a process does this."""
    wait_s = POLL_S
    while True:
        holder = rows.get()
        known = _good(holder, rejected)
        if known:
            return known
        lease = _take_lease(holder)
        if lease:
            return _fetch(holder, lease, rejected=rejected)
        if time.monotonic() > give_up_at:
            raise _too_slow()
        time.sleep(wait_s * random.uniform(0.7, 1.3))  # noqa: S311  no secret
        wait_s = min(wait_s * SLOWER, SLOWEST_POLL_S)


_waited_for: dict[tuple[type[ChannelAccount | Component | PageTicket], int], Future[str]] = {}
_waiting = threading.Lock()


def _shared(holder: Holder, work: Callable[[], str], give_up_at: float) -> str:
    """Let one thread of this process do the work; the others share its token or its refusal.

    Returns:
        The token; empty when the one who did it met a trouble of its own.
    """
    key = (type(holder), holder.pk)
    mine: Future[str] = Future()
    with _waiting:
        theirs = _waited_for.setdefault(key, mine)
    if theirs is not mine:
        try:
            return theirs.result(timeout=max(give_up_at - time.monotonic(), 0))
        except ChannelError:
            raise
        except TimeoutError:
            raise _too_slow() from None
        except Exception:  # noqa: BLE001  theirs, such as a lost connection: it has risen there
            return ""
    try:
        token = work()
    except BaseException as error:
        _done_waiting(key).set_exception(error)
        raise
    _done_waiting(key).set_result(token)
    return token


def _done_waiting(key: tuple[type[ChannelAccount | Component | PageTicket], int]) -> Future[str]:
    with _waiting:
        return _waited_for.pop(key)


def _too_slow() -> ChannelUnreachable:
    return ChannelUnreachable("waited too long for another process to fetch the token")


def _owner(holder: Holder) -> ChannelAccount | Component:
    return holder.account if isinstance(holder, PageTicket) else holder


def _refuse_revoked(holder: Holder) -> None:
    account = _owner(holder)
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
        fetched = _fetched(holder, lease, rejected=rejected)
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


def _fetched(holder: Holder, lease: str, *, rejected: str) -> Fetched:
    if isinstance(holder, Component):
        return _of_component(holder)
    if isinstance(holder, PageTicket):
        return _of_pages(holder.account)
    if holder.way == Way.AUTHORISED:
        return _of_authorised(holder, lease)
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


def _of_authorised(account: ChannelAccount, lease: str) -> Fetched:
    component = Component.objects.get(channelaccount=account.pk)
    _token(Component.objects.filter(pk=component.pk), rejected="")  # a fetch of its own, perhaps
    _rows(account).filter(token_lease=lease).update(token_lease_until=clock.now() + LEASE)
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
