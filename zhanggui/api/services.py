"""Making, finding, counting and revoking tokens.

Source: platform specification P42, P03; stamps specification D23.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import LiteralString

from django.db import connection, transaction
from django.db.models import Case, F, Q, Value, When

from zhanggui.accounts import audit, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.api import scopes
from zhanggui.api.errors import (
    NameTaken,
    TokenExpired,
    TokenOver,
    TokenRevoked,
    TokensFull,
    TokenUnknown,
    TooManyCalls,
    TooManyWrites,
)
from zhanggui.api.models import ApiToken, TokenState
from zhanggui.core import clock, sealing, tokens

PREFIX = "zg_"
"""Lets people and scanners of secrets see what it is."""
LENGTH = 32  # 158 bits: nobody guesses one, so unknown ones need no counter
PURPOSE = "api_apitoken.key"
CALLS_A_MINUTE = 300
WINDOW = timedelta(minutes=1)
MOST_TOKENS = 200

_ENTER: LiteralString = """
UPDATE api_apitoken SET
  window_calls = CASE WHEN window_starts_at > %(window)s
                      THEN least(window_calls, %(most)s) + 1 ELSE 1 END,
  window_starts_at = CASE WHEN window_starts_at > %(window)s
                          THEN window_starts_at ELSE %(now)s END,
  last_used_at = %(now)s, last_ip = %(ip)s
WHERE key_hash = ANY(%(hashes)s)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class TokenInput:
    """What an owner says about a new token."""

    name: str
    scopes: Sequence[str]
    store_ids: Sequence[int] = ()
    """Empty: every store."""
    days: int | None = None
    """How long it lasts from now; None: until it is revoked."""
    writes_a_day: int = 500
    keeps_end: bool = False
    """Of a change: ``days`` says nothing, the token ends when it was to end."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new token with its secret, which exists nowhere else."""

    token: ApiToken
    secret: str


@dataclass(frozen=True, slots=True)
class Entered:
    """Who calls, and how many calls are left until when."""

    token: ApiToken
    """With its merchant."""
    left: int
    resets_in_s: int


def create_token(*, merchant: Merchant, values: TokenInput, actor: Actor) -> Made:
    """Make a token for a till; the secret is in the answer and nowhere else.

    Raises:
        PlaceFrozen, PlaceArchived: the merchant is not at work (403).
        NameTaken: a token in use has this name (E_TOKEN_NAME, 409).
        TokensFull: 200 are in use (E_TOKENS_FULL, 409).
    """
    account_services.refuse_frozen(merchant)
    secret = PREFIX + tokens.new_token(LENGTH)
    moment = clock.now()
    with transaction.atomic():
        standing.hold(merchant.pk)
        in_use = ApiToken.objects.filter(merchant=merchant, revoked_at=None)
        if in_use.filter(name=values.name).exists():
            raise NameTaken
        if in_use.count() >= MOST_TOKENS:
            raise TokensFull(most=MOST_TOKENS)
        token = ApiToken.objects.create(
            merchant=merchant,
            name=values.name,
            key_hash=_hashes(secret)[0],
            tail=secret[-4:],
            scopes=[scope.name for scope in scopes.named(values.scopes)],
            store_ids=_stores(values),
            writes_a_day=values.writes_a_day,
            created_at=moment,
            created_by=actor.name[:80],
            expires_at=_end(values, moment),
        )
        audit.record(
            actor,
            "api.token.created",
            f"api_token:{token.pk}",
            details={"scopes": token.scopes, "stores": token.store_ids},
        )
    return Made(token, secret)


def _stores(values: TokenInput) -> list[int]:
    stores = Store.objects.filter(pk__in=values.store_ids)
    return sorted(stores.values_list("pk", flat=True))


def _end(values: TokenInput, moment: datetime) -> datetime | None:
    return moment + timedelta(days=values.days) if values.days else None


def change_token(*, token: ApiToken, values: TokenInput, actor: Actor) -> ApiToken:
    """Let a token do more or less; the secret in the till stays as it is.

    It holds from the next call on. One whose time is over works again with a new end.

    Raises:
        PlaceFrozen, PlaceArchived: the merchant is not at work (403).
        TokenOver: it was revoked (E_TOKEN_OVER, 409).
        NameTaken: another token in use has this name (E_TOKEN_NAME, 409).
    """
    account_services.refuse_frozen(token.merchant)
    moment = clock.now()
    with transaction.atomic():
        standing.hold(token.merchant_id)
        in_use = ApiToken.objects.filter(merchant_id=token.merchant_id, revoked_at=None)
        row = in_use.select_for_update().filter(pk=token.pk).first()
        if row is None:
            raise TokenOver
        if in_use.filter(name=values.name).exclude(pk=row.pk).exists():
            raise NameTaken
        was = _told(row)
        row.name, row.writes_a_day = values.name, values.writes_a_day
        row.scopes = [scope.name for scope in scopes.named(values.scopes)]
        row.store_ids = _stores(values)
        if not values.keeps_end:
            row.expires_at = _end(values, moment)
        row.save(update_fields=["name", "writes_a_day", "scopes", "store_ids", "expires_at"])
        before, after = audit.changed(was, _told(row))
        if after:
            audit.record(
                actor, "api.token.changed", f"api_token:{row.pk}", before=before, after=after
            )
    return row


