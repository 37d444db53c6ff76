"""An account is given into a platform's hands, changed, taken back; and the codes and events of it.

Source: digest 3.6 to 3.9 and behaviours 4, 5 and 6 of 10.4.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from wechat_sandbox import components
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.components import Authorisation, Component
from wechat_sandbox.store import Row, add_tables, pack
from wechat_sandbox.world import World

PRE_AUTH_LIFE_S = 600
AUTH_CODE_LIFE_S = 3600

add_tables(
    """
CREATE TABLE pre_auth_codes (
    code TEXT PRIMARY KEY, component TEXT NOT NULL, expires_at REAL NOT NULL, used_at REAL
);
CREATE TABLE auth_codes (
    code TEXT PRIMARY KEY, component TEXT NOT NULL, appid TEXT NOT NULL, batch TEXT NOT NULL,
    expires_at REAL NOT NULL, state TEXT NOT NULL
);
CREATE INDEX auth_codes_of_account ON auth_codes (component, appid, batch);
"""
)


@dataclass(frozen=True)
class Granted:
    """What an administrator's consent led to; ``event`` is empty when none is pushed.

    The code of the browser and the code of the push differ; either of them works, once.
    """

    component: Component
    account: Account
    event: str
    browser_code: str
    push_code: str
    pre_auth_code: str


def new_pre_auth_code(world: World, component: Component) -> str:
    """A code for one visit to the authorisation page."""
    code = "preauthcode@@@" + secrets.token_urlsafe(45)
    world.store.insert(
        "pre_auth_codes",
        code=code,
        component=component.appid,
        expires_at=world.clock.now() + PRE_AUTH_LIFE_S,
        used_at=None,
    )
    return code


def pre_auth_code(world: World, component: Component, code: str) -> Row | None:
    """The code as long as it can be used."""
    return world.store.row(
        "SELECT * FROM pre_auth_codes WHERE code = ? AND component = ? AND expires_at > ?"
        " AND used_at IS NULL",
        code,
        component.appid,
        world.clock.now(),
    )


def grant(
    world: World,
    component: Component,
    account: Account,
    *,
    func_ids: list[int],
    pre_auth_code: str = "",
) -> Granted:
    """An administrator consents: note it and make the two codes.

    Raises:
        BadInput: sets the platform does not ask for, or that another platform holds.
    """
    if not set(func_ids) <= set(component.offers(account)):
        raise BadInput("the platform does not ask this account for these permission sets")
    taken = components.taken_sets(world.store, account, besides=component.appid)
    if taken & set(func_ids):
        raise BadInput(f"another platform holds the permission sets {sorted(taken)}")
    known = components.authorisation(world.store, component.appid, account.appid)
    batch = secrets.token_hex(8)
    with world.store.transaction():
        world.store.write(
            "UPDATE pre_auth_codes SET used_at = ? WHERE code = ?",
            world.clock.now(),
            pre_auth_code,
        )
        world.store.write(
            "INSERT INTO authorisations (component, appid, func_ids, refresh_token, is_on, at)"
            " VALUES (?, ?, ?, NULL, 1, ?) ON CONFLICT (component, appid) DO UPDATE SET"
            " func_ids = excluded.func_ids, is_on = 1, at = excluded.at",
            component.appid,
            account.appid,
            pack(sorted(func_ids)),
            world.clock.now(),
        )
        codes = [_new_code(world, component, account, batch) for _ in range(2)]
    world.touch_all()
    return Granted(
        component=component,
        account=account,
        event=_event(known, func_ids),
        browser_code=codes[0],
        push_code=codes[1],
        pre_auth_code=pre_auth_code,
    )


def _event(known: Authorisation | None, func_ids: list[int]) -> str:
    if known is None or not known.is_on:
        return "authorized"
    return "" if set(known.func_ids) == set(func_ids) else "updateauthorized"


def _new_code(world: World, component: Component, account: Account, batch: str) -> str:
    code = "queryauthcode@@@" + secrets.token_urlsafe(45)
    world.store.insert(
        "auth_codes",
        code=code,
        component=component.appid,
        appid=account.appid,
        batch=batch,
        expires_at=world.clock.now() + AUTH_CODE_LIFE_S,
        state="new",
    )
    return code


async def announce(world: World, granted: Granted) -> Delivery | None:
    """Push what came of a consent; None when nothing is to be told."""
    if not granted.event:
        return None
    fields = {
        **_head(world, granted.component, granted.event),
        "AuthorizerAppid": granted.account.appid,
        "AuthorizationCode": granted.push_code,
        "AuthorizationCodeExpiredTime": AUTH_CODE_LIFE_S,
        "PreAuthCode": granted.pre_auth_code,
    }
    return await world.pusher.tell(granted.component.event_line(), fields)


def _head(world: World, component: Component, kind: str) -> dict[str, str | int]:
    now = int(world.clock.now())
    return {"AppId": component.appid, "CreateTime": now, "InfoType": kind}


def use_code(world: World, component: Component, code: object) -> Row | int:
    """Use an authorisation code up; else the errcode: 61009 bad or used, 61010 over."""
    row = world.store.row(
        "SELECT * FROM auth_codes WHERE code = ? AND component = ?", code, component.appid
    )
    if row is None or row["state"] == "used":
        return 61009
    if row["state"] == "superseded" or row["expires_at"] <= world.clock.now():
        return 61010
    with world.store.transaction():
        done = world.store.write(
            "UPDATE auth_codes SET state = 'used' WHERE code = ? AND state = 'new'", code
        )
        world.store.write(
            "UPDATE auth_codes SET state = 'superseded' WHERE component = ? AND appid = ?"
            " AND state = 'new'",
            component.appid,
            row["appid"],
        )
    return row if done else 61009


def new_refresh_token(world: World, component: Component, appid: str) -> str:
    """One for each pair of platform and account; the one before is void from now on."""
    token = "refreshtoken@@@" + secrets.token_urlsafe(32)
    world.store.write(
        "UPDATE authorisations SET refresh_token = ? WHERE component = ? AND appid = ?",
        token,
        component.appid,
        appid,
    )
    return token


async def revoke(world: World, component: Component, account: Account) -> Delivery | None:
    """The administrator takes the account back; None when the platform did not have it."""
    done = world.store.write(
        "UPDATE authorisations SET is_on = 0, refresh_token = NULL, func_ids = '[]'"
        " WHERE component = ? AND appid = ? AND is_on",
        component.appid,
        account.appid,
    )
    if not done:
        return None
    world.touch_all()
    fields = {**_head(world, component, "unauthorized"), "AuthorizerAppid": account.appid}
    return await world.pusher.tell(component.event_line(), fields)
