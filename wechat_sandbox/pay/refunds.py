"""Refunds: taken at once, on their way for a while, then with the payer or stuck."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wechat_sandbox.clock import BEIJING
from wechat_sandbox.pay import merchants, notices, orders, wallets
from wechat_sandbox.pay.errors import PayRefusal
from wechat_sandbox.pay.orders import Order, rfc3339
from wechat_sandbox.schedule import chore
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE pay_refunds (
    id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, mchid TEXT NOT NULL,
    sub_mchid TEXT NOT NULL, out_refund_no TEXT NOT NULL, refund_id TEXT NOT NULL UNIQUE,
    amount_fen INTEGER NOT NULL, given TEXT NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, due_at REAL NOT NULL, done_at REAL,
    tries INTEGER NOT NULL DEFAULT 1,
    UNIQUE (mchid, sub_mchid, out_refund_no)
);
CREATE INDEX pay_refunds_of_order ON pay_refunds (order_id);
CREATE INDEX pay_refunds_due ON pay_refunds (status, due_at);
"""
)

REFUNDABLE_S = 365 * 86400
MOST_PARTS, PART_GAP_S = 50, 60
ENDS = ("SUCCESS", "ABNORMAL", "CLOSED")


@dataclass(frozen=True)
class Refund:
    """One refund; ``given`` is the body of the call."""

    id: int
    order_id: int
    mchid: str
    sub_mchid: str
    out_refund_no: str
    refund_id: str
    amount_fen: int
    given: dict[str, Any]
    status: str
    created_at: float
    due_at: float
    done_at: float | None
    tries: int


def _from_row(row: Row | None) -> Refund | None:
    if row is None:
        return None
    values = {name: row[name] for name in Refund.__annotations__}
    return Refund(**{**values, "given": unpack(row["given"])})


def find(world: World, mchid: str, sub_mchid: str, out_refund_no: str) -> Refund | None:
    """The refund with this number of the merchant."""
    return _from_row(
        world.store.row(
            "SELECT * FROM pay_refunds WHERE mchid = ? AND sub_mchid = ? AND out_refund_no = ?",
            mchid,
            sub_mchid,
            out_refund_no,
        )
    )


def by_refund_id(world: World, refund_id: str) -> Refund | None:
    """The refund with this number of WeChat's."""
    return _from_row(world.store.row("SELECT * FROM pay_refunds WHERE refund_id = ?", refund_id))


def of_order(world: World, order: Order) -> list[Refund]:
    """An order's refunds, oldest first."""
    rows = world.store.rows("SELECT * FROM pay_refunds WHERE order_id = ? ORDER BY id", order.id)
    return [one for row in rows if (one := _from_row(row))]


def of_merchant(world: World, mchid: str, *, limit: int = 100) -> list[Refund]:
    """Refunds of a merchant, newest first."""
    rows = world.store.rows(
        "SELECT * FROM pay_refunds WHERE mchid = ? OR sub_mchid = ? ORDER BY id DESC LIMIT ?",
        mchid,
        mchid,
        limit,
    )
    return [one for row in rows if (one := _from_row(row))]


def made_between(world: World, mchid: str, start: float, end: float) -> list[Refund]:
    """Refunds of a merchant asked for in a stretch of time, oldest first."""
    rows = world.store.rows(
        "SELECT * FROM pay_refunds WHERE (mchid = ? OR sub_mchid = ?) AND created_at >= ?"
        " AND created_at < ? AND status <> 'CLOSED' ORDER BY created_at, id",
        mchid,
        mchid,
        start,
        end,
    )
    return [one for row in rows if (one := _from_row(row))]


def create(world: World, order: Order, given: dict[str, Any]) -> Refund:
    """Take a refund; it ends later, as the merchant's settings say.

    Raises:
        PayRefusal: unpaid, too late, too much, too often, or the merchant has no money.
    """
    _check(world, order, given)
    merchant = merchants.get(world, order.trade_mchid)
    now = world.clock.now()
    at = datetime.fromtimestamp(now, UTC).astimezone(BEIJING)
    amount = given["amount"]["refund"]
    with world.store.transaction():
        _take_balance(world, merchant, amount)
        world.store.insert(
            "pay_refunds",
            order_id=order.id,
            mchid=order.mchid,
            sub_mchid=order.sub_mchid,
            out_refund_no=given["out_refund_no"],
            refund_id=f"5030{secrets.randbelow(10**5):05d}{at:%Y%m%d}{secrets.randbelow(10**11):011d}",
            amount_fen=amount,
            given=pack(given),
            status="PROCESSING",
            created_at=now,
            due_at=now + merchant.settings.refund_after_s,
        )
    found = find(world, order.mchid, order.sub_mchid, given["out_refund_no"])
    assert found is not None  # noqa: S101
    return found


