"""Notifications of payments and refunds: sealed, signed, repeated for a day (digest 8.9)."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any

import httpx2

from wechat_sandbox import calllog
from wechat_sandbox.pay import keys, merchants, xmlnotice
from wechat_sandbox.pay.merchants import Merchant
from wechat_sandbox.pay.orders import Order, rfc3339, transaction
from wechat_sandbox.schedule import chore
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE pay_notices (
    id TEXT PRIMARY KEY, mchid TEXT NOT NULL, event_type TEXT NOT NULL, subject TEXT NOT NULL,
    url TEXT NOT NULL, body TEXT NOT NULL, form TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, due_at REAL NOT NULL, created_at REAL NOT NULL, last TEXT NOT NULL
);
CREATE INDEX pay_notices_due ON pay_notices (state, due_at);
CREATE INDEX pay_notices_of_merchant ON pay_notices (mchid, created_at);
CREATE TABLE pay_policies (mchid TEXT PRIMARY KEY, what TEXT NOT NULL);
"""
)

GAPS_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
LEASE_S = 20  # a delivery cut off by the end of the process is tried again after this
SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
SIGNTEST = "WECHATPAY/SIGNTEST/"
TAKEN = {HTTPStatus.OK, HTTPStatus.NO_CONTENT}


@dataclass(frozen=True)
class Policy:
    """Faults of a merchant's notifications: a count is used up, True stays until changed.

    Attributes:
        drop: never delivered, nor repeated.
        duplicate: delivered twice although the first was taken.
        forged: signed with a key that is not WeChat's.
        signtest: a probe with a wrong signature comes first, as WeChat's own probes do.
        wrong_amount: the amount inside is one fen too much, properly signed.
        delay_s: comes later, on the sandbox's clock.
        early: slug of a person who pays every new order before the prepay call is answered.
    """

    drop: int | bool = False
    duplicate: int | bool = False
    forged: int | bool = False
    signtest: int | bool = False
    wrong_amount: int | bool = False
    delay_s: float = 0
    early: str = ""


COUNTED = ("drop", "duplicate", "forged", "signtest", "wrong_amount")


def policy(world: World, mchid: str) -> Policy:
    """The faults set for a merchant."""
    row = world.store.row("SELECT what FROM pay_policies WHERE mchid = ?", mchid)
    return Policy(**unpack(row["what"])) if row else Policy()


def set_policy(world: World, mchid: str, wanted: Policy) -> None:
    """Choose the faults of a merchant."""
    world.store.insert("pay_policies", mchid=mchid, what=pack(asdict(wanted)))


def _use(world: World, mchid: str, fault: str) -> bool:
    known = policy(world, mchid)
    value = getattr(known, fault)
    if value and value is not True:
        set_policy(world, mchid, replace(known, **{fault: value - 1}))
    return bool(value)


def remember_mode(world: World, mchid: str, *, by_public_key: bool) -> None:
    """How the merchant's last call wanted answers to be signed; notifications follow it."""
    value = "public_key" if by_public_key else "certificate"
    if world.store.setting(f"pay_mode:{mchid}", "") != value:
        world.store.insert("settings", key=f"pay_mode:{mchid}", value=value)


def paid(world: World, order: Order) -> None:
    """Tell the merchant that an order was paid."""
    resource = transaction(world, order)
    if _use(world, order.mchid, "wrong_amount"):
        resource["amount"]["total"] += 1
    _queue(
        world,
        merchants.get(world, order.mchid),
        event_type="TRANSACTION.SUCCESS",
        subject=order.out_trade_no,
        url=order.given["notify_url"],
        resource=resource,
        original_type="transaction",
    )


