"""Third-party platforms of the Open Platform, and what accounts have given into their hands.

Source: developers.weixin.qq.com/doc/oplatform (digest chapter 3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechat_sandbox import accounts
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.lines import Line
from wechat_sandbox.store import Row, Store, add_tables, pack, unpack
from wechat_sandbox.world import World

# Permission sets (digest 3.11).
OFFICIAL_SETS = {
    1: "消息管理", 2: "用户管理", 3: "账号服务（二维码）", 4: "网页服务（网页授权、JS-SDK）",
    6: "客服", 7: "群发与通知（模板消息）", 8: "微信卡券", 11: "素材管理", 15: "自定义菜单",
    24: "开放平台账号管理", 89: "订阅通知",
}  # fmt: skip
MINI_SETS = {17: "小程序账号管理", 18: "小程序开发与订阅消息", 25: "开放平台账号管理",
             58: "小程序码"}  # fmt: skip
SETS = OFFICIAL_SETS | MINI_SETS
# Only one platform can hold these of an account at a time.
EXCLUSIVE = {1, 15, 18}
# With one of these a platform receives the account's messages and events.
MESSAGE_SETS = {1, 18}
# Which permission sets let a platform use a capability of an account; one of them is enough.
NEEDED = {
    "menu": {15}, "custom": {1, 6, 18}, "qrcode": {3}, "oauth": {4}, "jsapi": {4}, "user": {2},
    "template": {7}, "notify": {89, 18}, "media": {1, 11, 18}, "mini": {17, 18, 58}, "migrate": {2},
}  # fmt: skip

add_tables(
    """
