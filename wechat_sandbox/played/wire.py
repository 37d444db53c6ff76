"""The common way of every call to api.weixin.qq.com: faults, checks in WeChat's order, the log."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from wechat_sandbox import accounts, calllog
from wechat_sandbox.accounts import Account
from wechat_sandbox.played import tokens
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.store import pack, unpack
from wechat_sandbox.world import World

BODY_LIMIT = 1_000_000
NOT_FOUND = (
    "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"
)


@dataclass
class Call:
    """One call on its way."""

    world: World
    request: Request
    raw: bytes
    caller: Account | None = None
    _body: dict[str, Any] | None = None

    @property
    def account(self) -> Account:
        """The account whose token was presented."""
        if self.caller is None:
            raise Refusal(41001)
        return self.caller

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that was posted."""
        if self._body is None:
            self._body = self._read()
        return self._body

    def _read(self) -> dict[str, Any]:
        if not self.raw.strip():
            raise Refusal(44002)
        try:
            value = json.loads(self.raw.decode())
        except ValueError as error:
            raise Refusal(47001) from error
        if not isinstance(value, dict):
            raise Refusal(47001)
        return value

    def query(self, name: str) -> str:
        """One value of the query string, empty when missing."""
        return self.request.query_params.get(name, "")

    def refuse_escapes(self) -> None:
        r"""Menus and messages must hold real characters, not ``\u4e2d``."""
        if re.search(rb"\\u[0-9a-fA-F]{4}", self.raw):
            raise Refusal(40033)

    def receiver(self, openid: object) -> str:
        """Whose openid of this account it is; 40003 when nobody's."""
        slug = self.world.slug_of(self.account.appid, openid) if isinstance(openid, str) else None
        if slug is None:
            raise Refusal(40003)
        return slug


Answer = dict[str, Any]
Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """One path of api.weixin.qq.com."""

    handler: Handler
    method: str
    needs_token: bool
    capability: str | None
    daily: int | None


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    path: str,
    *,
    method: str = "POST",
    needs_token: bool = True,
    capability: str | None = None,
    daily: int | None = None,
) -> Callable[[Handler], Handler]:
    """Register a handler; ``daily`` is the account's quota a day."""

    def register(handler: Handler) -> Handler:
        ENDPOINTS[path] = Endpoint(handler, method, needs_token, capability, daily)
        return handler

    return register


async def answer_api(world: World, request: Request) -> Response:
    """Answer any call to api.weixin.qq.com."""
    started = time.monotonic()
    path = "/" + request.path_params["path"]
    call = Call(world, request, await request.body())
    status, answer = await _answer(call, path)
    calllog.record(
        world,
        kind="api",
        method=request.method,
        path=path,
        appid=_appid_of(call),
        status=status,
        errcode=answer.get("errcode") if answer else None,
        note="",
        request={"query": dict(request.query_params), "body": _shown(call.raw)},
        answer=answer,
        took_s=time.monotonic() - started,
    )
    if status == HTTPStatus.NOT_FOUND:
        return HTMLResponse(NOT_FOUND, status_code=404)
    if answer is None:
        return Response(status_code=status)
    kind = "text/plain" if path.startswith("/sns/") else "application/json; encoding=utf-8"
    return Response(pack(answer), headers={"Content-Type": kind})


async def _answer(call: Call, path: str) -> tuple[int, Answer | None]:
    found = ENDPOINTS.get(path)
    if found is None:
        return 404, None
    try:
        fault = _take_fault(call.world, path)
        if fault and (delay_s := fault.get("timeout")):
            await asyncio.sleep(delay_s)
        if fault and "http_status" in fault and not fault.get("after"):
            return fault["http_status"], None
        if fault and "errcode" in fault:
            raise Refusal(fault["errcode"], fault.get("errmsg"))
        answer = await _checked(call, path, found)
        return (fault["http_status"], None) if fault and "http_status" in fault else (200, answer)
    except Refusal as refusal:
        return 200, refusal.body()


async def _checked(call: Call, path: str, found: Endpoint) -> Answer:
    if len(call.raw) > BODY_LIMIT:
        raise Refusal(45002)
    if call.request.method != found.method:
        raise Refusal(43001 if found.method == "GET" else 43002)
    if found.needs_token:
        call.caller = tokens.account_of(call.world, call.query("access_token"))
        if found.capability and not call.account.may(found.capability):
            raise Refusal(48001)
        if found.method == "POST":
            _ = call.body
        count_use(call.world, call.account.appid, path, found.daily)
    return await found.handler(call)


def count_use(world: World, appid: str, path: str, default: int | None) -> None:
    """Count one call of today; 45009 above the daily quota."""
    limit = daily_limit(world, appid, path, default)
    if limit is None:
        return
    done = world.store.write(
        "INSERT INTO quota_used (appid, path, day, used) SELECT ?1, ?2, ?3, 1 WHERE ?4 > 0"
        " ON CONFLICT (appid, path, day) DO UPDATE SET used = used + 1 WHERE used < ?4",
        appid,
        path,
        world.clock.day(),
        limit,
    )
    if not done:
        raise Refusal(45009)


def daily_limit(world: World, appid: str, path: str, default: int | None) -> int | None:
    """The quota set for the account, else the usual one; None without any."""
    row = world.store.row(
        "SELECT daily FROM quota_limits WHERE appid = ? AND path = ?", appid, path
    )
    return row["daily"] if row else default


def _take_fault(world: World, path: str) -> dict[str, Any] | None:
    row = world.store.row(
        "SELECT * FROM faults WHERE remaining > 0 AND path IN (?, '*') ORDER BY id LIMIT 1", path
    )
    if row is None:
        return None
    world.store.write("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", row["id"])
    found: dict[str, Any] = unpack(row["what"])
    return found


def _appid_of(call: Call) -> str | None:
    if call.caller:
        return call.caller.appid
    given: object = call.query("appid")
    if not given and call.raw[:1] == b"{":
        try:
            given = call.body.get("appid", "")
        except Refusal:
            return None
    known = isinstance(given, str) and accounts.find(call.world.store, given)
    return str(given) if known else None


def _shown(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw[:2000].decode(errors="replace")