def _check(world: World, order: Order, given: dict[str, Any]) -> None:
    amount, now = given["amount"], world.clock.now()
    if order.paid_at is None:
        raise PayRefusal("INVALID_REQUEST", "订单未支付，不能退款")
    if now > order.paid_at + REFUNDABLE_S:
        raise PayRefusal("INVALID_REQUEST", "订单已经超过可退款的最大期限")
    if amount["total"] != order.total_fen:
        raise PayRefusal("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    earlier = [one for one in of_order(world, order) if one.status != "CLOSED"]
    if amount["refund"] > order.total_fen - sum(one.amount_fen for one in earlier):
        raise PayRefusal("INVALID_REQUEST", "申请退款金额大于订单剩余可退金额")
    if len(earlier) >= MOST_PARTS:
        raise PayRefusal("INVALID_REQUEST", "订单部分退款次数超过50次")
    if earlier and now < earlier[-1].created_at + PART_GAP_S:
        raise PayRefusal("FREQUENCY_LIMITED", "同一笔订单的部分退款请间隔1分钟后再提交")
    if order.slug and wallets.of(world, order.slug).is_abnormal:
        raise PayRefusal("USER_ACCOUNT_ABNORMAL", "用户账户注销或异常，请使用其他方式退款")


def _take_balance(world: World, merchant: merchants.Merchant, amount: int) -> None:
    balance = merchant.settings.balance_fen
    if balance is None:
        return
    if balance < amount:
        raise PayRefusal("NOT_ENOUGH")
    merchants.change(world, merchant, {"settings": {"balance_fen": balance - amount}})


def retry_abnormal(world: World, refund: Refund) -> Refund:
    """Send the money of a stuck refund to the bank account the merchant named."""
    world.store.write(
        "UPDATE pay_refunds SET status = 'PROCESSING', due_at = ?, done_at = NULL,"
        " tries = tries + 1 WHERE id = ?",
        world.clock.now(),
        refund.id,
    )
    found = by_refund_id(world, refund.refund_id)
    assert found is not None  # noqa: S101
    return found


@chore
async def finish_due(world: World) -> None:
    """End refunds whose time has come."""
    rows = world.store.rows(
        "SELECT * FROM pay_refunds WHERE status = 'PROCESSING' AND due_at <= ? ORDER BY id",
        world.clock.now(),
    )
    for row in rows:
        refund = _from_row(row)
        order = orders.by_id(world, row["order_id"])
        merchant = merchants.find(world, order.trade_mchid)
        if refund and merchant:
            # A second try of a stuck refund always ends well.
            outcome = "SUCCESS" if refund.tries > 1 else merchant.settings.refund_outcome
            finish(world, refund, order, outcome)
    if rows:
        await notices.deliver_due(world)


def finish(world: World, refund: Refund, order: Order, outcome: str) -> None:
    """End a refund, give the money back and tell merchant and payer."""
    done = world.store.write(
        "UPDATE pay_refunds SET status = ?, done_at = ? WHERE id = ? AND status = 'PROCESSING'",
        outcome,
        world.clock.now(),
        refund.id,
    )
    if not done:
        return
    if outcome == "SUCCESS" and order.slug:
        wallets.give_back(world, order.slug, str(order.bank), refund.amount_fen)
        wallets.tell_refunded(world, order, refund.amount_fen)
    ended = by_refund_id(world, refund.refund_id)
    assert ended is not None  # noqa: S101
    notices.refund_ended(world, order, ended.given, told(world, ended, order), outcome)


def shown(world: World, refund: Refund) -> dict[str, Any]:
    """A refund as the calls answer it (digest 8.7)."""
    order = orders.by_id(world, refund.order_id)
    return {**_common(refund, order), "status": refund.status, **_amount(refund, order)}


def told(world: World, refund: Refund, order: Order) -> dict[str, Any]:
    """A refund as a notification tells it, with refund_status instead of status."""
    who = (
        {"sp_mchid": order.mchid, "sub_mchid": order.sub_mchid}
        if order.is_partner
        else {"mchid": order.mchid}
    )
    names = (
        "transaction_id", "out_trade_no", "refund_id", "out_refund_no", "user_received_account",
        "success_time",
    )  # fmt: skip
    common = {name: value for name, value in _common(refund, order).items() if name in names}
    amount = {
        "total": order.total_fen,
        "refund": refund.amount_fen,
        "payer_total": order.total_fen,
        "payer_refund": refund.amount_fen,
    }
    return {**who, **common, "refund_status": refund.status, "amount": amount}


def _common(refund: Refund, order: Order) -> dict[str, Any]:
    found: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": wallets.account_name(str(order.bank)),
        "create_time": rfc3339(refund.created_at),
        "funds_account": refund.given.get("funds_account") or "UNSETTLED",
        "promotion_detail": [],
    }
    if refund.status == "SUCCESS" and refund.done_at is not None:
        found["success_time"] = rfc3339(refund.done_at)
    return found


def _amount(refund: Refund, order: Order) -> dict[str, Any]:
    return {
        "amount": {
            "total": order.total_fen,
            "refund": refund.amount_fen,
            "payer_total": order.total_fen,
            "payer_refund": refund.amount_fen,
            "settlement_total": order.total_fen,
            "settlement_refund": refund.amount_fen,
            "discount_refund": 0,
            "currency": "CNY",
            "from": [],
        }
    }
