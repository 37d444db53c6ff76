"""Merchants of WeChat Pay: direct ones, service providers and the merchants below them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.pay import keys
from wechat_sandbox.pay.keys import Platform
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE pay_platform (id INTEGER PRIMARY KEY CHECK (id = 1), what TEXT NOT NULL);
CREATE TABLE pay_merchants (
    mchid TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, sp_mchid TEXT NOT NULL,
    appids TEXT NOT NULL, api_v3_key TEXT NOT NULL, api_v2_key TEXT NOT NULL,
    private_key_pem TEXT NOT NULL, certificate_pem TEXT NOT NULL, serial TEXT NOT NULL,
    settings TEXT NOT NULL, position INTEGER NOT NULL
);
CREATE INDEX pay_merchants_of_provider ON pay_merchants (sp_mchid);
""",
    lasting=("pay_platform", "pay_merchants"),
)

KINDS = ("direct", "partner", "sub")
PRODUCTS = ("jsapi", "native", "h5", "app")
LONGEST_NAME = 64
MCHID = re.compile(r"9\d{9}")


class NoSuchMerchant(LookupError):
    """No merchant has this number."""


@dataclass(frozen=True)
class Settings:
    """What the merchant chose at the merchant platform, and what the sandbox is to do to it.

    Attributes:
        products: ways of paying the merchant has opened.
        verify_with: both, or public_key for merchants that never had a platform certificate.
        notify_with: auto (as the last call asked), certificate, public_key, or mixed.
        refund_notify_url: of the merchant platform; refunds without an own address notify v2 XML.
        refund_after_s: how long a refund is under way, on the sandbox's clock.
        refund_outcome: how refunds end: SUCCESS, ABNORMAL or CLOSED.
        balance_fen: money refunds can be paid from; None without limit.
        fee_rate: WeChat's share, as in the bill: 0.60%.
    """

    products: tuple[str, ...] = PRODUCTS
    verify_with: str = "both"
    notify_with: str = "auto"
    refund_notify_url: str = ""
    refund_after_s: float = 2
    refund_outcome: str = "SUCCESS"
    balance_fen: int | None = None
    fee_rate: str = "0.60%"


CHOICES = {
    "verify_with": ("both", "public_key"),
    "notify_with": ("auto", "certificate", "public_key", "mixed"),
    "refund_outcome": ("SUCCESS", "ABNORMAL", "CLOSED"),
}


@dataclass(frozen=True)
class Merchant:
    """One merchant number with its keys."""

    mchid: str
    name: str
    kind: str
    sp_mchid: str
    appids: tuple[str, ...]
    api_v3_key: str
    api_v2_key: str
    private_key_pem: str
    certificate_pem: str
    serial: str
    settings: Settings


def _from_row(row: Row) -> Merchant:
    given = unpack(row["settings"])
    given["products"] = tuple(given["products"])
    values = {name: row[name] for name in Merchant.__annotations__ if name != "settings"}
    values["appids"] = tuple(unpack(row["appids"]))
    return Merchant(**values, settings=Settings(**given))


def platform(world: World) -> Platform:
    """WeChat's own keys in this sandbox."""
    row = world.store.row("SELECT what FROM pay_platform")
    if row is None:
        world.store.insert("pay_platform", id=1, what=pack(asdict(keys.new_platform())))
        return keys.new_platform()
    return Platform(**unpack(row["what"]))


def find(world: World, mchid: object) -> Merchant | None:
    """The merchant with this number."""
    row = world.store.row("SELECT * FROM pay_merchants WHERE mchid = ?", str(mchid))
    return _from_row(row) if row else None


def get(world: World, mchid: str) -> Merchant:
    """The merchant, or NoSuchMerchant."""
    found = find(world, mchid)
    if found is None:
        raise NoSuchMerchant(mchid)
    return found


def every(world: World) -> list[Merchant]:
    """All merchants in the order in which they were made."""
    return [
        _from_row(row) for row in world.store.rows("SELECT * FROM pay_merchants ORDER BY position")
    ]


def below(world: World, sp_mchid: str) -> list[Merchant]:
    """The merchants a service provider works for."""
    rows = world.store.rows(
        "SELECT * FROM pay_merchants WHERE sp_mchid = ? ORDER BY position", sp_mchid
    )
    return [_from_row(row) for row in rows]