def refund_ended(
    world: World, order: Order, given: dict[str, Any], resource: dict[str, Any], outcome: str
) -> None:
    """Tell the merchant how a refund ended: v2 XML when the call named no address of its own."""
    merchant = merchants.get(world, order.mchid)
    common = {"event_type": f"REFUND.{outcome}", "subject": resource["out_refund_no"]}
    if given.get("notify_url"):
        _queue(
            world,
            merchant,
            **common,
            url=given["notify_url"],
            resource=resource,
            original_type="refund",
        )
    elif merchant.settings.refund_notify_url:
        body = xmlnotice.refund(merchant, order, resource)
        _insert(world, merchant, **common, url=merchant.settings.refund_notify_url, body=body)


def _queue(
    world: World,
    merchant: Merchant,
    *,
    event_type: str,
    subject: str,
    url: str,
    resource: dict[str, Any],
    original_type: str,
) -> None:
    number = str(uuid.uuid4())
    sealed = keys.seal(pack(resource), key=merchant.api_v3_key, associated=original_type)
    body = {
        "id": number,
        "create_time": rfc3339(world.clock.now()),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": SUMMARIES[event_type],
        "resource": {"original_type": original_type, **sealed},
    }
    _insert(
        world,
        merchant,
        event_type=event_type,
        subject=subject,
        url=url,
        body=pack(body),
        number=number,
    )


def _insert(
    world: World,
    merchant: Merchant,
    *,
    event_type: str,
    subject: str,
    url: str,
    body: str,
    number: str = "",
) -> None:
    is_dropped = _use(world, merchant.mchid, "drop")
    world.store.insert(
        "pay_notices",
        id=number or str(uuid.uuid4()),
        mchid=merchant.mchid,
        event_type=event_type,
        subject=subject,
        url=url,
        body=body,
        form="json" if number else "xml",
        state="dropped" if is_dropped else "waiting",
        attempts=0,
        due_at=world.clock.now() + policy(world, merchant.mchid).delay_s,
        created_at=world.clock.now(),
        last="按设置丢弃" if is_dropped else "",
    )


@chore
async def deliver_due(world: World) -> None:
    """Deliver what is due, again and again until nothing is: a moved clock passes many repeats."""
    for _ in range(len(GAPS_S) + 2):
        rows = world.store.rows(
            "SELECT * FROM pay_notices WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at",
            world.clock.now(),
        )
        if not rows:
            return
        for row in rows:
            taken = world.store.write(
                "UPDATE pay_notices SET due_at = ? WHERE id = ? AND state = 'waiting'"
                " AND due_at = ?",
                world.clock.now() + LEASE_S,
                row["id"],
                row["due_at"],
            )
            if taken:
                await _deliver(world, row)


async def resend(world: World, number: str) -> bool:
    """Deliver a notification now, whatever became of it before; returns whether it was taken."""
    row = world.store.row("SELECT * FROM pay_notices WHERE id = ?", number)
    if row is None:
        raise merchants.NoSuchMerchant(number)
    return await _deliver(world, row)


async def _deliver(world: World, row: Row) -> bool:
    mchid = row["mchid"]
    merchant = merchants.find(world, mchid)
    if merchant is None:
        return False
    if row["form"] == "json" and _use(world, mchid, "signtest"):
        await _attempt(world, merchant, row, is_probe=True)
    is_taken, told = await _attempt(world, merchant, row, forged=_use(world, mchid, "forged"))
    attempts = row["attempts"] + 1
    is_over = attempts > len(GAPS_S)
    world.store.write(
        "UPDATE pay_notices SET state = ?, attempts = ?, due_at = ?, last = ? WHERE id = ?",
        "done" if is_taken else "given_up" if is_over else "waiting",
        attempts,
        row["due_at"] + (0 if is_taken or is_over else GAPS_S[attempts - 1]),
        told,
        row["id"],
    )
    if is_taken and _use(world, mchid, "duplicate"):
        await _attempt(world, merchant, row, note="重复")
    return is_taken


