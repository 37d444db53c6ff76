"""The SMS gateway: takes text messages of the product and shows them on the phones.

``POST /sms.gateway/v1/messages`` with ``{"to": "+8613800138000", "text": "...", "request_id":
"..."}`` answers ``{"id": "..."}``; the same request id again is the same message. A number that
belongs to nobody here is kept as well: the page ``/_sandbox/sms`` shows all of them.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wechat_sandbox import calllog, control, people
from wechat_sandbox.phone import route as phone_route
from wechat_sandbox.store import Row
from wechat_sandbox.world import World

PATH = "/sms.gateway/v1/messages"
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
LONGEST_TEXT = 500
KEPT = 2000


async def take(request: Request) -> Response:
    """Take one message of the product."""
    started = time.monotonic()
    world = control.world_of(request)
    raw = await request.body()
    status, answer = _take(world, raw)
    calllog.record(
        world,
        kind="api",
        method=request.method,
        path=PATH,
        appid=None,
        status=status,
        errcode=None,
        note=str(answer.get("message", "")),
        request={"body": raw[: LONGEST_TEXT * 4].decode(errors="replace")},
        answer=answer,
        took_s=time.monotonic() - started,
        again=calllog.again_of(request, raw),
    )
    return JSONResponse(answer, status_code=status)


def _take(world: World, raw: bytes) -> tuple[int, dict[str, Any]]:
    fault = _take_fault(world)
    if fault:
        return fault, {"code": "BUSY", "message": "a fault was asked for"}
    try:
        given = json.loads(raw)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return 400, {"code": "BAD_REQUEST", "message": "the body must be a JSON object"}
    to, text, request_id = given.get("to"), given.get("text"), given.get("request_id")
    if not isinstance(to, str) or not NUMBER.fullmatch(to):
        return 422, {"code": "BAD_NUMBER", "message": "to must be a number such as +8613800138000"}
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TEXT:
        return 422, {"code": "BAD_TEXT", "message": f"text must have 1 to {LONGEST_TEXT} signs"}
    if not isinstance(request_id, str) or not request_id:
        return 422, {"code": "BAD_REQUEST_ID", "message": "request_id is missing"}
    return 200, {"id": f"sms{keep(world, phone=to, text=text, request_id=request_id)}"}


def _take_fault(world: World) -> int:
    row = world.store.row(
        "SELECT * FROM faults WHERE remaining > 0 AND path = ? ORDER BY id LIMIT 1", PATH
    )
    if row is None:
        return 0
    world.store.write("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", row["id"])
    return int(json.loads(row["what"]).get("http_status", 503))


def keep(world: World, *, phone: str, text: str, request_id: str) -> int:
    """Put a message into the inbox of a number; answers its id, the old one for a repeat."""
    with world.store.transaction():
        known = world.store.row("SELECT id FROM sms WHERE request_id = ?", request_id)
        if known is not None:
            return int(known["id"])
        number = world.store.insert(
            "sms", phone=phone, text=text, request_id=request_id, at=world.clock.now(), seen=0
        )
        world.store.write("DELETE FROM sms WHERE id <= ?", number - KEPT)
    for person in people.with_phone(world.store, phone):
        world.touch(person.slug)
    return number


def _message(row: Row) -> dict[str, Any]:
    return {"id": row["id"], "phone": row["phone"], "text": row["text"], "at": row["at"]}


def inbox(
    world: World, *, phone: str = "", find: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Messages, newest first: all of them, of one number, or whose number or text fits."""
    rows = world.store.rows(
        "SELECT * FROM sms WHERE (? = '' OR phone = ?) AND (? = '' OR instr(phone || text, ?))"
        " ORDER BY id DESC LIMIT ?",
        phone,
        phone,
        find,
        find,
        limit,
    )
    return [_message(row) for row in rows]


@control.route("GET", "sms")
async def list_messages(world: World, request: Request) -> Any:
    """Messages newest first; ``phone`` (E.164) or ``find`` narrows them; with their person."""
    query = request.query_params
    owners = {one.phone: one.nickname for one in people.every(world.store)}
    return [
        {**one, "person": owners.get(one["phone"], "")}
        for one in inbox(world, phone=query.get("phone", ""), find=query.get("find", ""))
    ]


@control.route("DELETE", "sms")
async def delete_messages(world: World, request: Request) -> Any:
    """Empty every inbox."""
    gone = world.store.write("DELETE FROM sms")
    world.touch_all()
    return {"forgotten": gone}


@phone_route("GET", "sms")
async def own_messages(world: World, person: people.Person, request: Request) -> Any:
    """The phone's own messages, newest first; looking at them makes them seen."""
    if world.store.write("UPDATE sms SET seen = 1 WHERE phone = ? AND NOT seen", person.phone):
        world.touch(person.slug)
    return inbox(world, phone=person.phone)
