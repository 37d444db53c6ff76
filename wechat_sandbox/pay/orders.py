"""Orders: what a merchant asked to be paid, and how far it has come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wechat_sandbox import identity
from wechat_sandbox.clock import BEIJING
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE pay_orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, mchid TEXT NOT NULL, sub_mchid TEXT NOT NULL,
    out_trade_no TEXT NOT NULL, way TEXT NOT NULL, given TEXT NOT NULL, total_fen INTEGER NOT NULL,
    created_at REAL NOT NULL, expires_at REAL NOT NULL, closed_at REAL,
    transaction_id TEXT UNIQUE, paid_at REAL, slug TEXT, openid TEXT, bank TEXT,
    UNIQUE (mchid, sub_mchid, out_trade_no)
);
CREATE INDEX pay_orders_of_person ON pay_orders (slug, paid_at);
CREATE TABLE pay_prepays (
    prepay_id TEXT PRIMARY KEY, order_id INTEGER NOT NULL, tail TEXT NOT NULL UNIQUE,
    package TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX pay_prepays_of_order ON pay_prepays (order_id);
"""
)

PREPAY_LIFE_S = 2 * 3600
H5_LIFE_S = 300
LIFE_S = 7 * 86400  # WeChat closes what nobody has paid by then

TRADE_TYPES = {"jsapi": "JSAPI", "native": "NATIVE", "h5": "MWEB", "app": "APP"}
STATES = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "REFUND": "订单发生过退款，退款详情请查询退款单",
    "CLOSED": "订单已关闭",
}


@dataclass(frozen=True)
class Order:
    """One order; ``given`` is the body of the prepay call, ``mchid`` the one that signed it."""

    id: int
    mchid: str
    sub_mchid: str
    out_trade_no: str
    way: str
    given: dict[str, Any]
    total_fen: int
    created_at: float
    expires_at: float
    closed_at: float | None
    transaction_id: str | None
    paid_at: float | None
    slug: str | None
    openid: str | None
    bank: str | None

    @property
    def trade_mchid(self) -> str:
        """Whose money it is."""
        return self.sub_mchid or self.mchid

    @property
    def is_partner(self) -> bool:
        """Whether a service provider asked for it."""
        return bool(self.sub_mchid)

    @property
    def appid(self) -> str:
        """The app the payment runs in, which is also that of the client's pay sign."""
        payer = self.given.get("payer") or {}
        if self.is_partner and "sub_openid" in payer:
            return str(self.given["sub_appid"])
        return str(self.given["sp_appid" if self.is_partner else "appid"])


@dataclass(frozen=True)
class Prepay:
    """One way into the cashier: a QR code, a prepay_id of a page, an H5 link."""

    prepay_id: str
    order_id: int
    tail: str
    package: str
    created_at: float

    @property
    def code_url(self) -> str:
        """The text of the QR code of a native order."""
        return f"weixin://wxpay/bizpayurl?pr={self.tail}"


def _from_row(row: Row | None) -> Order | None:
    if row is None:
        return None
    values = {name: row[name] for name in Order.__annotations__}
    return Order(**{**values, "given": unpack(row["given"])})


def find(world: World, mchid: str, sub_mchid: str, out_trade_no: str) -> Order | None:
    """The order with this number of the merchant."""
    return _from_row(
        world.store.row(
            "SELECT * FROM pay_orders WHERE mchid = ? AND sub_mchid = ? AND out_trade_no = ?",
            mchid,
            sub_mchid,
            out_trade_no,
        )
    )


def by_transaction(world: World, transaction_id: str) -> Order | None:
    """The paid order with this number of WeChat's."""
    return _from_row(
        world.store.row("SELECT * FROM pay_orders WHERE transaction_id = ?", transaction_id)
    )


def by_id(world: World, number: int) -> Order:
    """An order the sandbox itself refers to."""
    found = _from_row(world.store.row("SELECT * FROM pay_orders WHERE id = ?", number))
    assert found is not None  # noqa: S101
    return found


def of_merchant(world: World, mchid: str, *, find_text: str = "", limit: int = 100) -> list[Order]:
    """Orders a merchant signed or is paid by, newest first."""
    rows = world.store.rows(
        "SELECT * FROM pay_orders WHERE (mchid = ? OR sub_mchid = ?)"
        " AND (? = '' OR instr(out_trade_no || given || coalesce(transaction_id, ''), ?))"
        " ORDER BY id DESC LIMIT ?",
        mchid,
        mchid,
        find_text,
        find_text,
        limit,
    )
    return [order for row in rows if (order := _from_row(row))]


def of_person(world: World, slug: str) -> list[Order]:
    """What a person has paid, newest first."""
    rows = world.store.rows(
        "SELECT * FROM pay_orders WHERE slug = ? ORDER BY paid_at DESC, id DESC LIMIT 200", slug
    )
    return [order for row in rows if (order := _from_row(row))]


def paid_between(world: World, mchid: str, start: float, end: float) -> list[Order]:
    """Orders of a merchant (or of all below a provider) paid in a stretch of time, oldest first."""
    rows = world.store.rows(
        "SELECT * FROM pay_orders WHERE (mchid = ? OR sub_mchid = ?) AND paid_at >= ?"
        " AND paid_at < ? ORDER BY paid_at, id",
        mchid,
        mchid,
        start,
        end,
    )
    return [order for row in rows if (order := _from_row(row))]