def create(world: World, given: Mapping[str, Any]) -> Merchant:
    """Open a merchant number; with ``partner`` a service provider, with ``sp_mchid`` one below it.

    Raises:
        BadInput: a value of the wrong form, or a number that is taken.
        NoSuchMerchant: ``sp_mchid`` is nobody.
    """
    mchid = _number(world, given.get("mchid"))
    sp_mchid = str(given.get("sp_mchid") or "")
    if sp_mchid and get(world, sp_mchid).kind != "partner":
        raise BadInput("sp_mchid is no service provider")
    if sp_mchid and given.get("partner"):
        raise BadInput("a merchant below a service provider cannot be one itself")
    private_pem = str(given.get("private_key_pem") or "") or keys.new_private_key()
    keys.private_key(private_pem)
    certificate, serial = keys.new_certificate(private_pem, subject=mchid)
    row = world.store.row("SELECT coalesce(max(position), 0) + 1 AS n FROM pay_merchants")
    world.store.insert(
        "pay_merchants",
        mchid=mchid,
        name=_name(given.get("name") or f"商户 {mchid}"),
        kind="sub" if sp_mchid else "partner" if given.get("partner") else "direct",
        sp_mchid=sp_mchid,
        appids=pack(_appids(given.get("appids", []))),
        api_v3_key=_key(given.get("api_v3_key")),
        api_v2_key=secrets.token_hex(16),
        private_key_pem=private_pem,
        certificate_pem=certificate,
        serial=serial,
        settings=pack(asdict(_settings(Settings(), given.get("settings", {})))),
        position=row["n"] if row else 1,
    )
    return get(world, mchid)


def change(world: World, merchant: Merchant, given: Mapping[str, Any]) -> Merchant:
    """Change the given name, appids, APIv3 key or settings of a merchant."""
    unknown = set(given) - {"name", "appids", "api_v3_key", "settings"}
    if unknown:
        raise BadInput(f"cannot be changed: {', '.join(sorted(unknown))}")
    world.store.write(
        "UPDATE pay_merchants SET name = ?, appids = ?, api_v3_key = ?, settings = ?"
        " WHERE mchid = ?",
        _name(given.get("name", merchant.name)),
        pack(_appids(given.get("appids", list(merchant.appids)))),
        _key(given.get("api_v3_key", merchant.api_v3_key)),
        pack(asdict(_settings(merchant.settings, given.get("settings", {})))),
        merchant.mchid,
    )
    return get(world, merchant.mchid)


def renew_certificate(world: World, merchant: Merchant) -> Merchant:
    """Give the merchant a new key and certificate; requests signed with the old one fail."""
    private_pem = keys.new_private_key()
    certificate, serial = keys.new_certificate(private_pem, subject=merchant.mchid)
    world.store.write(
        "UPDATE pay_merchants SET private_key_pem = ?, certificate_pem = ?, serial = ?"
        " WHERE mchid = ?",
        private_pem,
        certificate,
        serial,
        merchant.mchid,
    )
    return get(world, merchant.mchid)


def _number(world: World, given: object) -> str:
    if given is None:
        given = f"90{secrets.randbelow(10**8):08d}"
    if not isinstance(given, str) or not MCHID.fullmatch(given):
        raise BadInput("mchid must be ten digits beginning with 9: real ones begin with 1")
    if find(world, given):
        raise BadInput(f"mchid {given} is taken")
    return given


def _name(given: object) -> str:
    if not isinstance(given, str) or not 1 <= len(given.strip()) <= LONGEST_NAME:
        raise BadInput("name must have 1 to 64 characters")
    return given.strip()


def _appids(given: object) -> list[str]:
    if not isinstance(given, list) or not all(
        isinstance(one, str) and re.fullmatch(r"wxsb[0-9a-z]{4,28}", one) for one in given
    ):
        raise BadInput("appids must be a list of appids of this sandbox (wxsb...)")
    return given


def _key(given: object) -> str:
    if given is None:
        return f"sandbox{secrets.token_hex(13)}"[:32]
    if not isinstance(given, str) or not re.fullmatch(r"[0-9A-Za-z]{32}", given):
        raise BadInput("api_v3_key must have 32 letters and digits")
    return given


def _settings(known: Settings, given: object) -> Settings:
    if not isinstance(given, dict):
        raise BadInput("settings must be an object")
    unknown = set(given) - set(asdict(known))
    if unknown:
        raise BadInput(f"unknown settings of a merchant: {', '.join(sorted(unknown))}")
    for name, choices in CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise BadInput(f"{name} must be one of {', '.join(choices)}")
    products = given.get("products", known.products)
    if not isinstance(products, list | tuple) or set(products) - set(PRODUCTS):
        raise BadInput(f"products must be some of {', '.join(PRODUCTS)}")
    after = given.get("refund_after_s", known.refund_after_s)
    if isinstance(after, bool) or not isinstance(after, int | float) or after < 0:
        raise BadInput("refund_after_s must be a number of seconds")
    balance = given.get("balance_fen", known.balance_fen)
    if balance is not None and (isinstance(balance, bool) or not isinstance(balance, int)):
        raise BadInput("balance_fen must be a whole number or null")
    if not re.fullmatch(r"|https?://\S+", str(given.get("refund_notify_url", ""))):
        raise BadInput("refund_notify_url must be an address")
    if not re.fullmatch(r"\d\.\d\d%", str(given.get("fee_rate", known.fee_rate))):
        raise BadInput("fee_rate must look like 0.60%")
    return Settings(**{**asdict(known), **given, "products": tuple(products)})
