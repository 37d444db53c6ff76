"""The official accounts and mini programs that exist in the sandbox."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wechat_sandbox.store import Row, Store, pack, unpack

KINDS = ("service", "subscription", "subscription_unverified", "mini")
MODES = ("plain", "compatible", "safe")
FORMATS = ("xml", "json")

# What an account of each kind may do (digest 4.1); anything else is allowed to all.
MAY = {
    "service": {
        "menu", "custom", "qrcode", "oauth", "user", "template", "notify", "jsapi", "media",
        "migrate",
    },
    "subscription": {"menu", "custom", "user", "notify", "jsapi", "media", "migrate"},
    "subscription_unverified": {"jsapi", "media"},
    "mini": {"custom", "mini", "notify", "media"},
}  # fmt: skip


class BadInput(ValueError):
    """Input of the control interface that cannot be used; the text says why."""


@dataclass(frozen=True)
class Account:
    """One account with the settings its owner made in the account's console.

    ``admin`` is the person who may authorise platforms for it; None means anybody of the sandbox.
    """

    appid: str
    name: str
    secret: str
    original_id: str
    kind: str
    token: str
    aes_key: str
    callback_url: str
    encrypt_mode: str
    oauth_domains: tuple[str, ...]
    welcome: str | None
    editor_menu: list[dict[str, Any]] | None
    api_menu: list[dict[str, Any]] | None
    open_account: str | None
    avatar: str
    about: str
    allow_ips: tuple[str, ...] | None
    old_aes_key: str
    push_format: str
    admin: str | None
    principal: str
    js_domains: tuple[str, ...]
    linked: tuple[str, ...]
    pages: tuple[str, ...]
    is_frozen: bool

    @property
    def is_mini(self) -> bool:
        """Whether it is a mini program."""
        return self.kind == "mini"

    def may(self, capability: str) -> bool:
        """Whether an account of this kind has a capability."""
        return capability in MAY[self.kind]

    @property
    def menu(self) -> list[dict[str, Any]]:
        """The buttons a phone shows: those made by API win over the editor's."""
        return self.api_menu or self.editor_menu or []


@lru_cache(maxsize=64)
def _from_row(row: Row) -> Account:
    allow = unpack(row["allow_ips"])
    return Account(
        appid=row["appid"],
        name=row["name"],
        secret=row["secret"],
        original_id=row["original_id"],
        kind=row["kind"],
        token=row["token"],
        aes_key=row["aes_key"],
        callback_url=row["callback_url"],
        encrypt_mode=row["encrypt_mode"],
        oauth_domains=tuple(unpack(row["oauth_domains"])),
        welcome=row["welcome"],
        editor_menu=unpack(row["editor_menu"]),
        api_menu=unpack(row["api_menu"]),
        open_account=row["open_account"],
        avatar=row["avatar"],
        about=row["about"],
        allow_ips=None if allow is None else tuple(allow),
        old_aes_key=row["old_aes_key"],
        push_format=row["push_format"],
        admin=row["admin"],
        principal=row["principal"],
        js_domains=tuple(unpack(row["js_domains"])),
        linked=tuple(unpack(row["linked"])),
        pages=tuple(unpack(row["pages"])),
        is_frozen=bool(row["is_frozen"]),
    )


def find(store: Store, appid: str) -> Account | None:
    """The account with this appid."""
    row = store.row("SELECT * FROM accounts WHERE appid = ?", appid)
    return _from_row(row) if row else None


def every(store: Store) -> list[Account]:
    """All accounts in the order in which they were made."""
    return [_from_row(row) for row in store.rows("SELECT * FROM accounts ORDER BY position")]


def save(store: Store, appid: str, given: Mapping[str, Any]) -> Account:
    """Make an account or change the given settings of an existing one."""
    if not re.fullmatch(r"wxsb[0-9a-z]{4,28}", appid):
        raise BadInput("appid must be wxsb followed by 4 to 28 lower-case letters or digits")
    known = find(store, appid)
    changed = _checked(given)
    if known and changed.get("aes_key", known.aes_key) != known.aes_key:
        changed["old_aes_key"] = known.aes_key  # messages sealed with it may still come
    values = {**_defaults(appid), **(_as_values(known) if known else {}), **changed}
    if not known:
        values["position"] = _next_position(store)
        store.insert("accounts", appid=appid, **values)
    else:
        names = ", ".join(f"{name} = ?" for name in values)
        store.write(
            f"UPDATE accounts SET {names} WHERE appid = ?",  # noqa: S608
            *values.values(),
            appid,
        )
    saved = find(store, appid)
    assert saved is not None  # noqa: S101
    return saved