CREATE TABLE components (
    appid TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL, token TEXT NOT NULL,
    aes_key TEXT NOT NULL, old_aes_key TEXT NOT NULL, event_url TEXT NOT NULL,
    message_url TEXT NOT NULL, login_domains TEXT NOT NULL, account_domains TEXT NOT NULL,
    allow_ips TEXT, func_ids TEXT NOT NULL, testers TEXT NOT NULL, is_released INTEGER NOT NULL,
    sends_tickets INTEGER NOT NULL, rotates_refresh INTEGER NOT NULL,
    checks_referer INTEGER NOT NULL, event_first INTEGER NOT NULL,
    ticket_due REAL NOT NULL DEFAULT 0
);
CREATE TABLE authorisations (
    component TEXT NOT NULL, appid TEXT NOT NULL, func_ids TEXT NOT NULL, refresh_token TEXT,
    is_on INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (component, appid)
);
CREATE INDEX authorisations_of_account ON authorisations (appid, is_on);
""",
    lasting=("components", "authorisations"),
)


@dataclass(frozen=True)
class Component:
    """One third-party platform with the settings its developer made."""

    appid: str
    name: str
    secret: str
    token: str
    aes_key: str
    old_aes_key: str
    event_url: str
    message_url: str
    login_domains: tuple[str, ...]
    account_domains: tuple[str, ...]
    allow_ips: tuple[str, ...] | None
    func_ids: tuple[int, ...]
    testers: tuple[str, ...]
    is_released: bool
    sends_tickets: bool
    rotates_refresh: bool
    checks_referer: bool
    event_first: bool

    def offers(self, account: Account) -> tuple[int, ...]:
        """The permission sets it asks of an account of this kind."""
        known = MINI_SETS if account.is_mini else OFFICIAL_SETS
        return tuple(one for one in self.func_ids if one in known)

    def event_line(self) -> Line:
        """The line for its own events: tickets, authorisations."""
        return self._line(self.event_url, "")

    def message_line(self, account: Account) -> Line:
        """The line for messages and events of an account in its hands; always in safe mode."""
        url = self.message_url.replace("$APPID$", account.appid)
        return self._line(url, account.original_id, is_json=account.push_format == "json")

    def _line(self, url: str, original_id: str, *, is_json: bool = False) -> Line:
        return Line(
            owner=self.appid,
            url=url,
            token=self.token,
            aes_key=self.aes_key,
            old_aes_key=self.old_aes_key,
            receiver=self.appid,
            mode="safe",
            original_id=original_id,
            is_json=is_json,
        )


@dataclass(frozen=True)
class Authorisation:
    """What one account has given to one platform; ``is_on`` False means taken back."""

    component: str
    appid: str
    func_ids: tuple[int, ...]
    refresh_token: str | None
    is_on: bool
    at: float

    def allows(self, capability: str) -> bool:
        """Whether one of the sets that were given covers a capability."""
        return bool(NEEDED.get(capability, set()) & set(self.func_ids))


LISTS = ("login_domains", "account_domains", "allow_ips", "testers")
FLAGS = ("is_released", "sends_tickets", "rotates_refresh", "checks_referer", "event_first")
TEXTS = {
    "name": r".{1,64}",
    "secret": r"[0-9A-Za-z]{8,64}",
    "token": r"[0-9A-Za-z]{3,32}",
    "aes_key": r"[0-9A-Za-z]{43}",
    "event_url": r"|https?://\S+",
    "message_url": r"|https?://\S*\$APPID\$\S*",
}


def _from_row(row: Row) -> Component:
    values = dict(row)
    values.pop("ticket_due")
    for name in (*LISTS, "func_ids"):
        found = unpack(values[name])
        values[name] = None if found is None else tuple(found)
    for name in FLAGS:
        values[name] = bool(values[name])
    return Component(**values)


def find(store: Store, appid: object) -> Component | None:
    """The platform with this appid."""
    if not isinstance(appid, str):
        return None
    row = store.row("SELECT * FROM components WHERE appid = ?", appid)
    return _from_row(row) if row else None


def every(store: Store) -> list[Component]:
    """All platforms in the order in which they were made."""
    return [_from_row(row) for row in store.rows("SELECT * FROM components ORDER BY rowid")]


def save(store: Store, appid: str, given: Mapping[str, Any]) -> Component:
    """Make a platform or change the given settings of an existing one."""
    if not re.fullmatch(r"wxsb[0-9a-z]{4,28}", appid):
        raise BadInput("appid must be wxsb followed by 4 to 28 lower-case letters or digits")
    if accounts.find(store, appid):
        raise BadInput("this appid is an account's")
    known = find(store, appid)
    values = _checked(given)
    if known:
        if values.get("aes_key", known.aes_key) != known.aes_key:
            values["old_aes_key"] = known.aes_key
        for name, value in values.items():
            store.write(f"UPDATE components SET {name} = ? WHERE appid = ?", value, appid)  # noqa: S608
    else:
        store.insert("components", appid=appid, **(_defaults(appid) | values))
    saved = find(store, appid)
    assert saved is not None  # noqa: S101
    return saved


def _defaults(appid: str) -> dict[str, Any]:
    seed = hashlib.sha256(f"component:{appid}".encode()).hexdigest()
    return {
        "name": appid,
        "secret": seed[:32],
        "token": seed[44:60],
        "aes_key": (seed + seed)[:43],
        "old_aes_key": "",
        "event_url": "",
        "message_url": "",
        "login_domains": "[]",
        "account_domains": "[]",
        "allow_ips": "null",
        "func_ids": pack(sorted(SETS)),
        "testers": "[]",
        "is_released": True,
        "sends_tickets": True,
        "rotates_refresh": False,
        "checks_referer": True,
        "event_first": False,
    }


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in TEXTS:
            if not isinstance(value, str) or not re.fullmatch(TEXTS[name], value):
                raise BadInput(f"{name} has a wrong form")
            values[name] = value
        elif name in FLAGS:
            values[name] = bool(value)
        elif name in LISTS:
            values[name] = _names(name, value)
        elif name == "func_ids":
            values[name] = pack(checked_sets(value))
        elif name != "appid":
            raise BadInput(f"unknown setting of a platform: {name}")
    return values


def _names(name: str, value: object) -> str:
    if value is None and name == "allow_ips":
        return "null"
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadInput(f"{name} must be a list of texts")
    return pack([one.lower() for one in value])


def checked_sets(value: object) -> list[int]:
    """Numbers of permission sets, sorted; BadInput for anything else."""
    if not isinstance(value, list) or not all(one in SETS for one in value):
        raise BadInput("func_ids must be a list of numbers of permission sets")
    return sorted(set(value))


def _authorisation(row: Row) -> Authorisation:
    return Authorisation(
        component=row["component"],
        appid=row["appid"],
        func_ids=tuple(unpack(row["func_ids"])),
        refresh_token=row["refresh_token"],
        is_on=bool(row["is_on"]),
        at=row["at"],
    )


def authorisation(store: Store, component: str, appid: object) -> Authorisation | None:
    """How an account stands to a platform, None when it never had to do with it."""
    row = store.row(
        "SELECT * FROM authorisations WHERE component = ? AND appid = ?", component, appid
    )
    return _authorisation(row) if row else None


def authorisations(
    store: Store, *, component: str | None = None, appid: str | None = None
) -> list[Authorisation]:
    """All that hold now, of a platform or of an account, the earliest first."""
    rows = store.rows(
        "SELECT * FROM authorisations WHERE is_on AND (?1 IS NULL OR component = ?1)"
        " AND (?2 IS NULL OR appid = ?2) ORDER BY at, rowid",
        component,
        appid,
    )
    return [_authorisation(row) for row in rows]


def taken_sets(store: Store, account: Account, *, besides: str) -> set[int]:
    """Exclusive sets of the account that another platform holds."""
    found: set[int] = set()
    for one in authorisations(store, appid=account.appid):
        if one.component != besides:
            found |= EXCLUSIVE & set(one.func_ids)
    return found


def line(world: World, account: Account) -> Line | None:
    """The line to the platform that handles the account's messages; None without one."""
    for one in authorisations(world.store, appid=account.appid):
        if MESSAGE_SETS & set(one.func_ids):
            found = find(world.store, one.component)
            if found and found.message_url:
                return found.message_line(account)
    return None
