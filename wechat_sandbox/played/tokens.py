"""Tokens of accounts: two worlds that do not disturb each other.

Plain tokens (``/cgi-bin/token``) void their predecessor after five minutes; the
stable call hands out the same token until it nears its end.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from wechat_sandbox import accounts, components
from wechat_sandbox.accounts import Account
from wechat_sandbox.components import Authorisation, Component
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.store import Row, add_tables
from wechat_sandbox.world import World

LIFE_S = 7200
OVERLAP_S = 300
KEPT_EXPIRED_S = 3 * 86400
AUTHORIZER = "authorizer:"  # followed by the platform's appid: tokens it has of an account


add_tables(
    """
CREATE TABLE component_tokens (
    token TEXT PRIMARY KEY, component TEXT NOT NULL, expires_at REAL NOT NULL, void_at REAL
);
"""
)


@dataclass(frozen=True)
class Caller:
    """Who calls: an account, or a platform in its name with the permission sets it was given."""

    account: Account
    authorisation: Authorisation | None = None


def caller_of(world: World, token: str) -> Caller:
    """Whose token it is; 41001 none given, 42001 expired, 40001 unknown, 61003 taken back."""
    if not token:
        raise Refusal(41001)
    row = _alive(world, world.store.row("SELECT * FROM tokens WHERE token = ?", token))
    found = accounts.find(world.store, row["appid"])
    if found is None:
        raise Refusal(40001)
    if not row["world"].startswith(AUTHORIZER):
        return Caller(found)
    component = row["world"].removeprefix(AUTHORIZER)
    given = components.authorisation(world.store, component, found.appid)
    if given is None or not given.is_on:
        raise Refusal(61003)
    return Caller(found, given)


def component_of(world: World, token: str) -> Component:
    """The platform whose own token it is; 41001, 42001 and 40001 as for accounts."""
    if not token:
        raise Refusal(41001)
    row = _alive(world, world.store.row("SELECT * FROM component_tokens WHERE token = ?", token))
    found = components.find(world.store, row["component"])
    if found is None:
        raise Refusal(40001)
    return found


def _alive(world: World, row: Row | None) -> Row:
    now = world.clock.now()
    if row is None or (row["void_at"] is not None and row["void_at"] <= now):
        raise Refusal(40001)
    if row["expires_at"] <= now:
        raise Refusal(42001)
    return row


def check_credentials(
    world: World, *, appid: object, secret: object, grant_type: object, wanted: str, ip: str | None
) -> Account:
    """The account that knows this secret; checked in WeChat's order, the appid first."""
    if not appid:
        raise Refusal(41002)
    found = accounts.find(world.store, appid) if isinstance(appid, str) else None
    if found is None:
        raise Refusal(40013)
    if grant_type != wanted:
        raise Refusal(40002)
    if not secret:
        raise Refusal(41004)
    if found.is_frozen:
        raise Refusal(40243)
    if secret != found.secret:
        raise Refusal(40125)
    if ip is not None and found.allow_ips is not None and ip not in found.allow_ips:
        raise Refusal(40164, f"invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist")
    return found


def fresh_plain(world: World, account: Account) -> tuple[str, int]:
    """A new plain token; older ones live five minutes more."""
    return _fresh(world, account, "plain")


def fresh_of_authorizer(world: World, account: Account, component: Component) -> tuple[str, int]:
    """A new token of the account for a platform; older ones live five minutes more."""
    return _fresh(world, account, f"{AUTHORIZER}{component.appid}")


def _fresh(world: World, account: Account, kind: str) -> tuple[str, int]:
    with world.store.transaction():
        world.store.write(
            "UPDATE tokens SET void_at = ? WHERE appid = ? AND world = ? AND void_at IS NULL",
            world.clock.now() + OVERLAP_S,
            account.appid,
            kind,
        )
        return _issue(world, account, kind), LIFE_S


def fresh_of_component(world: World, component: Component) -> tuple[str, int]:
    """A new token of the platform itself; older ones live five minutes more."""
    now = world.clock.now()
    token = f"97_{secrets.token_urlsafe(96)}"
    store = world.store
    with store.transaction():
        store.write("DELETE FROM component_tokens WHERE expires_at < ?", now - KEPT_EXPIRED_S)
        store.write(
            "UPDATE component_tokens SET void_at = ? WHERE component = ? AND void_at IS NULL",
            now + OVERLAP_S,
            component.appid,
        )
        store.insert(
            "component_tokens",
            token=token,
            component=component.appid,
            expires_at=now + LIFE_S,
            void_at=None,
        )
    return token, LIFE_S


def stable(world: World, account: Account, *, force: bool) -> tuple[str, int]:
    """The current stable token with the seconds it still has; ``force`` kills it for a new one."""
    now = world.clock.now()
    with world.store.transaction():
        current = _current(world, account.appid)
        if force:
            world.store.write(
                "UPDATE tokens SET void_at = ? WHERE appid = ? AND world = 'stable'"
                " AND (void_at IS NULL OR void_at > ?)",
                now,
                account.appid,
                now,
            )
        elif current and current["expires_at"] - now > OVERLAP_S:
            return current["token"], int(current["expires_at"] - now)
        return _issue(world, account, "stable"), LIFE_S


def _current(world: World, appid: str) -> Row | None:
    return world.store.row(
        "SELECT * FROM tokens WHERE appid = ? AND world = 'stable' AND void_at IS NULL"
        " AND expires_at > ? ORDER BY issued_at DESC, rowid DESC LIMIT 1",
        appid,
        world.clock.now(),
    )


def _issue(world: World, account: Account, kind: str) -> str:
    now = world.clock.now()
    token = f"98_{secrets.token_urlsafe(96)}"
    world.store.write("DELETE FROM tokens WHERE expires_at < ?", now - KEPT_EXPIRED_S)
    world.store.insert(
        "tokens",
        token=token,
        appid=account.appid,
        world=kind,
        issued_at=now,
        expires_at=now + LIFE_S,
        void_at=None,
    )
    return token
