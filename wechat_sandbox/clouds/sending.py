"""What both clouds do with a message: count its segments, keep to limits, hand it to the phone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from wechat_sandbox import sms
from wechat_sandbox.clock import BEIJING
from wechat_sandbox.clouds import receipts
from wechat_sandbox.clouds.senders import LIMITS, Sender, Template
from wechat_sandbox.store import add_tables
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE sms_sent (
    serial TEXT PRIMARY KEY, key_id TEXT NOT NULL, phone TEXT NOT NULL, is_code INTEGER NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX sms_sent_to ON sms_sent (key_id, phone, at);
"""
)

ONE_SEGMENT, LONG_SEGMENT = 70, 67
HOUR_S, DAY_S = 3600, 86400
MARKETING_HOURS = range(8, 22)


@dataclass(frozen=True)
class Sent:
    """A message that was taken."""

    serial: str
    segments: int


def segments_of(text: str) -> int:
    """How many messages a text is billed as: up to 70 characters one, longer ones 67 each."""
    return 1 if len(text) <= ONE_SEGMENT else -(-len(text) // LONG_SEGMENT)


def is_marketing_time(world: World) -> bool:
    """Whether advertising may be sent now: 8 to 22 o'clock in Beijing."""
    at = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(BEIJING)
    return at.hour in MARKETING_HOURS


def limit_hit(world: World, sender: Sender, phone: str) -> str:
    """Which limit of codes to one number is used up: minute, hour or day; empty for none."""
    if not sender.limits:
        return ""
    few, few_s, an_hour, a_day = LIMITS[sender.provider]
    now = world.clock.now()
    stretches = (("minute", few_s, few), ("hour", HOUR_S, an_hour), ("day", DAY_S, a_day))
    for name, seconds, allowed in stretches:
        row = world.store.row(
            "SELECT count(*) AS n FROM sms_sent WHERE key_id = ? AND phone = ? AND is_code"
            " AND at > ?",
            sender.key_id,
            phone,
            now - seconds,
        )
        if row and row["n"] >= allowed:
            return name
    return ""


def hand_over(
    world: World,
    sender: Sender,
    template: Template,
    *,
    phone: str,
    text: str,
    serial: str,
    context: str,
) -> Sent:
    """Put a message on the phone and note the receipt that will come.

    Args:
        world: the sandbox.
        sender: the account.
        template: of the message; its kind decides about limits.
        phone: in E.164.
        text: with its signature in front.
        serial: the provider's number of this message.
        context: what the caller wants back in the receipt (SessionContext, OutId).
    """
    segments = segments_of(text)
    sms.keep(world, phone=phone, text=text, request_id=f"{sender.provider}:{serial}:{phone}")
    world.store.insert(
        "sms_sent",
        serial=f"{serial}:{phone}",
        key_id=sender.key_id,
        phone=phone,
        is_code=int(template.kind == "code"),
        at=world.clock.now(),
    )
    receipts.expect(world, sender, phone=phone, serial=serial, context=context, segments=segments)
    return Sent(serial, segments)


def request_id() -> str:
    """A number for one request, as both clouds give."""
    text = secrets.token_hex(16)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
