"""Receipts: what became of each message, pushed in batches, late, twice or never."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx2

from wechat_sandbox import calllog
from wechat_sandbox.clock import BEIJING
from wechat_sandbox.clouds import senders
from wechat_sandbox.clouds.senders import Sender
from wechat_sandbox.schedule import chore
from wechat_sandbox.store import Row, add_tables, pack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE sms_receipts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL, phone TEXT NOT NULL,
    serial TEXT NOT NULL, context TEXT NOT NULL, segments INTEGER NOT NULL, code TEXT NOT NULL,
    sent_at REAL NOT NULL, known_at REAL NOT NULL, due_at REAL NOT NULL, attempts INTEGER NOT NULL,
    state TEXT NOT NULL, is_pulled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sms_receipts_due ON sms_receipts (state, due_at);
"""
)

BATCH = 50
LEASE_S = 20
# Alibaba repeats after 1, 5 and 10 minutes; how often Tencent does is not documented.
GAPS_S = (60, 300, 600)
DELIVERED = {"tencent": "DELIVRD", "aliyun": "DELIVERED"}


def expect(
    world: World, sender: Sender, *, phone: str, serial: str, context: str, segments: int
) -> None:
    """Note the receipts a message will have."""
    rule, now = senders.rule_of(world, phone), world.clock.now()
    count = {"never": 0, "once": 1, "twice": 2}[rule.receipt or sender.receipts]
    after = sender.receipt_after_s if rule.receipt_after_s is None else rule.receipt_after_s
    for _ in range(count):
        world.store.insert(
            "sms_receipts",
            key_id=sender.key_id,
            phone=phone,
            serial=serial,
            context=context,
            segments=segments,
            code=rule.receipt_code or DELIVERED[sender.provider],
            sent_at=now,
            known_at=now + after,
            due_at=now + after,
            attempts=0,
            state="waiting" if sender.receipt_url else "unpushed",
        )


@chore
async def push_due(world: World) -> None:
    """Push what is due, one request for many receipts of an account."""
    for sender in senders.every(world):
        for _ in range(len(GAPS_S) + 2):
            rows = _claim(world, sender)
            if not rows:
                break
            await _push(world, sender, rows)


def _claim(world: World, sender: Sender) -> list[Row]:
    with world.store.transaction():
        rows = world.store.rows(
            "SELECT * FROM sms_receipts WHERE key_id = ? AND state = 'waiting' AND due_at <= ?"
            " ORDER BY id LIMIT ?",
            sender.key_id,
            world.clock.now(),
            BATCH,
        )
        for row in rows:
            world.store.write(
                "UPDATE sms_receipts SET due_at = ? WHERE id = ?",
                world.clock.now() + LEASE_S,
                row["id"],
            )
    return rows


async def _push(world: World, sender: Sender, rows: list[Row]) -> None:
    told = [_told(sender, row) for row in rows]
    is_taken = await _post(world, sender, told)
    for row in rows:
        attempts = row["attempts"] + 1
        is_over = attempts > len(GAPS_S)
        world.store.write(
            "UPDATE sms_receipts SET state = ?, attempts = ?, due_at = ? WHERE id = ?",
            "done" if is_taken else "given_up" if is_over else "waiting",
            attempts,
            row["due_at"] + (0 if is_taken or is_over else GAPS_S[attempts - 1]),
            row["id"],
        )


async def _post(world: World, sender: Sender, told: list[dict[str, Any]]) -> bool:
    started, status, text = time.monotonic(), 0, ""
    headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0"}
    body = pack(told)
    try:
        async with asyncio.timeout(world.config.callback_timeout_s):
            answer = await world.pusher.http().post(
                sender.receipt_url, content=body.encode(), headers=headers
            )
        status, text = answer.status_code, answer.text
        outcome = "accepted" if _is_taken(sender.provider, status, text) else "refused"
    except (TimeoutError, httpx2.TimeoutException):
        outcome = "timeout"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        outcome, text = "unreachable", str(error) or type(error).__name__
    calllog.record(
        world,
        kind="callback",
        method="POST",
        path=sender.receipt_url,
        appid=None,
        status=status,
        errcode=None,
        note=f"短信回执 · {len(told)} 条 · {WORDS[outcome]}",
        request={"body": told},
        answer={"outcome": outcome, "body": text},
        took_s=time.monotonic() - started,
        again=calllog.Again("POST", sender.receipt_url, headers, body),
    )
    return outcome == "accepted"


WORDS = {"accepted": "已接收", "refused": "被拒绝", "timeout": "超时", "unreachable": "连不上"}


def _is_taken(provider: str, status: int, text: str) -> bool:
    """Tencent wants ``{"result": 0}``, Alibaba ``{"code": 0}`` with a number."""
    if status != HTTPStatus.OK:
        return False
    try:
        found = json.loads(text)
    except ValueError:
        return False
    value = (
        found.get("result" if provider == "tencent" else "code") if isinstance(found, dict) else 1
    )
    return value == 0 and not isinstance(value, bool)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _told(sender: Sender, row: Row) -> dict[str, Any]:
    is_ok = row["code"] == DELIVERED[sender.provider]
    national = row["phone"].removeprefix("+86")
    if sender.provider == "tencent":
        return {
            "user_receive_time": _time(row["known_at"]),
            "nationcode": "86",
            "mobile": national,
            "report_status": "SUCCESS" if is_ok else "FAIL",
            "errmsg": row["code"],
            "description": "用户短信送达成功" if is_ok else "用户短信送达失败",
            "sid": row["serial"],
            "ext": row["context"],
        }
    return {
        "phone_number": national,
        "send_time": _time(row["sent_at"]),
        "report_time": _time(row["known_at"]),
        "success": is_ok,
        "err_code": row["code"],
        "err_msg": "用户接收成功" if is_ok else "发送失败",
        "sms_size": str(row["segments"]),
        "biz_id": row["serial"],
        "out_id": row["context"],
    }


def pull(world: World, sender: Sender, limit: int) -> list[dict[str, Any]]:
    """Receipts an account has not fetched yet, as Tencent's PullSmsSendStatus gives them."""
    rows = world.store.rows(
        "SELECT * FROM sms_receipts WHERE key_id = ? AND NOT is_pulled AND known_at <= ?"
        " ORDER BY id LIMIT ?",
        sender.key_id,
        world.clock.now(),
        limit,
    )
    for row in rows:
        world.store.write("UPDATE sms_receipts SET is_pulled = 1 WHERE id = ?", row["id"])
    return [
        {
            "UserReceiveTime": int(row["known_at"]),
            "CountryCode": "86",
            "SubscriberNumber": row["phone"].removeprefix("+86"),
            "PhoneNumber": row["phone"],
            "SerialNo": row["serial"],
            "ReportStatus": "SUCCESS" if row["code"] == DELIVERED["tencent"] else "FAIL",
            "Description": row["code"],
            "SessionContext": row["context"],
        }
        for row in rows
    ]


def of_sender(world: World, key_id: str) -> list[dict[str, Any]]:
    """An account's receipts and what became of them, newest first, at most 200."""
    rows = world.store.rows(
        "SELECT * FROM sms_receipts WHERE key_id = ? ORDER BY id DESC LIMIT 200", key_id
    )
    return [dict(row) for row in rows]
