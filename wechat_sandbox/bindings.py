"""One visit to the authorisation page of a platform, from its link to the answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from wechat_sandbox import accounts, authorising, components, qrcodes
from wechat_sandbox.accounts import Account
from wechat_sandbox.authorising import AUTH_CODE_LIFE_S, PRE_AUTH_LIFE_S, Granted
from wechat_sandbox.components import Component
from wechat_sandbox.people import Person
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

SCAN = "/mp.weixin.qq.com/safe/bindcomponent/scan"
PICTURE = "/mp.weixin.qq.com/cgi-bin/componentlogin/code"
# auth_type -> which kinds of accounts may be chosen: official accounts, mini programs
TYPES = {"1": (True, False), "2": (False, True), "3": (True, True), "6": (True, True)}

add_tables(
    """
CREATE TABLE bindings (
    token TEXT PRIMARY KEY, component TEXT NOT NULL, pre_auth_code TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, auth_type TEXT NOT NULL, biz_appid TEXT NOT NULL, func_ids TEXT,
    is_mobile INTEGER NOT NULL, state TEXT NOT NULL, location TEXT NOT NULL, made_at REAL NOT NULL
);
"""
)


@dataclass(frozen=True)
class Binding:
    """One visit; ``state`` is open, scanned, done or refused, ``location`` where it led."""

    token: str
    component: Component
    pre_auth_code: str
    redirect_uri: str
    auth_type: str
    biz_appid: str
    func_ids: tuple[int, ...] | None
    is_mobile: bool
    state: str
    location: str
    made_at: float

    def is_over(self, now: float) -> bool:
        """Whether the code of this visit has run out."""
        return now >= self.made_at + PRE_AUTH_LIFE_S

    def asks(self, account: Account) -> tuple[int, ...]:
        """The permission sets to be ticked for an account."""
        offered = self.component.offers(account)
        if self.func_ids is None:
            return offered
        return tuple(one for one in offered if one in self.func_ids)


def _from_row(world: World, row: Row | None) -> Binding | None:
    if row is None:
        return None
    component = components.find(world.store, row["component"])
    if component is None:
        return None
    func_ids = unpack(row["func_ids"])
    return Binding(
        token=row["token"],
        component=component,
        pre_auth_code=row["pre_auth_code"],
        redirect_uri=row["redirect_uri"],
        auth_type=row["auth_type"],
        biz_appid=row["biz_appid"],
        func_ids=None if func_ids is None else tuple(func_ids),
        is_mobile=bool(row["is_mobile"]),
        state=row["state"],
        location=row["location"],
        made_at=row["made_at"],
    )


def start(
    world: World,
    component: Component,
    *,
    pre_auth_code: str,
    redirect_uri: str,
    auth_type: str,
    biz_appid: str,
    func_ids: list[int] | None,
    is_mobile: bool,
) -> Binding:
    """Note a visit whose link was found good."""
    now = world.clock.now()
    world.store.write("DELETE FROM bindings WHERE made_at < ?", now - 86_400)
    token = secrets.token_urlsafe(24)
    world.store.insert(
        "bindings",
        token=token,
        component=component.appid,
        pre_auth_code=pre_auth_code,
        redirect_uri=redirect_uri,
        auth_type=auth_type,
        biz_appid=biz_appid,
        func_ids=None if func_ids is None else pack(func_ids),
        is_mobile=is_mobile,
        state="open",
        location="",
        made_at=now,
    )
    world.touch_all()
    made = find(world, token)
    assert made is not None  # noqa: S101
    return made


def find(world: World, token: str) -> Binding | None:
    """The visit with this token."""
    return _from_row(world, world.store.row("SELECT * FROM bindings WHERE token = ?", token))


def set_state(world: World, binding: Binding, state: str, location: str = "") -> None:
    """Go on with a visit."""
    world.store.write(
        "UPDATE bindings SET state = ?, location = ? WHERE token = ?",
        state,
        location,
        binding.token,
    )
    world.touch_all()


def content(world: World, binding: Binding) -> str:
    """What the QR code on the computer's screen holds."""
    return f"{world.config.public}{SCAN}?token={binding.token}"


def choices(world: World, binding: Binding, person: Person) -> list[Account]:
    """The accounts this person administers that may be authorised on this visit."""
    takes_official, takes_mini = TYPES.get(binding.auth_type, (False, False))
    found = []
    for account in accounts.every(world.store):
        if account.admin not in (None, person.slug):
            continue
        if binding.biz_appid:
            is_asked = account.appid == binding.biz_appid
        else:
            is_asked = takes_mini if account.is_mini else takes_official
        is_open = binding.component.is_released or account.appid in binding.component.testers
        if is_asked and is_open:
            found.append(account)
    return found


def finish(world: World, binding: Binding, account: Account, func_ids: list[int]) -> Granted:
    """The administrator consents.

    Raises:
        BadInput: sets that were not asked for or are held by another platform.
    """
    granted = authorising.grant(
        world,
        binding.component,
        account,
        func_ids=func_ids,
        pre_auth_code=binding.pre_auth_code,
    )
    answer = {"auth_code": granted.browser_code, "expires_in": str(AUTH_CODE_LIFE_S)}
    set_state(world, binding, "done", _with(binding.redirect_uri, answer))
    return granted


def _with(address: str, values: dict[str, str]) -> str:
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, parts.fragment))


@qrcodes.shown
def on_screens(world: World) -> list[qrcodes.Shown]:
    """QR codes of authorisation pages that are open on some computer."""
    now = world.clock.now()
    rows = world.store.rows(
        "SELECT * FROM bindings WHERE state = 'open' AND NOT is_mobile AND made_at > ?",
        now - PRE_AUTH_LIFE_S,
    )
    found = [one for row in rows if (one := _from_row(world, row))]
    return [
        qrcodes.Shown(
            key=one.token,
            content=content(world, one),
            picture=f"{PICTURE}?token={one.token}",
            name=f"授权给 {one.component.name}",
            created_at=one.made_at,
            expires_at=one.made_at + PRE_AUTH_LIFE_S,
        )
        for one in found
    ]
