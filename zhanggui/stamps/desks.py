"""Who works at which desk, in one statement: session, person, platform account, binding.

The confirm door saves that trip: it assumes what the statement answered last, sends it again with
its first trip, and starts over if the answer is another one.

The ordinary guards answer the same question one after the other; whoever is not admitted here is
sent to them. One table of attacks runs over both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, LiteralString, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from zhanggui.accounts import devices
from zhanggui.accounts.models import Person
from zhanggui.accounts.sessions import DEVICE_KEY, SessionStore
from zhanggui.accounts.standing import AT_WORK
from zhanggui.channels.wechat.guards import ACCOUNT_KEY
from zhanggui.core import clock
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Line, Statement, Values, fetch_first
from zhanggui.stamps.permissions import FEATURE
from zhanggui.stamps.results import Check, Desk

SHORTEST_KEY = 8
MOST_REMEMBERED = 4096
PERSON = ("id", "password", "name", "is_active")

WHO: LiteralString = """
SELECT s.session_data, p.id, p.name, p.password, p.is_active, a.id,
       b.id, b.store_id, m.id, m.name, m.slug, m.time_zone
FROM accounts_session s
JOIN accounts_person p ON p.id = s.person_id
LEFT JOIN wechat_channelaccount a ON a.tier = 'platform' AND a.is_connected
LEFT JOIN stamps_managerbinding b ON b.person_id = p.id AND b.removed_at IS NULL
LEFT JOIN accounts_merchant m ON m.id = b.merchant_id
WHERE s.session_key = %(key)s AND s.expire_date > %(now)s
"""


class Who(NamedTuple):
    """What ``WHO`` answers."""

    session_data: str
    person_id: int
    person_name: str
    password: str
    is_active: bool
    account_id: int | None
    binding_id: int | None
    store_id: int
    merchant_id: int
    merchant_name: str
    merchant_slug: str
    zone: str


STORE: LiteralString = f"""
SELECT s.name, s.state = 'open' AND {AT_WORK}
FROM accounts_store s JOIN accounts_merchant m ON m.id = %(merchant)s
WHERE s.merchant_id = %(merchant)s AND s.id = %(store)s
"""  # noqa: S608  constants only


class Remembered(NamedTuple):
    """The last answer for a session that was found good."""

    row: Line
    who: Who
    device: str
    """Where the session began; it is worth nothing elsewhere."""


_remembered: dict[str, Remembered] = {}


def who_of(request: HttpRequest) -> Who | None:
    """Who holds the session; None for no session, an ended one, or one not begun in WeChat."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if len(key) < SHORTEST_KEY or not set(key) <= set(VALID_KEY_CHARS):
        return None
    row = fetch_first(_asking(key))
    if row is None:
        return None
    who = _read_who(row)
    session = _read(who.session_data)
    device = str(session.get(DEVICE_KEY, ""))
    if not (who.is_active and _is_theirs(session, who) and devices.is_of(device, request)):
        return None
    if who.binding_id is not None:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        _remembered[key] = Remembered(row, who, device)
    return who


def assumed(request: HttpRequest) -> tuple[Who, Check] | None:
    """Who held the session when it was last asked for, and what must still be answered."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    known = _remembered.get(key)
    if known is None or not devices.is_of(known.device, request):
        return None
    return known.who, Check(_asking(key), known.row)


def forget() -> None:
    """Forget all sessions (for tests)."""
    _remembered.clear()


def _asking(key: str) -> Statement:
    return Statement(WHO, {"key": key, "now": timezone.now()})


def person_of(who: Who) -> Person:
    """The person, as far as a page needs it."""
    # as a query would make it: what was not read is read when somebody asks for it
    known = (who.person_id, who.password, who.person_name, True)
    return Person.from_db(DEFAULT_DB_ALIAS, PERSON, known)


def _read_who(row: Line) -> Who:
    return Who(
        session_data=read.text(row[0]),
        person_id=read.number(row[1]),
        person_name=read.text(row[2]),
        password=read.text(row[3]),
        is_active=read.is_true(row[4]),
        account_id=read.number_or_none(row[5]),
        binding_id=read.number_or_none(row[6]),
        store_id=read.number(row[7]),
        merchant_id=read.number(row[8]),
        merchant_name=read.text(row[9]),
        merchant_slug=read.text(row[10]),
        zone=read.text(row[11]),
    )


@lru_cache(maxsize=4096)
def _read(session_data: str) -> dict[str, Any]:
    """What a session holds; empty when its signature is wrong."""
    return SessionStore().decode(session_data)


def _is_theirs(session: dict[str, Any], who: Who) -> bool:
    return (
        str(session.get(SESSION_KEY)) == str(who.person_id)
        and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), _auth_hash(who.password))
        and who.account_id is not None
        and session.get(ACCOUNT_KEY) == who.account_id
    )


@lru_cache(maxsize=4096)
def _auth_hash(password: str) -> str:
    """What a session must carry, so that a new password ends the old sessions."""
    return Person(password=password).get_session_auth_hash()


def desk_with_store(who: Who) -> Desk:
    """The desk for a page: with the store's name and whether it is open; one statement."""
    row = fetch_first(store_of(who))
    name, is_open = row or (None, None)
    return desk(who, store_name=read.text(name), is_open=read.is_true(is_open))


def store_of(place: Who | Desk) -> Statement:
    """What answers the store's name and whether it is open."""
    values: Values = {
        "merchant": place.merchant_id,
        "store": place.store_id,
        "now": clock.now(),
        "feature": FEATURE.name,
    }
    return Statement(STORE, values)


def desk(
    who: Who, *, store_name: str = "", is_open: bool = True, check: Check | None = None
) -> Desk:
    """The desk; without the store where the service reads that itself."""
    return Desk(
        binding_id=who.binding_id or 0,
        person_id=who.person_id,
        person_name=who.person_name,
        merchant_id=who.merchant_id,
        merchant_name=who.merchant_name,
        merchant_slug=who.merchant_slug,
        store_id=who.store_id,
        store_name=store_name,
        zone=who.zone,
        is_open=is_open,
        check=check,
    )