def _next_position(store: Store) -> int:
    row = store.row("SELECT coalesce(max(position), 0) + 1 AS n FROM accounts")
    return int(row["n"]) if row else 1


def _defaults(appid: str) -> dict[str, Any]:
    seed = hashlib.sha256(appid.encode()).hexdigest()
    return {
        "name": appid,
        "secret": seed[:32],
        "original_id": f"gh_{seed[32:44]}",
        "kind": "service",
        "token": seed[44:60],
        "aes_key": (seed + seed)[:43],
        "callback_url": "",
        "encrypt_mode": "safe",
        "oauth_domains": "[]",
        "welcome": None,
        "editor_menu": None,
        "api_menu": None,
        "open_account": None,
        "avatar": "",
        "about": "",
        "allow_ips": None,
        "old_aes_key": "",
        "push_format": "xml",
        "admin": None,
        "principal": "",
        "js_domains": "[]",
        "linked": "[]",
        "pages": pack(["pages/index/index"]),
        "is_frozen": False,
    }


def _as_values(account: Account) -> dict[str, Any]:
    values = {name: getattr(account, name) for name in _defaults(account.appid)}
    for name in (*LISTS, "editor_menu", "api_menu"):
        values[name] = None if values[name] is None else pack(values[name])
    return values


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from the control interface as column values; unknown names are refused."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in TEXTS:
            values[name] = _text(name, value)
        elif name in ("welcome", "open_account", "admin"):
            values[name] = None if value is None else _text(name, value)
        elif name in LISTS:
            values[name] = _names(name, value)
        elif name == "is_frozen":
            values[name] = bool(value)
        elif name == "menu":
            values["editor_menu"] = None if value is None else pack(_menu(value))
        elif name not in ("appid", "templates"):
            raise BadInput(f"unknown setting of an account: {name}")
    return values


LISTS = ("oauth_domains", "js_domains", "allow_ips", "linked", "pages")

TEXTS: dict[str, str | tuple[str, ...]] = {
    "name": r".{1,64}",
    "secret": r"[0-9A-Za-z]{8,64}",
    "original_id": r"gh_[0-9A-Za-z_-]{4,40}",
    "kind": KINDS,
    "token": r"[0-9A-Za-z]{3,32}",
    "aes_key": r"[0-9A-Za-z]{43}",
    "callback_url": r"|https?://\S+",
    "encrypt_mode": MODES,
    "push_format": FORMATS,
    "principal": r".{0,64}",
    "avatar": r".{0,200}",
    "about": r".{0,200}",
}


def _text(name: str, value: object) -> str:
    rule = TEXTS.get(name, r"[\s\S]{0,2000}")
    if isinstance(rule, tuple):
        if value not in rule:
            raise BadInput(f"{name} must be one of {', '.join(rule)}")
    elif not isinstance(value, str) or not re.fullmatch(rule, value):
        raise BadInput(f"{name} has a wrong form")
    return str(value)


def _names(name: str, value: object) -> str | None:
    if value is None and name == "allow_ips":
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadInput(f"{name} must be a list of texts")
    return pack([one if name == "pages" else one.lower() for one in value])


def _menu(value: object) -> list[dict[str, Any]]:
    """Buttons in WeChat's own form, or the short form ``{name, url}``."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadInput("menu must be a list of buttons")
    return [_button(one) for one in value[:3]]


def _button(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given.get("name"), str):
        raise BadInput("a menu button needs a name")
    if given.get("sub_button"):
        return {"name": given["name"], "sub_button": [_button(one) for one in given["sub_button"]]}
    kind = given.get("type") or ("view" if given.get("url") else "click")
    value = {"url": given["url"]} if kind == "view" else {"key": str(given.get("key", ""))}
    return {"type": kind, "name": given["name"], **value}