def signed_headers(
    world: World, merchant: Merchant, body: str, *, by_public_key: bool, forged: bool = False
) -> dict[str, str]:
    """The Wechatpay headers of an answer or a notification with this body."""
    platform = merchants.platform(world)
    stamp, nonce = str(int(world.clock.now())), secrets.token_hex(16)
    private = platform.public_key_key_pem if by_public_key else platform.certificate_key_pem
    if forged:
        private = merchant.private_key_pem
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": keys.sign(f"{stamp}\n{nonce}\n{body}\n", private_pem=private),
        "Wechatpay-Signature-Type": keys.SCHEME,
        "Wechatpay-Serial": platform.public_key_id if by_public_key else platform.serial,
    }


def _by_public_key(world: World, merchant: Merchant, attempts: int) -> bool:
    wish = merchant.settings.notify_with
    if merchant.settings.verify_with == "public_key" or wish == "public_key":
        return True
    if wish == "mixed":
        return attempts % 2 == 0
    return wish == "auto" and world.store.setting(f"pay_mode:{merchant.mchid}", "") == "public_key"


async def _attempt(
    world: World,
    merchant: Merchant,
    row: Row,
    *,
    forged: bool = False,
    is_probe: bool = False,
    note: str = "",
) -> tuple[bool, str]:
    """Deliver once; returns whether the merchant took it and what became of it in words."""
    body, is_json = row["body"], row["form"] == "json"
    headers = {"Content-Type": "application/json" if is_json else "text/xml"}
    headers |= {"User-Agent": "Mozilla/4.0", "Accept": "*/*"}
    if is_json:
        mode = _by_public_key(world, merchant, row["attempts"])
        headers |= signed_headers(world, merchant, body, by_public_key=mode, forged=forged)
    if is_probe:
        headers["Wechatpay-Signature"] = SIGNTEST + headers["Wechatpay-Signature"][19:]
    started, status, text = time.monotonic(), 0, ""
    try:
        async with asyncio.timeout(world.config.callback_timeout_s):
            answer = await world.pusher.http().post(
                row["url"], content=body.encode(), headers=headers
            )
        status, text = answer.status_code, answer.text
        outcome = _outcome(status, text, is_json=is_json, is_probe=is_probe)
    except (TimeoutError, httpx2.TimeoutException):
        outcome = "timeout"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        outcome, text = "unreachable", str(error) or type(error).__name__
    told = _told(outcome, status, is_probe=is_probe)
    calllog.record(
        world,
        kind="callback",
        method="POST",
        path=row["url"],
        appid=None,
        status=status,
        errcode=None,
        note=" · ".join(
            one
            for one in (f"商户 {merchant.mchid}", row["event_type"], row["subject"], note, told)
            if one
        ),
        request={"headers": headers, "body": unpack(body) if is_json else body},
        answer={"outcome": outcome, "body": text},
        took_s=time.monotonic() - started,
        again=calllog.Again("POST", row["url"], headers, body),
    )
    return outcome == "accepted" and not is_probe, told


def _outcome(status: int, text: str, *, is_json: bool, is_probe: bool) -> str:
    if is_probe:
        return "bad_answer" if status in TAKEN else "accepted"
    if not is_json:
        return "accepted" if "SUCCESS" in text else "refused"
    return "accepted" if status in TAKEN else "refused"


def _told(outcome: str, status: int, *, is_probe: bool) -> str:
    if is_probe:
        return "签名探测：商户没有拒绝" if outcome == "bad_answer" else "签名探测：商户已拒绝"
    words = {"accepted": "已接收", "timeout": "超时", "unreachable": "连不上"}
    return words.get(outcome, f"被拒绝（HTTP {status}）")


def of_merchant(world: World, mchid: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """A merchant's notifications, newest first."""
    rows = world.store.rows(
        "SELECT id, mchid, event_type, subject, url, form, state, attempts, due_at, created_at,"
        " last FROM pay_notices WHERE mchid = ? ORDER BY created_at DESC, rowid DESC LIMIT ?",
        mchid,
        limit,
    )
    return [dict(row) for row in rows]
