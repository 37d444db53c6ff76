"""The log of every call and push, with secrets shown only in part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request

from wechat_sandbox.store import Row, pack, unpack
from wechat_sandbox.world import World

KEPT = 2000
SHORT = 8
SHOWN_CHARACTERS = 6000

SECRET_NAMES = {
    "access_token", "refresh_token", "secret", "appsecret", "code", "aes_key", "token",
    "js_code", "component_access_token", "component_appsecret", "component_secret",
    "component_verify_ticket", "authorization_code", "authorizer_access_token",
    "authorizer_refresh_token", "pre_auth_code", "auth_code", "session_key", "ticket",
    "iv", "encryptedData",
}  # fmt: skip


@dataclass(frozen=True)
class Again:
    """A call as it was on the wire, so that it can be made once more; never shown.

    Attributes:
        method: of HTTP.
        url: of a push the whole address, of a call to the sandbox its path and query.
        headers: those that matter.
        body: as text; calls with other bodies cannot be repeated.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str


CODE = re.compile(r"([?&]code=)(\w{4})\w+(\w{4})")
NOT_REPEATED = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}
LONGEST_REPEAT = 200_000


def again_of(request: Request, raw: bytes) -> Again | None:
    """A call to the sandbox as it came; None when it is too long or no text."""
    if len(raw) > LONGEST_REPEAT:
        return None
    try:
        body = raw.decode()
    except UnicodeDecodeError:
        return None
    headers = {name: one for name, one in request.headers.items() if name not in NOT_REPEATED}
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"] + (f"?{query}" if query else "")
    return Again(request.method, path, headers, body)


def repeat_of(world: World, number: int) -> Again | None:
    """How to make a logged call once more; None when that is not known."""
    row = world.store.row("SELECT again FROM calls WHERE id = ? AND again IS NOT NULL", number)
    return Again(**unpack(row["again"])) if row else None


def partly(value: str) -> str:
    """Enough of a secret to recognise it, not to use it."""
    return value if len(value) < SHORT else f"{value[:4]}…{value[-4:]}"


def masked(value: Any) -> Any:
    """The same structure with secrets shown in part."""
    if isinstance(value, dict):
        return {
            key: partly(one) if key in SECRET_NAMES and isinstance(one, str) else masked(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [masked(one) for one in value]
    if isinstance(value, str):
        shown = value[:SHOWN_CHARACTERS]
        return CODE.sub(r"\1\2…\3", shown) if "code=" in shown else shown
    return value


def masked_query(path: str, query: str) -> str:
    """An address whose secrets are shown in part."""
    values = {key: one[0] for key, one in parse_qs(query).items()}
    return f"{path}?{urlencode(masked(values), safe='…')}"


def record(
    world: World,
    *,
    kind: str,
    method: str,
    path: str,
    appid: str | None,
    status: int,
    errcode: int | None,
    note: str,
    request: Any,
    answer: Any,
    took_s: float,
    again: Again | None = None,
) -> None:
    """Keep one call (``kind`` api, pay, page or callback); the oldest beyond 2,000 are dropped."""
    number = world.store.insert(
        "calls",
        at=world.clock.now(),
        kind=kind,
        method=method,
        path=path,
        appid=appid,
        status=status,
        errcode=errcode,
        note=note,
        request=pack(masked(request)),
        answer=pack(masked(answer)),
        took_ms=round(took_s * 1000),
        again=pack(vars(again)) if again else None,
    )
    if number % 100 == 0:
        world.store.write("DELETE FROM calls WHERE id <= ?", number - KEPT)


def latest(
    world: World, *, limit: int, before: int | None = None, kind: str | None = None, find: str = ""
) -> list[dict[str, Any]]:
    """Calls, newest first."""
    rows = world.store.rows(
        "SELECT * FROM calls WHERE id < ? AND (? IS NULL OR kind = ?)"
        " AND (? = '' OR instr(path || request || answer || note, ?)) ORDER BY id DESC LIMIT ?",
        before or 2**62,
        kind,
        kind,
        find,
        find,
        limit,
    )
    return [_shown(row) for row in rows]


def _shown(row: Row) -> dict[str, Any]:
    call = dict(row)
    can_repeat = call.pop("again") is not None
    texts = {name: unpack(row[name]) for name in ("request", "answer")}
    return {**call, **texts, "can_repeat": can_repeat}