def _told(token: ApiToken) -> dict[str, object]:
    """What the audit log keeps of a change."""
    return {
        "name": token.name,
        "api.scopes": token.scopes,
        "api.stores": token.store_ids,
        "api.writes_a_day": token.writes_a_day,
        "api.until": token.expires_at.isoformat() if token.expires_at else "",
    }


def revoke_token(*, token: ApiToken, actor: Actor) -> None:
    """End a token at once; what it did stays in the ledgers under its name.

    Raises:
        TokenOver: it was revoked before (E_TOKEN_OVER, 409).
    """
    with transaction.atomic():
        rows = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not rows.update(revoked_at=clock.now(), revoked_by=actor.name[:80]):
            raise TokenOver
        audit.record(actor, "api.token.revoked", f"api_token:{token.pk}")


def _hashes(secret: str) -> list[bytes]:
    """Under what a token may be kept: one hash for each key of the ring, the newest first."""
    return [
        sealing.keyed_hash(secret, purpose=PURPOSE, merchant_id=None, version=version)
        for version in sealing.versions()
    ]


def enter(*, secret: str, ip: str | None) -> Entered:
    """Find a token and count the call, committed at once.

    Raises:
        TokenUnknown, TokenRevoked, TokenExpired: it opens nothing (401).
        TooManyCalls: more than 300 in a minute; carries the seconds to wait (E_RATE, 429).
        PlaceFrozen, PlaceArchived: its merchant is not at work (403).
        PlanArchived: the merchant's plan ended long ago (E_PLAN_ARCHIVED, 403).
    """
    moment = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _ENTER,
            {
                "hashes": _hashes(secret),
                "window": moment - WINDOW,
                "now": moment,
                "most": CALLS_A_MINUTE,
                "ip": ip,
            },
        )
        row = cursor.fetchone()
    if row is None:
        raise TokenUnknown
    token = ApiToken.objects.select_related("merchant").get(pk=row[0])
    _refuse_ended(token, moment)
    resets_in_s = _seconds_left(token, moment)
    if token.window_calls > CALLS_A_MINUTE:
        raise TooManyCalls(retry_after_s=resets_in_s, most=CALLS_A_MINUTE)
    account_services.refuse_shut(token.merchant)
    stands = standing.of(token.merchant)
    standing.admit(stands, is_owner=False, is_safe=True, works_read_only=False)
    return Entered(token, CALLS_A_MINUTE - token.window_calls, resets_in_s)


def _refuse_ended(token: ApiToken, moment: datetime) -> None:
    state = token.state_at(moment)
    if state is TokenState.REVOKED:
        raise TokenRevoked
    if state is TokenState.EXPIRED:
        raise TokenExpired


def _seconds_left(token: ApiToken, moment: datetime) -> int:
    start = token.window_starts_at or moment
    return max(1, ceil((start + WINDOW - moment).total_seconds()))


def count_write(*, token: ApiToken) -> None:
    """Count a booking in its transaction; last in it, for it keeps other bookings waiting.

    Raises:
        TooManyWrites: all of today's are done (E_DAY_LIMIT, 429).
    """
    today = today_of(token)
    has_room = Q(day_writes__lt=F("writes_a_day")) | ~Q(day=today) | Q(day=None)
    again = When(day=today, then=F("day_writes") + 1)
    rows = ApiToken.objects.filter(has_room, pk=token.pk)
    if not rows.update(day_writes=Case(again, default=Value(1)), day=today):
        zone = token.merchant.time_zone
        wait = clock.start_of(today + timedelta(days=1), zone) - clock.now()
        raise TooManyWrites(retry_after_s=ceil(wait.total_seconds()), most=token.writes_a_day)


def today_of(token: ApiToken) -> date:
    """The business day of the token's shop."""
    return clock.local_date(clock.now(), token.merchant.time_zone)


def writes_left(token: ApiToken) -> int:
    """How many bookings the token may do today still."""
    done = token.day_writes if token.day == today_of(token) else 0
    return max(0, token.writes_a_day - done)