def state_of(world: World, order: Order) -> str:
    """The trade_state: a refund that was taken makes it REFUND, also a partial one."""
    if order.paid_at is None:
        is_over = world.clock.now() >= order.created_at + LIFE_S
        return "CLOSED" if order.closed_at is not None or is_over else "NOTPAY"
    row = world.store.row(
        "SELECT 1 FROM pay_refunds WHERE order_id = ? AND status <> 'CLOSED' LIMIT 1", order.id
    )
    return "REFUND" if row else "SUCCESS"


def create(
    world: World, *, mchid: str, sub_mchid: str, way: str, given: dict[str, Any], expires_at: float
) -> Order:
    """Take a new order."""
    number = world.store.insert(
        "pay_orders",
        mchid=mchid,
        sub_mchid=sub_mchid,
        out_trade_no=given["out_trade_no"],
        way=way,
        given=pack(given),
        total_fen=given["amount"]["total"],
        created_at=world.clock.now(),
        expires_at=expires_at,
    )
    return by_id(world, number)


def new_prepay(world: World, order: Order) -> Prepay:
    """Another way into the cashier for an order."""
    at = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(BEIJING)
    made = Prepay(
        prepay_id=f"wx{at:%d%H%M%S}{secrets.randbelow(10**6):06d}{secrets.token_hex(10)}",
        order_id=order.id,
        tail=secrets.token_urlsafe(7),
        package=str(secrets.randbelow(10**10)),
        created_at=world.clock.now(),
    )
    world.store.insert("pay_prepays", **vars(made))
    return made


def prepay(world: World, prepay_id: str) -> Prepay | None:
    """The way into the cashier a page names."""
    row = world.store.row("SELECT * FROM pay_prepays WHERE prepay_id = ?", prepay_id)
    return Prepay(**dict(row)) if row else None


def prepay_by_tail(world: World, tail: str) -> Prepay | None:
    """The way into the cashier a QR code names."""
    row = world.store.row("SELECT * FROM pay_prepays WHERE tail = ?", tail)
    return Prepay(**dict(row)) if row else None


def open_native(world: World) -> list[tuple[Prepay, Order]]:
    """Native orders nobody has paid yet with their newest codes that still hold, at most 40."""
    now = world.clock.now()
    rows = world.store.rows(
        "SELECT max(p.rowid), p.* FROM pay_prepays p JOIN pay_orders o ON o.id = p.order_id"
        " WHERE o.way = 'native' AND o.paid_at IS NULL AND o.closed_at IS NULL"
        " AND o.expires_at > ? AND p.created_at > ? GROUP BY p.order_id"
        " ORDER BY p.created_at DESC LIMIT 40",
        now,
        now - PREPAY_LIFE_S,
    )
    names = Prepay.__annotations__
    found = [Prepay(**{name: row[name] for name in names}) for row in rows]
    return [(one, by_id(world, one.order_id)) for one in found]


def close(world: World, order: Order) -> None:
    """Nobody can pay it any more."""
    world.store.write(
        "UPDATE pay_orders SET closed_at = ?"
        " WHERE id = ? AND closed_at IS NULL AND paid_at IS NULL",
        world.clock.now(),
        order.id,
    )
    world.touch_all()


def mark_paid(world: World, order: Order, *, slug: str, openid: str, bank: str) -> bool:
    """Book the payment; False when somebody else was faster or it was closed meanwhile."""
    at = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(BEIJING)
    number = f"4200{secrets.randbelow(10**6):06d}{at:%Y%m%d}{secrets.randbelow(10**10):010d}"
    done = world.store.write(
        "UPDATE pay_orders SET transaction_id = ?, paid_at = ?, slug = ?, openid = ?, bank = ?"
        " WHERE id = ? AND paid_at IS NULL AND closed_at IS NULL",
        number,
        world.clock.now(),
        slug,
        openid,
        bank,
        order.id,
    )
    return bool(done)


def rfc3339(seconds: float) -> str:
    """A moment as WeChat Pay writes it: Beijing time with its offset."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(BEIJING).isoformat(timespec="seconds")


def transaction(world: World, order: Order) -> dict[str, Any]:
    """An order as query and notification show it (digest 8.6)."""
    state, given = state_of(world, order), order.given
    if order.is_partner:
        names = ("sp_appid", "sp_mchid", "sub_appid", "sub_mchid")
        found = {name: given[name] for name in names if given.get(name)}
    else:
        found = {"appid": given["appid"], "mchid": order.mchid}
    found |= {
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_desc": STATES[state],
    }
    if given.get("attach"):
        found["attach"] = given["attach"]
    if (given.get("scene_info") or {}).get("device_id"):
        found["scene_info"] = {"device_id": given["scene_info"]["device_id"]}
    amount: dict[str, Any] = {"total": order.total_fen, "currency": "CNY"}
    if order.paid_at is None:
        return {**found, "promotion_detail": [], "amount": amount, **_payer(order)}
    return {
        **found,
        "transaction_id": order.transaction_id,
        "trade_type": TRADE_TYPES[order.way],
        "bank_type": order.bank,
        "success_time": rfc3339(order.paid_at),
        "promotion_detail": [],
        "amount": {**amount, "payer_total": order.total_fen, "payer_currency": "CNY"},
        **_payer(order),
    }


def _payer(order: Order) -> dict[str, Any]:
    if order.paid_at is None or order.slug is None:
        return {}
    if not order.is_partner:
        return {"payer": {"openid": order.openid}}
    names = [("sp_openid", order.given["sp_appid"]), ("sub_openid", order.given.get("sub_appid"))]
    return {
        "payer": {name: identity.openid(str(appid), order.slug) for name, appid in names if appid}
    }
